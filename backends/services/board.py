"""The last figures, and how it stands with NATS. Pure: time is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from backends.records import EndpointInstance
from backends.services.types import NotScraped, Scrape
from backends.services.usage import Counter, Usage, join, rates

LATE = 15.0
"""Seconds: what came in a longer time is no rate of late."""


class Board:
    """Keeps the last scrape and what came of each counter since the one before."""

    def __init__(self, late: float = LATE) -> None:
        """Between two scrapes that are more than `late` seconds apart there are no rates."""
        self._late = late
        self.scrape: Scrape | None = None
        """None: there was none yet."""
        self.trouble: NotScraped | None = None
        """Why the last attempt gave nothing. None: it gave something, or there was none."""
        self.trouble_since = 0.0
        """When that began, in POSIX seconds."""
        self._rates: Mapping[Counter, float] = {}

    def take(self, scrape: Scrape) -> None:
        """The services were asked once more."""
        self._rates = rates(self.scrape, scrape, self._late)
        self.scrape, self.trouble = scrape, None

    def fail(self, why: NotScraped, now: float) -> None:
        """They could not be asked; the last counts stay, and no rate is known any more."""
        if self.trouble is None:
            self.trouble_since = now
        self.trouble = why
        self._rates = {}

    def age(self, now: float) -> float | None:
        """Seconds since the last scrape. None: there was none."""
        return None if self.scrape is None else max(0.0, now - self.scrape.at)

    def usages(
        self,
        records: Iterable[EndpointInstance],
        known: Iterable[tuple[str, str]] = (),
        *,
        complete: bool = True,
    ) -> list[Usage]:
        """The last figures joined to what is registered now; see `join`."""
        return join(self.scrape, records, self._rates, known, complete=complete)
