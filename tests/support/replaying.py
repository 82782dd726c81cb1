"""The dashboard of a recording, as an operator has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from backends.aio.timer import LOOP, Timer
from backends.connections import MemoryConnection
from tests.support.drawing import lines_of, undrawn
from tests.support.operating import MOST_SHOWN, QUICK, Operator, noting
from tui.config.preferences import Preferences
from tui.config.settings import Settings
from tui.replay import Start, open_replay
from tui.state.past.dashboard import PastDashboard
from tui.state.past.place import PastPlace
from tui.widgets.timeline_bar import TimelineBar


@asynccontextmanager
async def replay(
    path: str,
    start: Start | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    timer: Timer = LOOP,
    draws: bool = False,
    **settings: Any,
) -> AsyncGenerator[Operator, None]:
    """The running dashboard, once it shows a moment and all of the recording was looked at for
    marks. A fault of its own fails the test."""
    preferences = Preferences(first_tab="instances")
    given = Settings(connection=MemoryConnection(), preferences=preferences, **settings)
    app = await open_replay(given, path, start or Start(), timings=QUICK, timer=timer)
    app.animation_level = "none"
    told = noting(app)
    app.NOTIFICATION_TIMEOUT = MOST_SHOWN  # type: ignore[misc]
    with undrawn(not draws):
        async with app.run_test(size=size, notifications=True) as pilot:
            operator = Operator(app, pilot, told)
            await operator.until(lambda: operator.dashboard.view.complete, "a moment")
            await operator.until(lambda: operator.tab(), "a tab")
            await operator.until(lambda: "counting" not in timeline(operator), "all marks")
            await pilot.pause()
            yield operator
            if app.is_running:
                lines_of(app.screen)
    if app.faults.errors:
        raise app.faults.errors[0]


def place(operator: Operator) -> PastPlace | None:
    """Return the moment that is shown. None: none is yet."""
    assert isinstance(operator.dashboard, PastDashboard)
    return operator.dashboard.past


def timeline(operator: Operator) -> str:
    """Return the line of the timeline. Empty: it is not shown yet."""
    return operator.main.query_one(TimelineBar).shown_text
