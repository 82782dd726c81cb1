"""The last statistics, and whether NATS answers. Pure: time is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from backends.dynamo.records import EndpointInstance
from backends.services.overview import Counter, Usage, join, rates
from backends.services.types import NotScraped, StatsScrape

LATE = 15.0
"""Seconds between two scrapes above which no rate is given."""


ANSWERING = 1.0
"""Seconds that a scrape takes at most. An instance registered meanwhile may have been asked or
not.
"""


def _unknown(_record: EndpointInstance) -> float | None:
    return None


class LatestStats:
    """Holds the last scrape, and each counter's rate since the one before."""

    def __init__(self, late: float = LATE) -> None:
        """`late`: seconds between two scrapes above which no rate is given."""
        self._late = late
        self.scrape: StatsScrape | None = None
        """None: there was none yet."""
        self.trouble: NotScraped | None = None
        """Why the last scrape failed. None: it did not, or there was none."""
        self.trouble_since = 0.0
        """When the failures began, in POSIX seconds."""
        self._rates: Mapping[Counter, float] = {}

    def take(self, scrape: StatsScrape) -> None:
        """Take the result of a scrape."""
        self._rates = rates(self.scrape, scrape, self._late)
        self.scrape, self.trouble = scrape, None

    def fail(self, why: NotScraped, now: float) -> None:
        """Take a failed scrape. The last counts stay, and rates are no longer known."""
        if self.trouble is None:
            self.trouble_since = now
        self.trouble = why
        self._rates = {}

    def age(self, now: float) -> float | None:
        """Return the seconds since the last scrape. None: there was none."""
        return None if self.scrape is None else max(0.0, now - self.scrape.at)

    def usages(
        self,
        records: Iterable[EndpointInstance],
        known: Iterable[tuple[str, str]] = (),
        *,
        complete: bool = True,
        since: Callable[[EndpointInstance], float | None] = _unknown,
    ) -> list[Usage]:
        """Return the last statistics joined to the registered instances, as `join`.

        `since` returns when a record was registered (POSIX seconds). None: not known.
        """
        found = join(self.scrape, records, self._rates, known, complete=complete)
        if self.trouble is not None:
            return [replace(one, asked=False) for one in found]
        return [replace(one, asked=False) if self._is_new(one, since) else one for one in found]

    def _is_new(self, usage: Usage, since: Callable[[EndpointInstance], float | None]) -> bool:
        """Return whether an instance was registered after the last scrape began."""
        if usage.service is not None or self.scrape is None:
            return False
        moments = [since(record) for record in usage.records]
        return all(at is not None and at > self.scrape.at - ANSWERING for at in moments)
