"""How a tap looks while a publisher of the demo publishes."""

from __future__ import annotations

from textual.pilot import Pilot

from backends.aio.timer import LoopTimer
from tests.snapshots.test_screens import SIZES, Compare
from tests.snapshots.world import Clock, app, demo, loaded, tapped
from tests.support.said_taps import SaidTaps


class Unmeasured(LoopTimer):
    """By it nothing takes time, so that all messages are decoded at once on a busy machine, too."""

    def now(self) -> float:
        return 0.0


@SIZES
def test_tap(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)
    taps = SaidTaps(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await tapped(pilot, world, clock, taps)
        await pilot.press("down", "down")

    dashboard = app(world, clock, taps=taps, timer=Unmeasured())
    assert snap_compare(dashboard, terminal_size=size, run_before=run_before)
