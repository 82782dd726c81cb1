"""Scrapes again and again while somebody looks, and only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from backends.metrics.board import Board
from backends.metrics.scraper import Scrapes
from backends.metrics.targets import Target, revealed
from backends.records import ModelCard

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
        self.scraped = False
        """Whether there was a round of scrapes, or would have been had there been whom to ask."""
        self._scrapes = scrapes
        self._cards = cards
        self.interval = interval
        """Seconds between two scrapes."""
        self._looked_at = asyncio.Event()

    @property
    def reveals(self) -> bool:
        """Whether the servers that cards reveal are scraped."""
        return self._scrapes.reveals

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        if looks:
            self._looked_at.set()
        else:
            self._looked_at.clear()

    def revealing(self) -> dict[Target, ModelCard]:
        """The system servers that cards reveal and that are scraped, each with such a card."""
        if not self._scrapes.reveals:
            return {}
        return revealed(self._cards(), here=self._scrapes.here)

    def targets(self) -> list[Target]:
        """Whom to scrape now: what was given comes first, and is not asked twice."""
        given = list(self._scrapes.given)
        bases = {target.base for target in given}
        return [*given, *(one for one in self.revealing() if one.base not in bases)]

    async def run(self, told: Callable[[], None]) -> None:
        """Scrape for ever while somebody looks; `told` is called after each round."""
        while True:
            await self._looked_at.wait()
            knew = any(known.scraped_at is not None for known in self.board.known.values())
            try:
                await self.round()
            except Exception:
                # A defect, which must not end all rounds to come; the last figures stay.
                logging.getLogger(__name__).exception("scraping failed")
            told()
            await asyncio.sleep(self.interval if knew else min(FIRST_INTERVAL, self.interval))

    async def round(self) -> None:
        """Scrape each once, now."""
        self.board.take(await self._scrapes.scrape(self.targets()))
        self.scraped = True
