"""The result of scraping NATS services. Pure data; all texts in it are untrusted."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec

NANOSECONDS_IN_A_MS = 1_000_000


class RequestStats(msgspec.Struct, frozen=True):
    """A service's counts for one endpoint since it started."""

    requests: int
    errors: int
    processing_ns: int
    """Nanoseconds of all requests together."""
    last_error: str
    """Empty: there was none."""

    @property
    def mean_ms(self) -> float | None:
        """Mean milliseconds of a request. None: there was none."""
        return mean_ms(self.processing_ns, self.requests)


def mean_ms(processing_ns: int, requests: int) -> float | None:
    """Return the mean milliseconds of a request. None: there was none."""
    return processing_ns / requests / NANOSECONDS_IN_A_MS if requests else None


class EndpointStats(msgspec.Struct, frozen=True):
    """One endpoint of one service."""

    subject: str
    """The subject of its requests; for Dynamo's, `{service}.{endpoint}-{instance_id:x}`."""
    figures: RequestStats | None
    """None: missing or malformed."""
    problem: str = ""
    """Why there are no figures, as a clause."""
    data: str = ""
    """The program's own additions, as compact JSON. Empty: none."""


class Service(msgspec.Struct, frozen=True):
    """One service of one process, as it describes itself."""

    id: str
    """New at each start of the process."""
    name: str
    """For Dynamo's, the slug of `{namespace}_{component}`."""
    version: str
    """For Dynamo's, the release."""
    description: str
    started: float | None
    """POSIX seconds. None: not given."""
    endpoints: tuple[EndpointStats, ...]
    moment: float = 0.0
    """When its figures arrived, for rates: seconds of a monotonic clock."""


class StatsScrape(msgspec.Struct, frozen=True):
    """The answers of all services within one deadline."""

    at: float
    """POSIX seconds."""
    services: tuple[Service, ...] = ()
    ignored: int = 0
    """Answers that were malformed, or came twice."""
    left_out: int = 0
    """Answers beyond the limits, or beyond what could be read in time: services may be missing that
    did answer.
    """


class NotScraped(Exception):
    """The services could not be asked, so nothing is known about them."""

    def __init__(self, reason: str, *, denied: bool = False, check: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        """A clause without a secret, e.g. `NATS refuses connections`."""
        self.denied = denied
        """Whether another user, or another permission of this one, would help."""
        self.check = check
        """The settings that may be wrong, with a hint. Empty: none."""


class Services(Protocol):
    """Scrapes the services of one NATS; see `backends.services.scraper`."""

    async def scrape(self, expected: Collection[str]) -> StatsScrape:
        """Ask all services once. Raises `NotScraped`.

        `expected` are the subjects that should answer: once all have, gathering ends early.
        """

    async def aclose(self) -> None:
        """End the connection."""
