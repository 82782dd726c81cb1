"""Asks services what they counted, again and again while somebody looks, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backends.records import EndpointInstance
from backends.rounds import Rounds
from backends.services.board import Board
from backends.services.types import NotScraped, Services
from backends.services.usage import subjects

INTERVAL = 5.0
"""Seconds between two scrapes."""


class Tallying:
    """Keeps a `Board` up to date while it is looked at."""

    def __init__(
        self,
        services: Services,
        instances: Callable[[], Iterable[EndpointInstance]],
        clock: Callable[[], float],
    ) -> None:
        """`instances` gives all that are registered; `clock` POSIX seconds."""
        self.board = Board()
        self.interval = INTERVAL
        """Seconds between two scrapes."""
        self._services = services
        self._instances = instances
        self._clock = clock
        self._told: Callable[[], None] = lambda: None
        self._rounds = Rounds(self.round, lambda: self.interval)

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        self._rounds.look(looks)

    async def run(self, told: Callable[[], None]) -> None:
        """Scrape for ever while somebody looks; `told` is called after each round."""
        self._told = told
        await self._rounds.run()

    async def round(self) -> None:
        """Scrape once, now."""
        try:
            self.board.take(await self._services.scrape(subjects(self._instances())))
        except NotScraped as why:
            self.board.fail(why, self._clock())
        self._told()
