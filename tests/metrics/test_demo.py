"""The demo's metrics: believable, and the same at the same time."""

from __future__ import annotations

import asyncio

import pytest

from backends.demo.cluster import Demo
from backends.demo.metrics import FRONTENDS, GHOST, LATE, DemoScrapes
from backends.metrics.board import Board
from backends.metrics.metering import Metering
from backends.metrics.scraper import Scraper
from backends.metrics.targets import Target
from tests.metrics.screen import FRONTEND, SaidScrapes


async def test_figures_of_the_demo_are_believable_whenever_it_is_looked_at() -> None:
    now = 1_763_719_200.0
    world = Demo(clock=lambda: now)
    scrapes = DemoScrapes(world, lambda: now)
    board = Board()
    for _ in range(120):
        now += 5.0
        board.take(await scrapes.scrape(scrapes.given))
        for flows in board.models().values():
            for flow in flows.values():
                for rate in (flow.request_rate, flow.token_rate):
                    # A counter that fell would look like a new process with a huge past.
                    assert rate is None or 0 <= rate < 5_000
                assert flow.first_token.total < 1_000
    served = board.known[FRONTENDS[0]].served or frozenset()
    assert GHOST in served
    assert not {*LATE} & served
    # One worker hangs, on purpose.
    assert [one.trouble for one in board.known.values() if one.trouble] == [
        "does not answer within 4 s"
    ]


async def test_the_second_scrape_comes_soon_and_the_others_in_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    enough = asyncio.Event()
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            enough.set()
        await real_sleep(0)

    monkeypatch.setattr("backends.rounds.asyncio.sleep", sleep)
    metering = Metering(SaidScrapes(FRONTEND), list)
    metering.look(True)
    running = asyncio.create_task(metering.run(lambda: None))
    await enough.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert slept[:4] == [2.0, 5.0, 5.0, 5.0]


async def test_a_fault_of_its_own_does_not_end_the_rounds_to_come() -> None:
    class Faulty(SaidScrapes):
        async def scrape(self, targets):  # type: ignore[no-untyped-def]
            found = await super().scrape(targets)
            if len(self.asked) == 1:
                raise RuntimeError("a defect")
            return found

    scrapes, told = Faulty(FRONTEND), asyncio.Event()
    metering = Metering(scrapes, list, interval=0.01)
    metering.look(True)
    running = asyncio.create_task(
        metering.run(lambda: told.set() if metering.board.known else None)
    )
    async with asyncio.timeout(10):
        await told.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(scrapes.asked) == 2


async def test_without_targets_nothing_is_opened() -> None:
    scraper = Scraper((), reveals=False, here=False, clock=lambda: 0.0)
    assert await scraper.scrape([]) == []
    assert scraper._session is None
    metering = Metering(scraper, list)
    await metering.round()
    assert metering.asking == []
    assert Target(base="http://a:1") != Target(base="http://a:1", given=False)
