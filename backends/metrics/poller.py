"""Scrape at intervals, but only while the result is visible."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from backends.aio.backoff import Backoff
from backends.aio.poll_while_shown import PollWhileShown
from backends.aio.timer import LOOP, Timer, TimerHandle
from backends.dynamo.records import ModelCard
from backends.metrics.latest import LatestMetrics
from backends.metrics.scrape_targets import CardTargetFinder, ScrapeTarget
from backends.metrics.scraper import ScrapeResult, Scrapes

INTERVAL = 5.0
"""Seconds between two scrapes."""
FIRST_INTERVAL = 2.0
"""Seconds to the second scrape, which is the first that gives rates."""
SELDOM = 15.0
"""Seconds between two scrapes while nothing shows the result. Not more than `LONGEST_GAP`."""
LONGEST_WAIT = 60.0
"""Longest pause in seconds before a failing target is scraped again: 5, 10, 20 and so on up to
it.
"""
PATIENCE = 1.0
"""Seconds that a round waits for answers. Later answers are shown when they come."""
REPORT_DELAY = 0.5
"""Seconds for which answers between rounds are gathered before they are reported."""


class _Failing(msgspec.Struct):
    """A target that did not answer."""

    backoff: Backoff
    again_at: float
    """When to scrape it again, by the timer."""


class MetricsPoller:
    """Keeps a `LatestMetrics` up to date while it is visible. Targets do not wait for each
    other.
    """

    def __init__(
        self,
        scrapes: Scrapes,
        cards: Callable[[], Iterable[ModelCard]],
        *,
        interval: float = INTERVAL,
        timer: Timer = LOOP,
    ) -> None:
        """`cards` returns all registered model cards; `interval` is in seconds, measured by
        `timer`.
        """
        self.latest = LatestMetrics()
        self.asking: Sequence[ScrapeTarget] | None = None
        """The targets of the last round. None: there was none yet."""
        self.revealing: Mapping[ScrapeTarget, ModelCard] = {}
        """The targets among them that cards reveal, given or not, each with such a card."""
        self.revealed = 0
        """The number of servers that cards reveal; only a bounded number of them is scraped."""
        self.interval = interval
        """Seconds between two scrapes."""
        self._scrapes = scrapes
        self._cards = cards
        self._timer = timer
        self._revealing = CardTargetFinder(here=scrapes.here)
        self._on_result: Callable[[], None] = lambda: None
        self._polling = PollWhileShown(self._begin, self._pause, timer)
        self._looked_at = False
        self._looks_at_all = True
        """Whether servers that cards reveal are scraped, too."""
        self._seldom = False
        """Whether nothing shows the result, which is kept all the same."""
        self._began = 0.0
        """When the last round began, by the timer."""
        self._is_first = True
        """Whether no round has begun since the result became visible."""
        self._under_way: dict[ScrapeTarget, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        """All running tasks, including cancelled ones."""
        self._failing: dict[ScrapeTarget, _Failing] = {}
        self._reporting: TimerHandle | None = None

    @property
    def reveals(self) -> bool:
        """Return whether the servers that cards reveal are scraped."""
        return self._scrapes.reveals

    @property
    def trouble(self) -> str:
        """Why the last round failed as a whole. Empty: it did not."""
        return self._polling.trouble

    def look(self, looks: bool, *, at_all: bool = True, seldom: bool = False) -> None:
        """Set whether the result is visible now. Without `at_all` only the given targets are.
        `seldom`: it is not, and the given targets are scraped at longer intervals all the same."""
        appears = looks and not seldom and (self._seldom or not self._looked_at)
        if appears or (looks and at_all and not self._looks_at_all):
            # Scrape at once, the other targets too.
            self._polling.look(False)
        if looks:
            self._looks_at_all = at_all
        if appears:
            self._is_first = True
            # The user wants current values, so scrape failing targets at once.
            self._failing.clear()
        if not looks:
            self._end_all()
        self._looked_at, self._seldom = looks, seldom
        self._polling.look(looks)

    async def run(self, on_result: Callable[[], None]) -> None:
        """Scrape without end while the result is visible; `on_result` is called on news."""
        self._on_result = on_result
        try:
            await self._polling.run()
        finally:
            self._end_all()
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def round(self) -> None:
        """Scrape each target once, now, and wait for all of them."""
        self._failing.clear()
        self._aim()
        self._ask_all()
        await self._wait(self._under_way.values(), None)
        self._report()

    async def _begin(self) -> None:
        self._began = self._timer.now()
        self._aim()
        if self._is_first:
            # It may take seconds; until then the targets are shown as waiting.
            self._is_first = False
            self._report()
        await self._wait(self._ask_all(), PATIENCE)
        self._report()

    def _pause(self) -> float:
        known = self.latest.known.values()
        has_rates = any(one.figures.process.seconds is not None for one in known)
        interval = self.interval if has_rates else min(FIRST_INTERVAL, self.interval)
        if self._seldom:
            interval = SELDOM
        return max(0.0, self._began + interval - self._timer.now())

    def _aim(self) -> None:
        """Choose the targets. Given targets come first, and are not scraped twice."""
        found = self._revealing.of(self._cards() if self._scrapes.reveals else ())
        given = list(self._scrapes.given)
        by_base = {target.base: target for target in given}
        self.revealed = found.number
        self.revealing = {by_base.get(one.base, one): card for one, card in found.cards.items()}
        self.asking = [*given, *(one for one in self.revealing if not one.given)]
        self.latest.keep(self.asking, self._scrapes.now())
        for target in self._failing.keys() - self.latest.known.keys():
            del self._failing[target]
        for target in self._under_way.keys() - self.latest.known.keys():
            self._under_way.pop(target).cancel()

    def _ask_all(self) -> list[asyncio.Task[None]]:
        """Start to scrape all targets that are due."""
        due = [one for one in self.asking or () if one not in self._under_way and self._is_due(one)]
        for target in due:
            task = asyncio.create_task(self._ask(target))
            self._under_way[target] = task
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return [self._under_way[target] for target in due]

    def _is_due(self, target: ScrapeTarget) -> bool:
        if not (target.given or self._looks_at_all):
            return False
        failing = self._failing.get(target)
        return failing is None or failing.again_at <= self._timer.now()

    async def _wait(self, tasks: Iterable[asyncio.Task[None]], patience: float | None) -> None:
        if waited_for := list(tasks):
            with suppress(TimeoutError):
                async with self._timer.timeout(patience):
                    await asyncio.wait(waited_for)

    async def _ask(self, target: ScrapeTarget) -> None:
        try:
            answer = await self._scrapes.ask(target, proven=self.latest.known[target].answers)
        except Exception as error:
            logging.getLogger(__name__).exception("a scrape failed")
            why = f"could not be scraped, by an error in dyntop itself ({type(error).__name__})"
            answer = ScrapeResult(target, self._scrapes.now(), trouble=why)
        if self._under_way.get(target) is not asyncio.current_task():
            return  # the target was dropped meanwhile
        del self._under_way[target]
        self.latest.take([answer])
        if self.latest.known[target].trouble:
            self._put_off(target)
        else:
            self._failing.pop(target, None)
        if self._reporting is None:
            self._reporting = self._timer.call_later(REPORT_DELAY, self._report_late)

    def _put_off(self, target: ScrapeTarget) -> None:
        before = self._failing.get(target)
        backoff = Backoff(self.interval, LONGEST_WAIT) if before is None else before.backoff
        # Half an interval earlier, since rounds are not exact to the millisecond.
        again_at = self._timer.now() + backoff.pause() - self.interval / 2
        self._failing[target] = _Failing(backoff, again_at)

    def _report(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
        self._on_result()

    def _report_late(self) -> None:
        try:
            self._report()
        except Exception:
            # The next round reports it again, and shows the failure.
            logging.getLogger(__name__).exception("a late answer could not be reported")

    def _end_all(self) -> None:
        for task in self._ending:
            task.cancel()
        self._under_way.clear()
        if self._reporting is not None:
            self._reporting.cancel()
            self._reporting = None
