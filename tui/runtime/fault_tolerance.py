"""Survive internal faults while the dashboard runs.

A fault is logged and shown, and closes the screen that it occurred in; the main screen stays. The
same fault within a minute ends the dashboard, and so does a fault before the first frame.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet

from textual._context import active_message_pump
from textual.await_complete import AwaitComplete
from textual.driver import Driver
from textual.events import Event, InputEvent, Paste
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import NoActiveWorker, WorkerError, WorkerFailed, get_current_worker

from tui.runtime.faults import Faults
from tui.runtime.textual_drawing import find_room_for_each_change
from tui.runtime.textual_errors import SurvivesHandlerErrors, isolate_handler_errors
from tui.runtime.textual_timers import keep_single_timers

_log = logging.getLogger(__name__)


class FaultTolerantApp(SurvivesHandlerErrors):
    """An app that survives single faults."""

    def __init__(self, driver_class: type[Driver], steady: Callable[[], float]) -> None:
        """`steady`: seconds of a clock that is never set."""
        isolate_handler_errors()
        keep_single_timers()
        find_room_for_each_change()
        super().__init__(driver_class=driver_class)
        self.faults = Faults(steady)
        self.fault: Exception | None = None
        """The fault that ended the app. None: it did not end by a fault."""
        self.is_up = False
        """Whether anything was shown."""
        self._closed_for_fault: WeakSet[Screen[object]] = WeakSet()
        """Screens that were closed by a fault: further faults in them are only logged."""

    def show_fault(self, error: Exception, closed: Screen[object] | None) -> None:
        """Show that a fault occurred. `closed`: the screen that was closed for it."""
        raise NotImplementedError

    def survives(self, error: Exception, pump: MessagePump, message: Message | None) -> bool:
        failed = _unwrapped(error)
        if self.fault is not None or not self.is_up or not self._running or self._exit:
            self.faults.met(failed)
            return False
        screen = self._concerned(pump, message)
        if screen is not None and screen in self._closed_for_fault:
            _log.warning("another fault in a screen that was closed for one", exc_info=failed)
            return True
        _log.error("internal fault", exc_info=failed)
        if not self.faults.met(failed):
            return False
        try:
            self.show_fault(failed, screen if self._close(screen) else None)
            # The fault may have left a frame half drawn.
            self.screen.refresh(layout=True)
        except Exception:
            _log.exception("a fault could not be handled")
            return False
        return True

    def end_by_fault(self, error: Exception) -> None:
        """End the dashboard by this fault. The caller that runs the app reports `fault`."""
        if self.fault is None:
            self.fault = _unwrapped(error)
            if (report := self.faults.known(self.fault).report) is not None:
                # The caller writes another report, for this time.
                with suppress(OSError):
                    report.unlink(missing_ok=True)
        super()._handle_exception(error)

    def _handle_exception(self, error: Exception) -> None:
        """Called by Textual 8.2.8 for each error that is handled nowhere."""
        if not self.survives(error, active_message_pump.get(self), None):
            self.end_by_fault(error)

    def _concerned(self, pump: MessagePump, message: Message | None) -> Screen[object] | None:
        """Return the screen that a fault occurred in. None: the app itself, or a screen that is
        gone."""
        node: object = pump
        if pump is self and isinstance(message, Event) and isinstance(message, InputEvent | Paste):
            node = self.screen  # it was doing what a key or the mouse asked for
        elif pump is self and message is None:
            try:
                node = get_current_worker().node
            except NoActiveWorker:
                node = pump
        if not isinstance(node, Widget) or not node.is_attached:
            return None
        screen: Screen[object] = node.screen
        return screen

    def _close(self, screen: Screen[object] | None) -> bool:
        """Close the screen and those above it, without an answer. False: it is the main screen,
        which stays."""
        if screen is None or screen not in self.screen_stack[1:]:
            return False
        while screen in self.screen_stack:
            self._closed_for_fault.add(self.screen)
            self.pop_screen()
        return True

    def pop_screen(self) -> AwaitComplete:
        """Close the top screen. Callbacks that wait for its next frame get the next frame of the
        screen below: Textual 8.2.8 forgets them."""
        top = self.screen
        popped = super().pop_screen()
        self.screen._callbacks += top._callbacks
        top._callbacks.clear()
        self.screen.check_idle()
        return popped

    async def replace_base(self, screen: Screen[None]) -> None:
        """Show a screen instead of the only one. Returns once that is removed, and its workers have
        ended.

        Textual 8.2.8's `switch_screen` has no screen while the next one is made, which that one's
        own widgets need."""
        (before,) = self._screen_stack
        workers = [worker for worker in self.workers if worker.node is before]
        await self.push_screen(screen)
        self._screen_stack.remove(before)
        await self._replace_screen(before)
        for worker in workers:
            with suppress(WorkerError):
                await worker.wait()
        # Textual keeps the first screen to the end, but it need not keep all that it showed.
        self._compose_screen = screen
        ours = [name for name, one in vars(before).items() if type(one).__module__[:4] == "tui."]
        for name in ("_nodes", "_compositor", "_jobs", *ours):
            vars(before).pop(name, None)

    def _load_screen_css(self, screen: Screen[object]) -> None:
        """Load a screen's style. If it cannot be read, Textual 8.2.8 keeps it and its screen, and
        no other screen opens any more."""
        known = set(self.stylesheet.source)
        try:
            super()._load_screen_css(screen)
        except Exception:
            for one in set(self.stylesheet.source) - known:
                del self.stylesheet.source[one]
            self.stylesheet.reparse()
            self._prune(screen)
            raise


def _unwrapped(error: Exception) -> Exception:
    """Return the error that made a worker fail instead of Textual's `WorkerFailed`."""
    if isinstance(error, WorkerFailed) and isinstance(error.error, Exception):
        return error.error
    return error
