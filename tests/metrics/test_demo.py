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
    for _ in range(60):
        for _ in range(5):
            now += 1.0
            world.step()  # which loads and unloads adapters
        for target in scrapes.given:
            board.take([await scrapes.ask(target)])
        for known in board.known.values():
            for flow in known.figures.models.values():
                # A counter that fell, or began high, would look like a burst of requests.
                assert flow.request_rate is None or 0 <= flow.request_rate < 20
                assert flow.token_rate is None or 0 <= flow.token_rate < 5_000
                assert flow.first_token.total < 1_000
    served = board.known[FRONTENDS[0]].served or frozenset()
    assert GHOST in served
    assert not {*LATE} & served
    # One worker hangs, on purpose.
    asked = [board.known[target] for target in scrapes.given]
    troubles = [one.trouble for one in asked if one.trouble and "refuses" not in one.trouble]
    assert troubles == ["does not answer within 4 s"]
