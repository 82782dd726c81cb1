"""Asks processes for their metrics over HTTP, and frontends for what they serve."""

from __future__ import annotations

import asyncio
import base64
import importlib
import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from backends.metrics.names import Kind, kinds_of
from backends.metrics.scrape import MOST_SERIES, NotText, Scrape, parsed
from backends.metrics.served import PATH, Listed, listed
from backends.metrics.targets import Target, is_local
from backends.probe.dialling import explained
from backends.probe.names import TooMany, resolve
from backends.threads import in_daemon_thread

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 8 << 20
"""Of an answer; a frontend of a hundred models sends about 5 MB."""
MOST_LIST_BYTES = 1 << 20
MOST_BYTES_OF_REVEALED = 1 << 20
MOST_SERIES_OF_REVEALED = 2_000
"""Of a server that only a card speaks for; a worker's has about a hundred."""
CONCURRENCY = 16
"""Processes of a sort that are asked at a time."""
TIME_LIMIT = 4.0
"""Seconds for one process, from its name to the last byte, once it is its turn."""


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
    served_cut: bool = False
    """Whether it lists more than that."""
    trouble: str = ""
    """Why it failed, to follow the URL in a sentence: `refuses connections`."""
    unasked: bool = False
    """Whether it was not asked at all, so that its trouble says nothing of it."""


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

    async def ask(self, target: Target, *, proven: bool) -> Answer:
        """Ask it once, as soon as it is its turn, and say what came of it.

        `proven`: it answered the last time. Such a one waits for no other that may hang.
        """

    def now(self) -> float:
        """POSIX seconds, by the clock of the answers."""

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
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether a person named the targets: no connection is used for both."""
        self._turns: defaultdict[tuple[bool, bool], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(CONCURRENCY)
        )
        """Of each sort of target: given or revealed, proven or not."""
        self._parsing = {given: asyncio.Semaphore(1) for given in (True, False)}
        """What is given does not wait for what may take long to parse on purpose."""

    async def ask(self, target: Target, *, proven: bool = False) -> Answer:
        async with self._turns[target.given, proven]:
            return await self._ask(await self._opened(target.given), target)

    def now(self) -> float:
        return self._clock()

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _opened(self, given: bool) -> aiohttp.ClientSession:
        if given in self._sessions:
            return self._sessions[given]
        # It takes a quarter of a second to import, which must not hold up the screen.
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        if given not in self._sessions:  # others may have come first
            resolver = _Resolver(given=given, here=self.here)
            self._sessions[given] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": "dyntop", "Accept-Encoding": "identity"},
                # What comes compressed all the same is no text, and must not become gigabytes.
                auto_decompress=False,
            )
        return self._sessions[given]

    async def _ask(self, session: aiohttp.ClientSession, target: Target) -> Answer:
        most_bytes, most_series = self._most_bytes, MOST_SERIES
        if not target.given:
            most_bytes = min(most_bytes, MOST_BYTES_OF_REVEALED)
            most_series = MOST_SERIES_OF_REVEALED
        try:
            async with asyncio.timeout(self._time_limit):
                body = await self._get(session, target, target.url, most_bytes)
            at = self._clock()
            # One at a time: the event loop shares its interpreter with whoever parses.
            async with self._parsing[target.given]:
                scrape = await in_daemon_thread(partial(parsed, body, at, most_series), "parse")
            served = None
            if Kind.FRONTEND in kinds_of(scrape.found):
                served = await self._list(session, target)
        except (_Failed, NotText) as error:
            unasked = isinstance(error, _NotAsked)
            return Answer(target, self._clock(), trouble=_sentence(error), unasked=unasked)
        except TimeoutError:
            trouble = f"does not answer within {self._time_limit:g} s"
            return Answer(target, self._clock(), trouble=trouble)
        if served is None:
            return Answer(target, at, scrape)
        return Answer(target, at, scrape, served.names, served.cut)

    async def _list(self, session: aiohttp.ClientSession, target: Target) -> Listed | None:
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
        except aiohttp.ClientConnectorDNSError as error:
            raise _unresolved(error.os_error) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _Failed(_why(error)) from None


class _Failed(Exception):
    """It could not be asked, or not understood; the message says why."""


class _NotAsked(_Failed):
    """It was not even tried."""


def _unresolved(error: OSError) -> _Failed:
    match error:
        case TooMany():
            return _NotAsked("was not asked: too many names are being looked up")
        case _Elsewhere():
            return _NotAsked("was not asked: its name stands for whichever machine looks it up")
    return _Failed("has a name that does not resolve here")


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


class _Elsewhere(OSError):
    """A name from a store stands for this machine, and the store is on another one."""


class _Resolver:
    """Looks names up as probes do; aiohttp's own could hold up the end of the program."""

    def __init__(self, *, given: bool, here: bool) -> None:
        """`given`: a person named the targets. `here`: as in `Scrapes`."""
        self._given = given
        self._local_too = given or here

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[dict[str, Any]]:
        addresses = await resolve(host, port, given=self._given)
        if not self._local_too:
            addresses = [address for address in addresses if not is_local(address)]
            if not addresses:
                raise _Elsewhere("it is this machine")
        return [
            {
                "hostname": host,
                "host": found,
                "port": port,
                "family": socket.AF_INET6 if ":" in found else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for found in addresses
        ]

    async def close(self) -> None:
        """There is nothing to end."""
