"""How a recording looks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.pilot import Pilot

from backends.connections import MemoryConnection
from tests.recording.histories import a_history
from tests.snapshots.test_screens import Compare
from tests.support.moved_timer import MovedTimer
from tui.config.settings import Settings
from tui.replay import Start, open_replay
from tui.text.past.typed_time import read_time
from tui.widgets.timeline_bar import TimelineBar


def test_replay(snap_compare: Compare, tmp_path: Path) -> None:
    history = a_history(tmp_path / "night.dyntop", figures=True)
    opened = open_replay(
        Settings(connection=MemoryConnection()),
        history,
        Start(read_time("58s")),
        timer=MovedTimer(),
    )
    app = asyncio.run(opened)

    async def run_before(pilot: Pilot[None]) -> None:
        bar = pilot.app.screen.query_one(TimelineBar)
        while "next change" not in bar.shown_text or "counting" in bar.shown_text:
            await pilot.pause(0.02)

    assert snap_compare(app, terminal_size=(120, 40), run_before=run_before)
