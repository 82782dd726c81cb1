"""Asks processes for their metrics over HTTP, and frontends for what they serve."""

from __future__ import annotations

import asyncio
import base64
import importlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backends.metrics.names import Kind, kinds_of
from backends.metrics.scrape import NotText, Scrape, parsed
from backends.metrics.served import PATH, listed
from backends.metrics.targets import Target
from backends.probe.dialling import explained
from backends.probe.names import resolve

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 8 << 20
"""Of an answer; a frontend of a hundred models sends about 5 MB."""
MOST_LIST_BYTES = 1 << 20
CONCURRENCY = 16
"""Processes that are asked at a time."""
TIME_LIMIT = 4.0
"""Seconds for one process, from its name to the last byte."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of scraping one process."""

    target: Target
    at: float
    """POSIX seconds at which it ended."""
    scrape: Scrape | None = None
    """None: it failed."""
    served: frozenset[str] | None = None
    """What a frontend lists as served. None: it is none, or it did not say."""
    trouble: str = ""
    """Why it failed, to follow the URL in a sentence: `refuses connections`."""


class Scrapes(Protocol):
    """Scrapes processes, real ones or those of a play."""

    @property
    def given(self) -> Sequence[Target]:
        """The processes that a person named."""

    @property
    def reveals(self) -> bool:
        """Whether to scrape also the system servers that cards reveal."""

    @property
    def here(self) -> bool:
        """Whether a loopback address in the store means this machine."""

    async def scrape(self, targets: Sequence[Target]) -> list[Answer]:
        """Ask each once, now, and say what came of it in the order of the targets."""

    async def aclose(self) -> None:
        """End its connections."""


class Scraper:
    """Scrapes over HTTP. Connects when it is first asked; never follows a redirect."""

    def __init__(
        self,
        given: Sequence[Target],
        *,
        reveals: bool,
        here: bool,
        clock: Callable[[], float],
        time_limit: float = TIME_LIMIT,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """`clock` gives POSIX seconds. The rest is as in `Scrapes`, and in seconds and bytes."""
        self.given = given
        self.reveals = reveals
        self.here = here
        self._clock = clock
        self._time_limit = time_limit
        self._most_bytes = most_bytes
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(CONCURRENCY)
        self._parsing = asyncio.Semaphore(1)

    async def scrape(self, targets: Sequence[Target]) -> list[Answer]:
        if not targets:
            return []
        session = await self._opened()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ask(session, target)) for target in targets]
        return [task.result() for task in tasks]

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # It takes a quarter of a second to import, which must not hold up the screen.
            aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=_Resolver(), limit=CONCURRENCY),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": "dyntop", "Accept-Encoding": "identity"},
                # What comes compressed all the same is no text, and must not become gigabytes.
                auto_decompress=False,
            )
        return self._session

    async def _ask(self, session: aiohttp.ClientSession, target: Target) -> Answer:
        async with self._turns:
            try:
                async with asyncio.timeout(self._time_limit):
                    body = await self._get(session, target, target.url, self._most_bytes)
                at = self._clock()
                # One at a time: the event loop shares its interpreter with whoever parses.
                async with self._parsing:
                    scrape = await asyncio.to_thread(parsed, body, at)
                served = None
                if Kind.FRONTEND in kinds_of(scrape.found):
                    served = await self._list(session, target)
            except (_Failed, NotText) as error:
                return Answer(target, self._clock(), trouble=_sentence(error))
            except TimeoutError:
                trouble = f"does not answer within {self._time_limit:g} s"
                return Answer(target, self._clock(), trouble=trouble)
            return Answer(target, at, scrape, served)

    async def _list(self, session: aiohttp.ClientSession, target: Target) -> frozenset[str] | None:
        try:
            async with asyncio.timeout(self._time_limit):
                return listed(await self._get(session, target, target.base + PATH, MOST_LIST_BYTES))
        except (_Failed, TimeoutError):
            return None

    async def _get(
        self, session: aiohttp.ClientSession, target: Target, url: str, most: int
    ) -> bytes:
        """The body of an answer. Raises `_Failed`."""
        import aiohttp

        try:
            headers = _authorisation(target)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status != 200:
                    raise _Failed(f"answers with HTTP {response.status}")
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > most:
                        raise _Failed(f"sends more than {most / (1 << 20):g} MB")
                return bytes(body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _Failed(_why(error)) from None


class _Failed(Exception):
    """It could not be asked, or not understood; the message says why."""


def _authorisation(target: Target) -> dict[str, str]:
    """The header of RFC 7617. Not aiohttp's own: what 3.12 has for it is deprecated in 3.14."""
    if target.user is None:
        return {}
    both = (target.user, target.password)
    user, password = ("" if one is None else one.get_secret_value() for one in both)
    pair = base64.b64encode(f"{user}:{password}".encode())
    return {"Authorization": f"Basic {pair.decode()}"}


def _why(error: Exception) -> str:
    """What went wrong, without any URL in it: to follow one in a sentence."""
    import aiohttp

    match error:
        case aiohttp.ClientConnectorDNSError():
            return "has a name that does not resolve here"
        case aiohttp.ClientConnectorCertificateError():
            return "has a certificate that is not trusted here"
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return "does not speak TLS as it should"
        case aiohttp.ServerDisconnectedError():
            return "breaks connections off"
        case aiohttp.ClientError() if not isinstance(error, OSError):
            return "sends something else than HTTP"
        case OSError():
            return explained(error).text
    return "cannot be asked"


def _sentence(error: Exception) -> str:
    if isinstance(error, NotText):
        return f"sends something else than Prometheus text: {error}"
    return str(error)


class _Resolver:
    """Looks names up as probes do; aiohttp's own could hold up the end of the program."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[dict[str, Any]]:
        return [
            {
                "hostname": host,
                "host": found,
                "port": port,
                "family": socket.AF_INET6 if ":" in found else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for found in await resolve(host, port)
        ]

    async def close(self) -> None:
        """There is nothing to end."""
