"""Scrape services at intervals, but only while the result is visible."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backends.aio.poll_while_shown import PollWhileShown
from backends.aio.timer import LOOP, Timer
from backends.dynamo.records import EndpointInstance
from backends.services.latest import LatestStats
from backends.services.overview import subjects
from backends.services.types import NotScraped, Services

INTERVAL = 5.0
"""Seconds between two scrapes."""


class ServicesPoller:
    """Keeps a `LatestStats` up to date while it is visible."""

    def __init__(
        self,
        services: Services,
        instances: Callable[[], Iterable[EndpointInstance]],
        clock: Callable[[], float],
        timer: Timer = LOOP,
    ) -> None:
        """`instances` returns all registered instances; `clock` returns POSIX seconds; `timer`
        waits between scrapes.
        """
        self.latest = LatestStats()
        self.interval = INTERVAL
        """Seconds between two scrapes."""
        self._services = services
        self._instances = instances
        self._clock = clock
        self._on_round: Callable[[], None] = lambda: None
        self._polling = PollWhileShown(self.round, lambda: self.interval, timer)

    def look(self, looks: bool) -> None:
        """Set whether the result is visible now."""
        self._polling.look(looks)

    async def run(self, on_round: Callable[[], None]) -> None:
        """Scrape without end while the result is visible; `on_round` is called after each."""
        self._on_round = on_round
        await self._polling.run()

    async def round(self) -> None:
        """Scrape once, now."""
        try:
            self.latest.take(await self._services.scrape(subjects(self._instances())))
        except NotScraped as why:
            self.latest.fail(why, self._clock())
        self._on_round()
