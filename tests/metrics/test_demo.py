"""The demo's metrics: believable, and the same at the same time."""

from __future__ import annotations

from backends.demo.cluster import Demo
from backends.demo.metrics import FRONTENDS, GHOST, LATE, DemoScrapes
from backends.metrics.latest import LatestMetrics


async def test_figures_of_the_demo_are_believable_whenever_it_is_looked_at() -> None:
    now = 1_763_719_200.0
    world = Demo(clock=lambda: now)
    scrapes = DemoScrapes(world, lambda: now)
    board = LatestMetrics()
    for _ in range(120):
        now += 5.0
        for target in scrapes.given:
            board.take([await scrapes.ask(target)])
        for known in board.known.values():
            for flow in known.figures.models.values():
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
