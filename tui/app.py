"""The dashboard: settings → discovery → screen."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from backends.ids import Kind
from backends.queries import Query
from tui.opening import Plane, opened
from tui.screens.main import MainScreen
from tui.settings import Settings
from tui.slow_line import PIECES_OF_A_FRAME, pieces_waiting

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""End the dashboard in order. By themselves they would leave the terminal as it is then: on the
alternate screen, without a cursor, reporting every move of the mouse."""

COLLECTIONS = (2_000, 5, 500)
"""After how many new objects, and how many smaller ones, Python collects garbage. By its own
700, 10, 10 it goes over all records again and again while they are read, up to 0.4 s at a time with
20,000. They have no circles; what has (a closed dialog) comes rarely, and these take some ms."""

LINE_INTERVAL = 0.01
"""Seconds between two looks at whether a slow terminal has taken what was painted."""


class DyntopApp(App[None]):
    """One main screen over one store."""

    TITLE = "dyntop"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (declared by App, without ClassVar)
        (0, "-narrow"),
        (80, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(
        self,
        plane: Plane,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        when_complete: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock` gives POSIX seconds; nothing else looks at the time. `when_complete` is called
        once, when all that the store has is on screen."""
        super().__init__()
        self._when_complete = when_complete
        self._holds_back = False
        """Nothing is painted now: the terminal still has to take what was."""
        # A monitor over SSH has nothing to animate, and each frame would be paid for.
        self.animation_level = "none"
        self.plane = plane
        self.settings = settings
        self.clock = clock

    def on_mount(self) -> None:
        watched = Query(frozenset(Kind), self.settings.namespace, nested=True)
        self.push_screen(MainScreen(self.plane, watched, self.settings, self.clock))

    def post_display_hook(self) -> None:
        """After each paint. One more than what is being written may wait for a slow terminal."""
        if not self._holds_back and self._pieces_waiting() > PIECES_OF_A_FRAME:
            self._holds_back = True
            self._hold_back()

    @work(group="slow line")
    async def _hold_back(self) -> None:
        """Paint nothing until the terminal took what waits; then all that differs by then, once."""
        try:
            with self.batch_update():
                waits = True
                while waits:  # the queue tells nobody that it is empty
                    await asyncio.sleep(LINE_INTERVAL)
                    waits = self._pieces_waiting() > 0
        finally:
            self._holds_back = False
        self.screen.check_idle()

    def _pieces_waiting(self) -> int:
        return pieces_waiting(self._driver)

    def on_main_screen_complete(self) -> None:
        self._when_complete()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from super().get_system_commands(screen)
        if isinstance(screen, MainScreen):
            pane = screen.active
            yield SystemCommand("Filter", "By names, ids and addresses", screen.action_filter)
            only = screen.action_only_findings
            yield SystemCommand("Not live", "Show only what is not live, or all", only)
            yield SystemCommand("Gone", "Hide or show what is gone", screen.action_hide_gone)
            yield SystemCommand("Freeze", "Stop the view, or let it go on", screen.action_freeze)
            yield SystemCommand("Sort", "By the next column", pane.action_sort_next)
            yield SystemCommand("Sort the other way round", "Reverse", pane.action_sort_reverse)
            yield SystemCommand("Go to the instance", "It belongs to", pane.action_jump)
            yield SystemCommand("Go back", "To where you were before", screen.action_back)
            for what in ("key", "id", "json"):
                copy = partial(pane.action_copy, what)
                yield SystemCommand(f"Copy the {what}", "Of the selected row", copy)
            probe = pane.action_probe
            yield SystemCommand("Probe", "Ask what is selected whether it answers", probe)
            yield SystemCommand("Mark all", "That is shown, or none", pane.action_mark_all)
            if not self.settings.read_only:
                ask = pane.action_unregister
                yield SystemCommand("Unregister", "What is selected, after a question", ask)
                yield SystemCommand("Clean up", "What is stale", screen.action_clean_up)
                yield SystemCommand("Undo", "What was removed last", screen.action_undo)
            yield SystemCommand("Tree", "Show or hide the tree", screen.action_toggle_tree)
            yield SystemCommand("Help", "Keys and signs", screen.action_help)


def run(settings: Settings) -> int:
    """Show the dashboard until the person quits. Returns an exit code.

    Raises `Misconfigured` before anything is drawn.
    """
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    gc.set_threshold(*COLLECTIONS)
    async with opened(settings) as plane:
        # What is there by then mostly stays: no collection has to look at it again.
        app = DyntopApp(plane, settings, when_complete=gc.freeze)
        _end_on_signals(app)
        await app.run_async()
        return app.return_code or 0


def _end_on_signals(app: DyntopApp) -> None:
    loop = asyncio.get_running_loop()

    # Not a handler of the loop's: that would never run while Textual waits to write.
    def end(number: int, _frame: object) -> None:
        if _terminal_is_gone():
            # There is nothing to give back, and Textual 8.2.8 would wait for ever to write it.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        loop.call_soon_threadsafe(app.exit, None, 128 + number)

    for number in ENDING_SIGNALS:
        signal.signal(number, end)


def _terminal_is_gone() -> bool:
    """Whether somebody closed the window, or the connection to it broke."""
    poll = select.poll()
    poll.register(2, 0)  # what Textual writes to
    return any(what & select.POLLHUP for _, what in poll.poll(0))
