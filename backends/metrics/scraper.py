"""Scrape processes' metrics over HTTP, and frontends' lists of served models."""

from __future__ import annotations

import asyncio
import base64
import importlib
import socket
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from backends.aio.daemon_thread import in_daemon_thread
from backends.aio.timer import LOOP, Timer
from backends.metrics.catalogue import MetricOwner, kinds_of
from backends.metrics.parse import MOST_SERIES, MetricsScrape, NotText, parsed
from backends.metrics.scrape_targets import ScrapeTarget, is_local
from backends.metrics.served import PATH, Listed, listed
from backends.probe.connect import finding_of_error
from backends.probe.dns import TooMany, resolve

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 8 << 20
"""Of an answer. A frontend of a hundred models sends about 5 MB."""
MOST_LIST_BYTES = 1 << 20
MOST_BYTES_OF_REVEALED = 1 << 20
MOST_SERIES_OF_REVEALED = 2_000
"""Of a server that only a card names. A worker has about a hundred."""
CONCURRENCY = 16
"""Processes of one sort that are scraped at a time."""
TIME_LIMIT = 4.0
"""Seconds for one process, from resolving its name to the last byte, once it is its turn."""


class ScrapeResult(msgspec.Struct, frozen=True):
    """The result of scraping one process."""

    target: ScrapeTarget
    at: float
    """POSIX seconds at which it ended."""
    scrape: MetricsScrape | None = None
    """None: it failed."""
    served: frozenset[str] | None = None
    """The models that a frontend lists as served. None: not a frontend, or no list."""
    served_cut: bool = False
    """Whether it lists more than that."""
    trouble: str = ""
    """Why it failed, as a clause that follows the URL: `refuses connections`."""
    unasked: bool = False
    """Whether it was not asked at all, so that the failure proves nothing about it."""


class Scrapes(Protocol):
    """Scrapes processes, real ones or the demo's."""

    @property
    def given(self) -> Sequence[ScrapeTarget]:
        """The processes named in the settings."""

    @property
    def reveals(self) -> bool:
        """Return whether to scrape also the system servers that cards reveal."""

    @property
    def here(self) -> bool:
        """Return whether a loopback address in the store means this machine."""

    async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        """Scrape a target once, as soon as it is its turn.

        `proven`: it answered the last time. Such a target does not wait for others that may hang.
        """

    def now(self) -> float:
        """Return POSIX seconds, by the clock of the results."""

    async def aclose(self) -> None:
        """End its connections."""


class Scraper:
    """Scrapes over HTTP. Connects on the first scrape. Never follows a redirect."""

    def __init__(
        self,
        given: Sequence[ScrapeTarget],
        *,
        reveals: bool,
        here: bool,
        clock: Callable[[], float],
        time_limit: float = TIME_LIMIT,
        most_bytes: int = MOST_BYTES,
        timer: Timer = LOOP,
    ) -> None:
        """`clock` returns POSIX seconds; `timer` measures the time limit. The rest is as in
        `Scrapes`, in seconds and bytes.
        """
        self.given = given
        self.reveals = reveals
        self.here = here
        self._clock = clock
        self._time_limit = time_limit
        self._most_bytes = most_bytes
        self._timer = timer
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether the targets are given: no connection is used for both."""
        self._turns: defaultdict[tuple[bool, bool], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(CONCURRENCY)
        )
        """For each sort of target: given or revealed, proven or not."""
        self._parsing = {given: asyncio.Semaphore(1) for given in (True, False)}
        """Given targets do not wait for text that may be made to parse slowly."""

    async def ask(self, target: ScrapeTarget, *, proven: bool = False) -> ScrapeResult:
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
        # The import takes a quarter of a second, which must not block the screen.
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        if given not in self._sessions:  # another call may have been first
            resolver = _Resolver(given=given, here=self.here)
            self._sessions[given] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": "dyntop", "Accept-Encoding": "identity"},
                # A compressed answer is not text, and must not expand to gigabytes.
                auto_decompress=False,
            )
        return self._sessions[given]

    async def _ask(self, session: aiohttp.ClientSession, target: ScrapeTarget) -> ScrapeResult:
        most_bytes, most_series = self._most_bytes, MOST_SERIES
        if not target.given:
            most_bytes = min(most_bytes, MOST_BYTES_OF_REVEALED)
            most_series = MOST_SERIES_OF_REVEALED
        try:
            async with self._timer.timeout(self._time_limit):
                body = await self._get(session, target, target.url, most_bytes)
            at = self._clock()
            # One at a time: the event loop shares its interpreter with the parser.
            async with self._parsing[target.given]:
                scrape = await in_daemon_thread(partial(parsed, body, at, most_series), "parse")
            served = None
            if MetricOwner.FRONTEND in kinds_of(scrape.found):
                served = await self._list(session, target)
        except (_Failed, NotText) as error:
            unasked = isinstance(error, _NotAsked)
            return ScrapeResult(target, self._clock(), trouble=_sentence(error), unasked=unasked)
        except TimeoutError:
            trouble = f"does not answer within {self._time_limit:g} s"
            return ScrapeResult(target, self._clock(), trouble=trouble)
        if served is None:
            return ScrapeResult(target, at, scrape)
        return ScrapeResult(target, at, scrape, served.names, served.cut)

    async def _list(self, session: aiohttp.ClientSession, target: ScrapeTarget) -> Listed | None:
        try:
            async with self._timer.timeout(self._time_limit):
                return listed(await self._get(session, target, target.base + PATH, MOST_LIST_BYTES))
        except (_Failed, TimeoutError):
            return None

    async def _get(
        self, session: aiohttp.ClientSession, target: ScrapeTarget, url: str, most: int
    ) -> bytes:
        """Return the body of an answer. Raises `_Failed`."""
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
    """The target could not be scraped. The message is the reason."""


class _NotAsked(_Failed):
    """The target was not tried."""


def _unresolved(error: OSError) -> _Failed:
    match error:
        case TooMany():
            return _NotAsked("was not asked: too many names are being looked up")
        case _Elsewhere():
            return _NotAsked("was not asked: its name resolves to the local machine")
    return _Failed("has a name that does not resolve here")


def _authorisation(target: ScrapeTarget) -> dict[str, str]:
    """Return the header of RFC 7617. Written by hand: aiohttp 3.12's own class is deprecated in
    3.14.
    """
    if target.user is None:
        return {}
    pair = base64.b64encode(f"{target.user}:{target.password or ''}".encode())
    return {"Authorization": f"Basic {pair.decode()}"}


def _why(error: Exception) -> str:
    """Return the reason, without any URL, as a clause that follows one."""
    import aiohttp

    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "has a certificate that is not trusted here"
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return "fails in the TLS handshake"
        case aiohttp.ServerDisconnectedError():
            return "drops connections"
        case aiohttp.ClientError() if not isinstance(error, OSError):
            return "sends something else than HTTP"
        case OSError():
            return finding_of_error(error).text
    return "cannot be asked"


def _sentence(error: Exception) -> str:
    if isinstance(error, NotText):
        return f"sends something else than Prometheus text: {error}"
    return str(error)


class _Elsewhere(OSError):
    """A name from a store resolves to this machine, and the store is on another one."""


class _Resolver:
    """Resolves names as probes do. aiohttp's own resolver could delay the end of the program."""

    def __init__(self, *, given: bool, here: bool) -> None:
        """`given`: the targets are from the settings. `here`: as in `Scrapes`."""
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
        """Do nothing."""
