"""When processes are asked, and that none waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backends.dynamo.records import ModelCard
from backends.metrics.latest import LONGEST_GAP
from backends.metrics.poller import (
    FIRST_INTERVAL,
    INTERVAL,
    LONGEST_WAIT,
    PATIENCE,
    REPORT_DELAY,
    SELDOM,
    MetricsPoller,
)
from backends.metrics.rates import Rates
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import Scraper, ScrapeResult
from tests.support.metrics_screen import FRONTEND, OTHER, WORKER, SaidScrapes
from tests.support.moved_timer import MovedTimer

MODEL = "acme/tiny-llm"


class Told:
    """Counts what a dashboard is told, and waits for what it should see."""

    def __init__(self) -> None:
        self.times = 0
        self._news = asyncio.Event()

    def __call__(self) -> None:
        self.times += 1
        self._news.set()

    async def next(self) -> None:
        self._news.clear()
        await self._news.wait()


@asynccontextmanager
async def looked_at(metering: MetricsPoller) -> AsyncIterator[Told]:
    told = Told()
    metering.look(True)
    running = asyncio.create_task(metering.run(told))
    try:
        async with asyncio.timeout(60):
            yield told
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}


class Hanging(SaidScrapes):
    """Of some it never hears."""

    def __init__(self, *given: ScrapeTarget) -> None:
        super().__init__(*given)
        self.hanging: set[ScrapeTarget] = set()
        self.waiting: list[ScrapeTarget] = []
        self.waits = asyncio.Event()
        self.gave_up = asyncio.Event()

    async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        if target in self.hanging:
            self.waiting.append(target)
            self.waits.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.gave_up.set()
        return await super().ask(target, proven=proven)


async def test_who_hangs_takes_no_rates_from_others() -> None:
    scrapes = Hanging(WORKER, FRONTEND)
    scrapes.models[FRONTEND] = {MODEL: 4.0}
    scrapes.hanging = {WORKER}
    timer = MovedTimer()
    metering = MetricsPoller(scrapes, list, timer=timer)

    def has_rate() -> bool:
        known = metering.latest.known.get(FRONTEND)
        return known is not None and bool(known.figures.models.get(MODEL, Rates()).request_rate)

    async with looked_at(metering):
        await timer.until(has_rate, "a rate")
    assert metering.latest.known[FRONTEND].figures.models[MODEL].request_rate == 4
    assert not metering.latest.known[WORKER].answers
    # Whoever is asked is not asked once more.
    assert scrapes.waiting == [WORKER]


async def test_a_late_answer_is_told_before_the_next_round() -> None:
    answers = asyncio.Event()

    class Late(SaidScrapes):
        async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
            await answers.wait()
            return await super().ask(target, proven=proven)

    timer = MovedTimer()
    metering = MetricsPoller(Late(FRONTEND, OTHER), list, timer=timer)
    async with looked_at(metering) as told:
        await timer.advance(PATIENCE)
        assert told.times == 2
        answers.set()
        # Together, and so a little later.
        await timer.advance(REPORT_DELAY / 2)
        assert told.times == 2
        await timer.advance(REPORT_DELAY / 2)
        assert told.times == 3
        assert all(known.answers for known in metering.latest.known.values())
        assert timer.now() < 1000.0 + FIRST_INTERVAL


async def test_what_is_not_shown_is_asked_seldom_and_at_once_as_soon_as_it_is() -> None:
    timer, scrapes = MovedTimer(0.0), SaidScrapes(FRONTEND)
    metering = MetricsPoller(scrapes, list, timer=timer)
    running = asyncio.create_task(metering.run(lambda: None))
    for seldom, seconds, times in ((True, 4 * SELDOM, 5), (False, 3 * INTERVAL, 4)):
        before = len(scrapes.asked)
        metering.look(True, at_all=not seldom, seldom=seldom)
        await timer.advance(seconds + 0.1)
        assert len(scrapes.asked) - before == times
    # It is not asked once more for being hidden.
    before = len(scrapes.asked)
    metering.look(True, at_all=False, seldom=True)
    await timer.advance(0.1)
    assert len(scrapes.asked) == before
    metering.look(False)
    await timer.advance(10 * SELDOM)
    assert len(scrapes.asked) == before
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    # Else there would be no rates.
    assert SELDOM < LONGEST_GAP


async def test_who_fails_is_asked_less_and_less_often() -> None:
    timer = MovedTimer(0.0)
    scrapes = SaidScrapes(FRONTEND)
    scrapes.troubles[FRONTEND] = "refuses connections"
    metering = MetricsPoller(scrapes, list, timer=timer)
    asked = []
    for _ in range(40):
        before = len(scrapes.asked)
        await metering._begin()
        if len(scrapes.asked) > before:
            asked.append(timer.now())
        await timer.advance(INTERVAL)
    assert asked == [0, 5, 15, 35, 75, 135, 195]
    assert LONGEST_WAIT == 60
    # Who comes back to the tab sees how it is now.
    metering.look(True)
    await metering._begin()
    assert len(scrapes.asked) == 8
    del scrapes.troubles[FRONTEND]
    metering.look(False)
    metering.look(True)
    for _ in range(3):
        await metering._begin()
    assert len(scrapes.asked) == 11


async def test_the_second_scrape_comes_soon_and_the_others_in_their_time() -> None:
    metering = MetricsPoller(SaidScrapes(FRONTEND), list, timer=MovedTimer())
    pauses = []
    for _ in range(3):
        await metering._begin()
        pauses.append(metering._pause())
    assert pauses == [FIRST_INTERVAL, INTERVAL, INTERVAL]


def has_rates(metering: MetricsPoller) -> bool:
    known = metering.latest.known.get(FRONTEND)
    return known is not None and known.figures.process.seconds is not None


async def test_what_is_long_ago_is_forgotten_before_it_is_asked_again() -> None:
    scrapes = Hanging(FRONTEND)
    scrapes.models[FRONTEND] = {MODEL: 4.0}
    metering = MetricsPoller(scrapes, list, interval=0.01)
    async with looked_at(metering) as told:
        while not has_rates(metering):
            await told.next()
        metering.look(False)
        scrapes.hanging = {FRONTEND}
        # An hour.
        scrapes.asked += [[] for _ in range(720)]
        metering.look(True)
        await told.next()
        known = metering.latest.known[FRONTEND]
        assert not known.answers
        assert not known.figures.models


async def test_nobody_waits_for_an_answer_that_nobody_looks_at() -> None:
    scrapes = Hanging(FRONTEND)
    scrapes.hanging = {FRONTEND}
    metering = MetricsPoller(scrapes, list)
    async with looked_at(metering):
        await scrapes.waits.wait()
        metering.look(False)
        await scrapes.gave_up.wait()
        scrapes.waits.clear()
        metering.look(True)
        await scrapes.waits.wait()


async def test_a_fault_of_its_own_is_the_trouble_of_one_process_and_not_of_others() -> None:
    class Faulty(SaidScrapes):
        async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
            if target == WORKER:
                raise RuntimeError("a defect")
            return await super().ask(target, proven=proven)

    metering = MetricsPoller(Faulty(WORKER, FRONTEND), list)
    await metering.round()
    assert "an error in dyntop itself (RuntimeError)" in metering.latest.known[WORKER].trouble
    assert metering.latest.known[FRONTEND].answers


async def test_a_round_that_fails_as_a_whole_is_told_and_ends_no_round_to_come() -> None:
    troubles: list[str] = []

    def cards() -> list[ModelCard]:
        troubles.append(metering.trouble)
        if len(troubles) == 1:
            raise RuntimeError("a defect")
        return []

    metering = MetricsPoller(SaidScrapes(FRONTEND), cards, interval=0.01)
    async with looked_at(metering) as told:
        while len(troubles) < 3:
            await told.next()
        assert metering.latest.known[FRONTEND].answers
    assert troubles[:3] == ["", "an error in dyntop itself, RuntimeError", ""]


async def test_without_targets_nothing_is_opened() -> None:
    scraper = Scraper((), reveals=False, here=False, clock=lambda: 0.0)
    metering = MetricsPoller(scraper, list)
    await metering.round()
    assert metering.asking == []
    assert not scraper._sessions
    assert ScrapeTarget(base="http://a:1") != ScrapeTarget(base="http://a:1", given=False)
