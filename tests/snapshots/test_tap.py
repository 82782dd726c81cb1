"""How a tap looks while a publisher of the demo publishes."""

from __future__ import annotations

from textual.pilot import Pilot

from backends.records import EventChannel
from tests.snapshots.test_screens import SIZES, Compare
from tests.snapshots.world import Clock, app, demo, loaded, main_screen, settled, until
from tests.tap.said import SaidTaps
from tests.tap.wire import removed, stored
from tui.screens.tap import MessageTable, TapScreen


@SIZES
def test_tap(snap_compare: Compare, size: tuple[int, int]) -> None:
    clock = Clock()
    taps = SaidTaps(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await pilot.press("4")
        pane = main_screen(pilot).active
        row = next(row for row in pane.rows if isinstance(row.record, EventChannel))
        pane.select(row.key)
        await settled(pilot)
        await pilot.press("w")
        await until(pilot, lambda: bool(taps.listening))
        screen = pilot.app.screen
        assert isinstance(screen, TapScreen)
        publisher = taps.opened[0].id.instance_id
        assert publisher is not None
        for number in range(24):
            # One is missed on the way.
            sequence = 4_711 + number + (number > 17)
            blocks = range(number, number + 1 + number % 5)
            content = removed(*blocks) if number % 4 == 3 else stored(*blocks, parent=0x1F2E5A77)
            taps.said([content], sequence, publisher)
            clock.now += 0.25 + (number % 3) * 0.5
        table = screen.query_one(MessageTable)
        await until(pilot, lambda: len(table.rows) == 24)
        await pilot.press("down", "down")

    dashboard = app(demo(clock), clock, taps=taps)
    assert snap_compare(dashboard, terminal_size=size, run_before=run_before)
