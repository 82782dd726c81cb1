"""How a tap looks while a publisher of the demo publishes."""

from __future__ import annotations

import math

import pytest
from textual.pilot import Pilot

from tests.snapshots.test_screens import SIZES, Compare
from tests.snapshots.world import Clock, app, demo, loaded, tapped
from tests.support.said_taps import SaidTaps


@SIZES
def test_tap(snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    # How many messages are decoded at once depends on how busy the machine is.
    monkeypatch.setattr("tui.screens.tap.DECODING", math.inf)
    clock = Clock()
    taps = SaidTaps(clock)

    async def run_before(pilot: Pilot[None]) -> None:
        await loaded(pilot)
        await tapped(pilot, clock, taps)
        await pilot.press("down", "down")

    dashboard = app(demo(clock), clock, taps=taps)
    assert snap_compare(dashboard, terminal_size=size, run_before=run_before)
