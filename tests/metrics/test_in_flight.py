"""When a drained worker can be stopped, as its own metrics tell."""

from __future__ import annotations

import asyncio

import pytest

from backends.liveness.workers import Worker
from backends.metrics import catalogue
from backends.metrics.in_flight import DrainWatch
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult
from tests.metrics.texts import scrape
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, WORKER, SaidScrapes
from tests.support.operating import World, dashboard
from tests.support.registered import record
from tui.text.format import in_flight_words

MINE = 0xA7
DRAINED = Worker(MINE, (record(registered.card(MINE), lease=MINE),))


class Loaded(SaidScrapes):
    """Workers with so many requests in flight, by process and by the id that they name."""

    def __init__(self, *given: ScrapeTarget) -> None:
        super().__init__(*given)
        self.loads: dict[ScrapeTarget, dict[str, int]] = {}

    def _answer(self, target: ScrapeTarget) -> ScrapeResult:
        lines = [
            f"{catalogue.WORK_IN_FLIGHT}"
            f'{{dynamo_endpoint="generate",worker_id="{worker}"}} {number}'
            for worker, number in self.loads.get(target, {}).items()
        ]
        return ScrapeResult(target, self.now(), scrape(self.now(), lines))


class Unanswered(Loaded):
    """What is asked is open for ever."""

    async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        await asyncio.Event().wait()
        return await super().ask(target, proven=proven)


async def test_it_is_idle_after_two_looks_without_a_request() -> None:
    scrapes = Loaded(WORKER)
    scrapes.loads[WORKER] = {"a7": 3}
    watch = DrainWatch(scrapes)
    said = []
    for number in (3, 0, 0, 1, 0):
        scrapes.loads[WORKER] = {"a7": number}
        found = await watch.look(DRAINED)
        assert found is not None
        said.append(in_flight_words(found))
    once = "none in flight: checking once more"
    assert said == ["3 in flight", once, "idle: safe to stop", "1 in flight", once]


@pytest.mark.parametrize("loads", [{}, {"b2": 3}])
async def test_where_no_metrics_name_the_worker_nothing_is_said(loads: dict[str, int]) -> None:
    scrapes = Loaded(WORKER, FRONTEND)
    scrapes.loads[WORKER] = loads
    assert await DrainWatch(scrapes).look(DRAINED) is None


async def test_of_a_process_with_several_workers_the_own_requests_count() -> None:
    scrapes = Loaded(WORKER)
    scrapes.loads[WORKER] = {"a7": 2, "b2": 5}
    found = await DrainWatch(scrapes).look(DRAINED)
    assert found is not None
    assert found.requests == 2


async def test_processes_that_are_another_workers_are_asked_once() -> None:
    scrapes = Loaded(WORKER, FRONTEND)
    scrapes.loads[WORKER] = {"a7": 2}
    watch = DrainWatch(scrapes)
    await watch.look(DRAINED)
    await watch.look(DRAINED)
    assert [one for asked in scrapes.asked for one in asked] == [WORKER, FRONTEND, WORKER]


async def test_the_detail_of_a_drained_worker_says_what_it_still_has_to_do() -> None:
    world, scrapes = World(), Loaded(WORKER)
    scrapes.loads[WORKER] = {"a7": 2}
    world.put(registered.instance(MINE), registered.card(MINE), lease=MINE)
    async with dashboard(world, scrapes=scrapes, size=(110, 40)) as operator:
        await operator.press("2", "l", "j")
        assert "requests" not in operator.detail()
        await operator.drain("a7")
        await operator.until(lambda: operator.detail().get("requests") == "2 in flight")
        scrapes.loads[WORKER] = {"a7": 0}
        await operator.until(lambda: operator.detail().get("requests") == "idle: safe to stop")
        await operator.press("3")
        await operator.until(lambda: operator.detail().get("requests") == "idle: safe to stop")
        await operator.press("u")
        await operator.until_shown("Put 1 instance back?")
        await operator.until(lambda: getattr(operator.app.screen, "can_be_read", False))
        await operator.press("Y")
        await operator.until(lambda: "requests" not in operator.detail())


async def test_without_metrics_of_a_drained_worker_nothing_says_that_it_is_safe_to_stop() -> None:
    world = World()
    world.put(registered.instance(MINE), registered.card(MINE), lease=MINE)
    async with dashboard(world, size=(80, 24)) as operator:
        await operator.press("3")
        await operator.drain("a7")
        await operator.until_shown("requests    not known: no process with its metrics")
        assert "safe to stop" not in operator.text()
    async with dashboard(world, scrapes=Unanswered(FRONTEND), size=(80, 24)) as operator:
        await operator.press("3")
        await operator.until_shown("requests    not known yet: no metrics of it were")
        assert "safe to stop" not in operator.text()
