"""End the dashboard on request, even if something hangs, and restore the terminal.

Textual does so in the normal case. This covers the rest: signals, a closed window, a terminal that
accepts no more output, a store that does not close.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from textual.app import App

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""End the dashboard in order. Their default would leave the terminal as it is: on the alternate
screen, without a cursor, reporting each move of the mouse."""

GRACE = 1.5
"""Seconds to end in order after a signal: its sender may send SIGKILL next."""
QUITTING_GRACE = 5.0
"""Seconds to close everything after the last screen. The outcome of an act may still have to be
written, which takes up to four if a store does not answer."""
HANGUP_GRACE = 1.0
"""Seconds for the signal of a closed window to arrive: some processes do not get it."""
LAST_WRITE = 0.2
"""Seconds for a terminal to accept the few bytes that restore it."""

CLEARED = "\x1b[m\x1b[H\x1b[J"
"""Clears the screen. Written before the alternate screen is left: a terminal without one, as mosh
and GNU screen by default, would keep the last frame under the shell's prompt."""

MADE_SANE = (
    b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[?2048l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""Undoes the switches of Textual 8.2.8, even in the middle of a frame."""

_OUTPUT, _INPUT = 2, 0
"""The descriptors that Textual writes to and reads from."""


def why_unsupported() -> str | None:
    """Return why no dashboard can be shown here, and what to do, as a sentence. None: it can."""
    if os.environ.get("TERM") == "dumb":
        return "the dashboard needs a terminal that can move its cursor: TERM is dumb, set it"
    if not (os.isatty(_INPUT) and os.isatty(_OUTPUT)):
        return "the dashboard needs a terminal, for standard input and standard error"
    return None


def can_be_suspended() -> bool:
    """Return whether a shell can resume the dashboard: one that gave it a process group of its own.
    Without one, as the only program in its window or over ssh, it would stay stopped for ever."""
    return os.getpgrp() != os.getsid(0)


def suspend() -> None:
    """Suspend as the terminal itself does at Ctrl+Z: the whole job, including the process that
    started dyntop."""
    os.killpg(os.getpgrp(), signal.SIGTSTP)


class Ending:
    """Ends an app on signals. Create it before the app changes the terminal."""

    def __init__(self) -> None:
        self._terminal = termios.tcgetattr(_INPUT)
        self._code = 0
        self.is_drawn: Callable[[], bool] = lambda: False
        """Whether the app has the screen now."""

    def watch_over(self, app: App[None]) -> None:
        """Watch over an app. Call it in the app's event loop."""
        loop = asyncio.get_running_loop()

        # A handler of the loop would never run while Textual waits to write.
        def end(number: int, _frame: FrameType | None) -> None:
            if terminal_is_gone():
                # There is nothing to restore, and Textual 8.2.8 would wait for ever to write it.
                _end_by(number)
            self.in_time(GRACE, 128 + number)
            with suppress(RuntimeError):  # the loop is closed: it is ending already
                loop.call_soon_threadsafe(app.exit, None, 128 + number)

        for number in ENDING_SIGNALS:
            signal.signal(number, end)
        # Textual 8.2.8 would poll for keys without a pause, and use a whole core.
        threading.Thread(target=_end_with_terminal, name="dyntop-terminal", daemon=True).start()

    def in_time(self, seconds: float, code: int) -> None:
        """End the process with this exit code unless it ends in order within `seconds`."""
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            self._code = code
            signal.signal(signal.SIGALRM, self._end_at_once)
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def over(self) -> None:
        """Note that the dashboard ended in order, and all is closed."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _end_at_once(self, _number: int, _frame: FrameType | None) -> None:
        if not in_foreground():
            os._exit(
                self._code
            )  # the terminal belongs to another job: touching it would stop this one
        with suppress(termios.error):
            termios.tcflush(_INPUT, termios.TCIFLUSH)
            termios.tcsetattr(_INPUT, termios.TCSANOW, self._terminal)
        # Do not wait for a terminal that accepts nothing, as behind a hanging connection.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(self._code))
        signal.setitimer(signal.ITIMER_REAL, LAST_WRITE)
        with suppress(OSError):
            os.write(_OUTPUT, (CLEARED.encode() if self.is_drawn() else b"") + MADE_SANE)
        os._exit(self._code)


def in_foreground(terminal: int = _INPUT) -> bool:
    """Return whether this job has the terminal."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # the terminal is gone, or is not the one of this session
        return True


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _end_with_terminal() -> None:
    _is_gone_within(None)
    time.sleep(HANGUP_GRACE)
    os._exit(128 + signal.SIGHUP)


def terminal_is_gone() -> bool:
    """Return whether the window was closed, or its connection broke."""
    return _is_gone_within(0)


def _is_gone_within(milliseconds: int | None) -> bool:
    """Wait for the end of the terminal. None: without a limit."""
    poll = select.poll()
    poll.register(_OUTPUT, 0)
    return any(what & select.POLLHUP for _, what in poll.poll(milliseconds))
