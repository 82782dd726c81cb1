"""Scrapes again and again while somebody looks, and only then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from backends.metrics.board import Board
from backends.metrics.scraper import Answer, Scrapes
from backends.metrics.targets import Revealing, Target
from backends.records import ModelCard
from backends.rounds import Rounds

INTERVAL = 5.0
"""Seconds between two scrapes."""
FIRST_INTERVAL = 2.0
"""Seconds to the second one, which is the first that can tell rates."""
LONGEST_WAIT = 60.0
"""Seconds until one that fails is asked again: 5, 10, 20 and so on up to that."""
PATIENCE = 1.0
"""Seconds that a round waits for answers; later ones are shown when they come."""
TELLING = 0.5
"""Seconds within which what comes between rounds is told together."""


@dataclass(slots=True)
class _Failing:
    """One that did not answer."""

    times: int
    """In succession."""
    again_at: float
    """When to ask it again, by the monotonic clock."""


class Metering:
    """Keeps a `Board` up to date while it is looked at. No process waits for another one."""

    def __init__(
        self,
        scrapes: Scrapes,
        cards: Callable[[], Iterable[ModelCard]],
        *,
        interval: float = INTERVAL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cards` gives all model cards that are registered; `interval` is in seconds."""
        self.board = Board()
        self.asking: Sequence[Target] | None = None
        """Whom the last round of scrapes asks or asked. None: there was none yet."""
        self.revealing: Mapping[Target, ModelCard] = {}
        """Of these those that cards reveal, given or not, each with such a card."""
        self.revealed = 0
        """How many servers cards reveal; not more than a bounded number of them are asked."""
        self.interval = interval
        """Seconds between two scrapes."""
        self._scrapes = scrapes
        self._cards = cards
        self._monotonic = monotonic
        self._revealing = Revealing(here=scrapes.here)
        self._told: Callable[[], None] = lambda: None
        self._rounds = Rounds(self._begin, self._pause)
        self._looked_at = False
        self._began = 0.0
        """When the last round did, by the monotonic clock."""
        self._is_first = True
        """Whether no round has begun since somebody looks."""
        self._under_way: dict[Target, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        """All that are not over, also those that were cancelled."""
        self._failing: dict[Target, _Failing] = {}
        self._to_tell: asyncio.TimerHandle | None = None

    @property
    def reveals(self) -> bool:
        """Whether the servers that cards reveal are scraped."""
        return self._scrapes.reveals

    @property
    def trouble(self) -> str:
        """Why the last round failed as a whole. Empty: it did not."""
        return self._rounds.trouble

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        if looks and not self._looked_at:
            self._is_first = True
            # Whoever comes back wants to know how it is now.
            self._failing.clear()
        elif not looks:
            self._end_all()
        self._looked_at = looks
        self._rounds.look(looks)

    async def run(self, told: Callable[[], None]) -> None:
        """Scrape for ever while somebody looks; `told` is called when there is something new."""
        self._told = told
        try:
            await self._rounds.run()
        finally:
            self._end_all()
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def round(self) -> None:
        """Scrape each once, now, and wait for all of them."""
        self._failing.clear()
        self._aim()
        self._ask_all()
        await self._wait(self._under_way.values(), None)
        self._tell()

    async def _begin(self) -> None:
        self._began = self._monotonic()
        self._aim()
        if self._is_first:
            # It may take seconds; until then it shall be said whom it waits for.
            self._is_first = False
            self._tell()
        await self._wait(self._ask_all(), PATIENCE)
        self._tell()

    def _pause(self) -> float:
        known = self.board.known.values()
        has_rates = any(one.figures.process.seconds is not None for one in known)
        interval = self.interval if has_rates else min(FIRST_INTERVAL, self.interval)
        return max(0.0, self._began + interval - self._monotonic())

    def _aim(self) -> None:
        """See whom to scrape now: what was given comes first, and is not asked twice."""
        found = self._revealing.of(self._cards() if self._scrapes.reveals else ())
        given = list(self._scrapes.given)
        by_base = {target.base: target for target in given}
        self.revealed = found.number
        self.revealing = {by_base.get(one.base, one): card for one, card in found.cards.items()}
        self.asking = [*given, *(one for one in self.revealing if not one.given)]
        self.board.keep(self.asking, self._scrapes.now())
        for target in self._failing.keys() - self.board.known.keys():
            del self._failing[target]
        for target in self._under_way.keys() - self.board.known.keys():
            self._under_way.pop(target).cancel()

    def _ask_all(self) -> list[asyncio.Task[None]]:
        """Begin to ask all whose turn it is."""
        due = [one for one in self.asking or () if one not in self._under_way and self._is_due(one)]
        for target in due:
            task = asyncio.create_task(self._ask(target))
            self._under_way[target] = task
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return [self._under_way[target] for target in due]

    def _is_due(self, target: Target) -> bool:
        failing = self._failing.get(target)
        return failing is None or failing.again_at <= self._monotonic()

    async def _wait(self, tasks: Iterable[asyncio.Task[None]], patience: float | None) -> None:
        if waited_for := list(tasks):
            await asyncio.wait(waited_for, timeout=patience)

    async def _ask(self, target: Target) -> None:
        try:
            answer = await self._scrapes.ask(target, proven=self.board.known[target].answers)
        except Exception as error:
            logging.getLogger(__name__).exception("a scrape failed")
            why = f"cannot be asked, by an error in dyntop itself ({type(error).__name__})"
            answer = Answer(target, self._scrapes.now(), trouble=why)
        if self._under_way.get(target) is not asyncio.current_task():
            return  # nobody wants to know it any more
        del self._under_way[target]
        self.board.take([answer])
        if self.board.known[target].trouble:
            self._put_off(target)
        else:
            self._failing.pop(target, None)
        if self._to_tell is None:
            self._to_tell = asyncio.get_running_loop().call_later(TELLING, self._tell_late)

    def _put_off(self, target: Target) -> None:
        before = self._failing.get(target)
        times = 1 if before is None else before.times + 1
        wait = min(LONGEST_WAIT, self.interval * 2 ** min(times - 1, 10))
        # Rounds do not come to the millisecond.
        self._failing[target] = _Failing(times, self._monotonic() + wait - self.interval / 2)

    def _tell(self) -> None:
        if self._to_tell is not None:
            self._to_tell.cancel()
            self._to_tell = None
        self._told()

    def _tell_late(self) -> None:
        try:
            self._tell()
        except Exception:
            # The next round tells it again, and says that it fails.
            logging.getLogger(__name__).exception("what came late could not be told")

    def _end_all(self) -> None:
        for task in self._ending:
            task.cancel()
        self._under_way.clear()
        if self._to_tell is not None:
            self._to_tell.cancel()
            self._to_tell = None
