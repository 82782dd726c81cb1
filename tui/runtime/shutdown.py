"""The dashboard ends when it is told to, whatever hangs then, and gives the terminal back.

Textual does that where all goes well. Here is what it does not see to: signals, a window that is
closed, a terminal that takes nothing any more, a store that does not let go.
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
"""End the dashboard in order. By themselves they would leave the terminal as it is then: on the
alternate screen, without a cursor, reporting every move of the mouse."""

GRACE = 1.5
"""Seconds to end in order after a signal: who sends one may send SIGKILL next."""
QUITTING_GRACE = 5.0
"""Seconds to let go of everything after the last screen: an act may still have its outcome written
down, which takes up to four where a store does not answer."""
HANGUP_GRACE = 1.0
"""Seconds for the signal that tells of a closed window: not everybody gets it."""
LAST_WRITE = 0.2
"""Seconds for a terminal to take the few bytes that make it sane."""

CLEARED = "\x1b[m\x1b[H\x1b[J"
"""Clears the screen. Written before the alternate screen is left: a terminal that has none, as mosh
and GNU screen by default, would keep the last frame, with the shell's prompt over it."""

MADE_SANE = (
    b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    b"\x1b[?2048l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""Undoes what Textual 8.2.8 switches on, also in the middle of a frame."""

_OUTPUT, _INPUT = 2, 0
"""What Textual writes to and reads from."""


def why_not_here() -> str | None:
    """Why no dashboard can be shown here, and what to do, as a sentence. None: it can."""
    if os.environ.get("TERM") == "dumb":
        return "the dashboard needs a terminal that can move its cursor, and TERM says dumb: set it"
    if not (os.isatty(_INPUT) and os.isatty(_OUTPUT)):
        return "the dashboard needs a terminal, for standard input and standard error"
    return None


def can_be_suspended() -> bool:
    """Whether a shell is there that can bring it back: one that gave it a group of its own. Where
    it is all that runs in its window, or over its ssh, it would stand still for ever."""
    return os.getpgrp() != os.getsid(0)


def suspend() -> None:
    """As Ctrl+Z does where the terminal itself sees it: all of the job, also what started us."""
    os.killpg(os.getpgrp(), signal.SIGTSTP)


class Ending:
    """Ends an app on signals. Make it before the app changes the terminal."""

    def __init__(self) -> None:
        self._terminal = termios.tcgetattr(_INPUT)
        self._code = 0
        self.is_drawn: Callable[[], bool] = lambda: False
        """Whether the app has the screen now."""

    def watch_over(self, app: App[None]) -> None:
        """To be called in the app's event loop."""
        loop = asyncio.get_running_loop()

        # Not a handler of the loop's: that would never run while Textual waits to write.
        def end(number: int, _frame: FrameType | None) -> None:
            if terminal_is_gone():
                # There is nothing to give back, and Textual 8.2.8 would wait for ever to write it.
                _end_by(number)
            self.in_time(GRACE, 128 + number)
            with suppress(RuntimeError):  # the loop is closed: it is ending already
                loop.call_soon_threadsafe(app.exit, None, 128 + number)

        for number in ENDING_SIGNALS:
            signal.signal(number, end)
        # Textual 8.2.8 would look for keys again and again, at the cost of a whole core.
        threading.Thread(target=_end_with_terminal, name="dyntop-terminal", daemon=True).start()

    def in_time(self, seconds: float, code: int) -> None:
        """From now on it has so long, and then ends by itself, with that exit code."""
        if not signal.getitimer(signal.ITIMER_REAL)[0]:
            self._code = code
            signal.signal(signal.SIGALRM, self._end_at_once)
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def over(self) -> None:
        """It ended in order, and all is closed."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _end_at_once(self, _number: int, _frame: FrameType | None) -> None:
        if not in_foreground():
            os._exit(self._code)  # the terminal is another job's: to touch it would stop this one
        with suppress(termios.error):
            termios.tcflush(_INPUT, termios.TCIFLUSH)
            termios.tcsetattr(_INPUT, termios.TCSANOW, self._terminal)
        # A terminal that takes nothing, as behind a connection that hangs, is not waited for.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(self._code))
        signal.setitimer(signal.ITIMER_REAL, LAST_WRITE)
        with suppress(OSError):
            os.write(_OUTPUT, (CLEARED.encode() if self.is_drawn() else b"") + MADE_SANE)
        os._exit(self._code)


def in_foreground(terminal: int = _INPUT) -> bool:
    """Whether no other job has the terminal."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # it is gone, or is not the one that this session has
        return True


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _end_with_terminal() -> None:
    _is_gone_within(None)
    time.sleep(HANGUP_GRACE)
    os._exit(128 + signal.SIGHUP)


def terminal_is_gone() -> bool:
    """Whether somebody closed the window, or the connection to it broke."""
    return _is_gone_within(0)


def _is_gone_within(milliseconds: int | None) -> bool:
    """None: waits until it is."""
    poll = select.poll()
    poll.register(_OUTPUT, 0)
    return any(what & select.POLLHUP for _, what in poll.poll(milliseconds))
