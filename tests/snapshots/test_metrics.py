"""How the tab Metrics looks, with the demo's frontends and workers."""

from __future__ import annotations

from textual.pilot import Pilot

from tests.snapshots.test_screens import SIZES, Compare
from tests.snapshots.world import Clock, app, charted, demo, loaded, main_screen, metered, settled


@SIZES
def test_metrics(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await metered(pilot, world, clock)
        pane = main_screen(pilot).active
        assert pane.select(("model", "Qwen/Qwen3-32B"))
        await pilot.press("l")
        await settled(pilot)

    assert snap_compare(app(world, clock), terminal_size=size, run_before=run_before)


def test_charts(snap_compare: Compare) -> None:
    clock = Clock()
    world = demo(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await charted(pilot, world, clock)

    assert snap_compare(app(world, clock), terminal_size=(120, 40), run_before=run_before)
