"""The dashboard: settings → discovery → screen."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from io import StringIO
from typing import ClassVar

from rich.console import Console, RenderableType
from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from backends.ids import Kind
from backends.queries import Query
from tui.commands import say
from tui.complaints import Exit
from tui.crash import write_report
from tui.ending import (
    QUITTING_GRACE,
    Ending,
    can_be_suspended,
    suspend,
    terminal_is_gone,
    why_not_here,
)
from tui.host_clock import steady
from tui.logs import Logs
from tui.masks import masks
from tui.opening import Plane, opened
from tui.plain import plain
from tui.screens.main import MainScreen
from tui.settings import Settings
from tui.slow_line import PIECES_OF_A_FRAME, pieces_waiting
from tui.terminal_driver import TerminalDriver

_log = logging.getLogger(__name__)


class Panicked(Exception):
    """Textual gave up, and said why in the text."""


COLLECTIONS = (2_000, 5, 10)
"""After how many new objects, and how many smaller ones, Python collects garbage. By its own
700, 10, 10 it goes over all records again and again while they are read, up to 0.4 s at a time with
20,000. They have no circles, but drawn lines have, and workers that ended, so a collection of all
comes now and then: 31 ms where all instances were replaced since the start."""

STARTING = 10.0
"""Seconds after which garbage is collected though the store did not tell all that it has."""

LINE_INTERVAL = 0.01
"""Seconds between two looks at whether a slow terminal has taken what was painted."""


class DyntopApp(App[None]):
    """One main screen over one store."""

    TITLE = "dyntop"
    CSS_PATH = "screens/main.tcss"  # of a default screen Textual reads none
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  (declared by App, without ClassVar)
        (0, "-narrow"),
        (80, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, priority=True),
    ]

    def __init__(
        self,
        plane: Plane,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        logs: Logs | None = None,
        steady: Callable[[], float] | None = None,
        when_complete: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock` gives POSIX seconds; nothing else looks at the time. `steady` is a clock that
        nobody sets; None: nobody sets `clock`. `logs` None: of its own. `when_complete` is called
        once, when all that the store has is on screen."""
        super().__init__(driver_class=TerminalDriver)
        self.logs = Logs(masks(os.environ)) if logs is None else logs
        self.fault: Exception | None = None
        """What ended it, if that was a fault of its own."""
        self._when_complete = when_complete
        self._holds_back = False
        """Nothing is painted now: the terminal still has to take what was."""
        # A monitor over SSH has nothing to animate, and each frame would be paid for.
        self.animation_level = "none"
        self.plane = plane
        self.settings = settings
        self.clock = clock
        self._steady = steady or clock

    def get_default_screen(self) -> Screen[None]:
        watched = Query(frozenset(Kind), self.settings.namespace, nested=True)
        screen = MainScreen(self.plane, watched, self.settings, self.clock, self._steady)
        screen.follow()  # the store answers while it is being made
        return screen

    def on_mount(self) -> None:
        self.logs.tell(partial(self._tell_of_log, asyncio.get_running_loop()))

    def _tell_of_log(self, loop: asyncio.AbstractEventLoop, problem: str) -> None:
        """Called by the thread that writes it."""
        text = f"{problem[:1].upper()}{plain(problem[1:])}."
        tell = partial(self.notify, text, severity="warning", markup=False)
        with suppress(RuntimeError):  # the loop is closed: nobody sees it any more
            loop.call_soon_threadsafe(tell)

    def on_main_screen_failed(self, message: MainScreen.Failed) -> None:
        """The screen stays, and says so."""
        report = write_report(message.error, self.settings, self.logs)
        _log.error("a part of the dashboard failed", exc_info=message.error)
        text = f"A fault of dyntop's own ({type(message.error).__name__})."
        if report is not None:
            text += f" Please report it, with {plain(str(report))}."
        if message.updates:
            text += " What is shown is not updated any more: start dyntop again."
        self.notify(text, severity="error", timeout=3600, markup=False)

    def action_suspend_process(self) -> None:
        if can_be_suspended():
            suspend()
        else:
            self.notify("There is no shell here that could bring it back.", severity="warning")

    def _handle_exception(self, error: Exception) -> None:
        if self.fault is None:
            self.fault = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Textual 8.2.8 would print the traceback, with values of variables, which are others'
        texts and may be secrets. Who ran it tells instead."""
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """What Textual does with some errors of its own, and would print."""
        if terminal_is_gone():
            return  # that keys cannot be read there is no error, and it ends in a moment
        if self.fault is None:
            text = StringIO()
            Console(file=text, width=100).print(*renderables)
            self.fault = Panicked(text.getvalue())
        self._close_messages_no_wait()

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


def run(settings: Settings, logs: Logs) -> int:
    """Show the dashboard until the person quits. Returns an exit code.

    Collecting garbage may be off at first: it is on once the dashboard is complete.
    Raises `Misconfigured` before anything is drawn, and afterwards, with the terminal given back,
    whatever fault of its own ended it.
    """
    if (problem := why_not_here()) is not None:
        say(f"{problem}; dyntop list and dyntop watch need none")
        return Exit.USAGE
    ending = Ending()
    try:
        return asyncio.run(_run(settings, logs, ending))
    finally:
        ending.over()


async def _run(settings: Settings, logs: Logs, ending: Ending) -> int:
    gc.set_threshold(*COLLECTIONS)
    asyncio.get_running_loop().call_later(STARTING, gc.enable)
    async with opened(settings) as plane:
        complete = _collect_from_now_on
        app = DyntopApp(plane, settings, logs=logs, steady=steady, when_complete=complete)
        ending.watch_over(app)
        await app.run_async()
        code = app.return_code or 0
        ending.in_time(QUITTING_GRACE, code)
        if app.fault is not None:
            raise app.fault
        return code


def _collect_from_now_on() -> None:
    """What is there by now mostly stays: no collection has to look at it again."""
    gc.freeze()
    gc.enable()
