"""How a tap looks while a publisher of the demo publishes."""

from __future__ import annotations

from textual.pilot import Pilot

from tests.snapshots.test_screens import SIZES, Compare
from tests.snapshots.world import Clock, Unmeasured, app, demo, loaded, tapped
from tests.support.said_taps import SaidTaps


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
