"""What one scrape of NATS services found. Pure data; all texts in it are untrusted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

NANOSECONDS_IN_A_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What a service counted of one endpoint since it started."""

    requests: int
    errors: int
    processing_ns: int
    """Nanoseconds of all requests together."""
    last_error: str
    """Empty: there was none."""

    @property
    def mean_ms(self) -> float | None:
        """Milliseconds that a request took in the mean. None: there was none."""
        return mean_ms(self.processing_ns, self.requests)


def mean_ms(processing_ns: int, requests: int) -> float | None:
    """Milliseconds of a request in the mean. None: there was none."""
    return processing_ns / requests / NANOSECONDS_IN_A_MS if requests else None


@dataclass(frozen=True, slots=True)
class EndpointStats:
    """One endpoint of one service."""

    subject: str
    """Where requests are sent to; for Dynamo's, `{service}.{endpoint}-{instance_id:x}`."""
    figures: Figures | None
    """None: they are not there, or cannot be read."""
    problem: str = ""
    """Why there are no figures, as a clause."""
    data: str = ""
    """What the program adds itself, as compact JSON. Empty: nothing."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of one process, as it tells of itself."""

    id: str
    """Its own for each start of the process."""
    name: str
    """For Dynamo's, the slug of `{namespace}_{component}`."""
    version: str
    """For Dynamo's, the release."""
    description: str
    started: float | None
    """POSIX seconds. None: it does not say."""
    endpoints: tuple[EndpointStats, ...]
    moment: float = 0.0
    """When its figures came, for rates: seconds on a clock that only goes on."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What all services said within one deadline."""

    at: float
    """POSIX seconds."""
    services: tuple[Service, ...] = ()
    ignored: int = 0
    """Answers that cannot be read, or that came twice."""
    left_out: int = 0
    """Answers beyond what is kept of one scrape, or beyond what could be read in time: then some
    services may be missing that did answer."""


class NotScraped(Exception):
    """The services could not be asked: of them nothing is known."""

    def __init__(self, reason: str, *, denied: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        """A clause without a secret, e.g. `NATS refuses connections`."""
        self.denied = denied
        """Another user, or another right of this one, would help."""


class Services(Protocol):
    """Asks the services of one NATS; see `backends.services.scraper`."""

    async def scrape(self, expected: Collection[str]) -> Scrape:
        """Ask all services once. `expected` are the subjects that should answer: when all have, it
        need not wait longer. Raises `NotScraped`."""

    async def aclose(self) -> None:
        """End the connection."""
