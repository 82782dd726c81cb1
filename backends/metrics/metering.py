"""Scrapes again and again while somebody looks, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from backends.metrics.board import Board
from backends.metrics.scraper import Scrapes
from backends.metrics.targets import Target, revealed
from backends.records import ModelCard
from backends.rounds import Rounds

INTERVAL = 5.0
"""Seconds between two scrapes."""
FIRST_INTERVAL = 2.0
"""Seconds to the second one, which is the first that can tell rates."""


class Metering:
    """Keeps a `Board` up to date while it is looked at."""

    def __init__(
        self,
        scrapes: Scrapes,
        cards: Callable[[], Iterable[ModelCard]],
        *,
        interval: float = INTERVAL,
    ) -> None:
        """`cards` gives all model cards that are registered; `interval` is in seconds."""
        self.board = Board()
        self.asking: Sequence[Target] | None = None
        """Whom the last round of scrapes asks or asked. None: there was none yet."""
        self.revealing: Mapping[Target, ModelCard] = {}
        """Of these those that cards reveal, each with such a card."""
        self.scraped = False
        """Whether a round has ended."""
        self.interval = interval
        """Seconds between two scrapes."""
        self._scrapes = scrapes
        self._cards = cards
        self._told: Callable[[], None] = lambda: None
        self._rounds = Rounds(self.round, self._pause)
        self._knew = False
        """Whether the last round was not the first that found anything."""

    @property
    def reveals(self) -> bool:
        """Whether the servers that cards reveal are scraped."""
        return self._scrapes.reveals

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        self._rounds.look(looks)

    async def run(self, told: Callable[[], None]) -> None:
        """Scrape for ever while somebody looks; `told` is called after each round."""
        self._told = told
        await self._rounds.run()

    async def round(self) -> None:
        """Scrape each once, now."""
        self._knew = any(known.scraped_at is not None for known in self.board.known.values())
        is_first = self.asking is None
        self._aim()
        if is_first:
            # It may take seconds; until then it shall be said whom it waits for.
            self._told()
        self.board.take(await self._scrapes.scrape(self.asking or ()))
        self.scraped = True
        self._told()

    def _pause(self) -> float:
        return self.interval if self._knew else min(FIRST_INTERVAL, self.interval)

    def _aim(self) -> None:
        """See whom to scrape now: what was given comes first, and is not asked twice."""
        found = {}
        if self._scrapes.reveals:
            found = revealed(self._cards(), here=self._scrapes.here)
        given = list(self._scrapes.given)
        bases = {target.base for target in given}
        self.revealing = {one: card for one, card in found.items() if one.base not in bases}
        self.asking = [*given, *self.revealing]
