"""Textual's driver for a terminal, which sleeps between keys and paints at the terminal's pace."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message

from tui.runtime.shutdown import CLEARED, in_foreground, terminal_is_gone
from tui.runtime.terminal_line import TerminalLine
from tui.runtime.terminal_pace import TerminalAnswers
from tui.runtime.textual_parser import TerminalParser

MOST_AT_ONCE = 4096
"""Bytes read at once."""

LAST_ANSWERS = 3.0
"""Seconds to wait for the terminal's last answer: otherwise a shell would read it."""

BACKGROUND = 0.5
"""Seconds to run without the terminal before stopping again. The signal that ends a stopped job and
SIGCONT may reach two threads, in either order: stopped at once, the process would never get the
first."""


NOTIFICATION = 200
"""Characters of a notification: names may be 100 KB long."""


def notification(way: str, text: str) -> str:
    """Return what makes a terminal notify the person. Empty: no such way.

    Only printable ASCII gets into it, so that no name ends or begins a sequence, in no encoding. A
    semicolon separates the parts of one. ConEmu takes an OSC 9 that begins with a digit for a
    command.
    """
    kept = text[:NOTIFICATION].encode("ascii", "replace").decode().replace(";", ",")
    harmless = "".join(one if one.isprintable() else "?" for one in kept)
    match way:
        case "bell":
            return "\a"
        case "osc9":
            return f"\x1b]9;dyntop: {harmless}\a"
        case "osc777":
            return f"\x1b]777;notify;dyntop;{harmless}\a"
    return ""


def call_out(app: App[object], way: str, text: str) -> None:
    """Have an app's terminal notify the person, as `TerminalDriver.call_out`."""
    if isinstance(app._driver, TerminalDriver):
        app._driver.call_out(way, text)


class TerminalDriver(LinuxDriver):
    """Reads keys without polling, paints what the far end can take, and survives SIGSTOP.

    The driver of Textual 8.2.8 polls for keys, and for its end, ten times a second: a quarter of
    the dashboard's cost while nothing changes. It takes each SIGCONT for the end of its own
    suspension, but SIGSTOP gives no notice: it would begin a second time, with two more threads, of
    which both read keys and one never ends. It also writes within the handlers of both signals,
    which waits for ever for a lock that the interrupted code holds.
    """

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | Size | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        # Never closed: Textual starts and stops reading several times, and each process has one.
        self._end_read, self._end = os.pipe()
        self.is_drawn = False
        """Whether the dashboard has the screen now."""
        self._is_stopped_soon: asyncio.TimerHandle | None = None
        assert self._file is not None  # standard error, a terminal
        self._line = TerminalLine(self._file)
        self._answers = TerminalAnswers(self._line.expects, self._line.answered)
        self._decoder = getincrementaldecoder("utf-8")("replace")

    # Typed input.

    def run_input_thread(self) -> None:
        """Pass on typed input until there is no more to read, or `disable_input`."""
        parser = TerminalParser(self._debug)
        longest: float | None = None
        while True:
            ready, _, _ = select.select([self.fileno, self._end_read], [], [], longest)
            if self._end_read in ready:
                return
            if ready:
                if not (typed := os.read(self.fileno, MOST_AT_ONCE)):
                    return
                # A character may come in pieces; and the parser takes an empty text for the end.
                text = self._answers.typed(self._decoder.decode(typed))
                messages = parser.feed(text) if text else ()
                # A possible start of a sequence is then a key of its own: `Esc`.
                longest = ESCAPE_DELAY
            elif self._answers.holds:
                messages = parser.feed(self._answers.overdue())
            else:
                messages = parser.tick()
                longest = None
            for message in messages:
                self.process_message(message)

    def process_message(self, message: Message) -> None:
        if isinstance(message, Resize):
            self._line.resized(self._get_terminal_size())
        super().process_message(message)

    def disable_input(self) -> None:
        if not in_foreground(self.fileno):
            return  # touching the terminal, which belongs to another job, would stop this one
        self._line.leave()
        os.write(self._end, b"\0")
        if self._key_thread is not None:
            self._key_thread.join()
        self._read_last_answers()
        super().disable_input()
        os.read(self._end_read, 1)

    def _read_last_answers(self) -> None:
        """Read the last answers of the terminal. Keys typed after `q` are lost, as always."""
        until = time.monotonic() + LAST_ANSWERS
        with suppress(OSError):  # the terminal is gone
            while (left := min(self._line.left(), until - time.monotonic())) > 0:
                if select.select([self.fileno], [], [], left)[0]:
                    if not (typed := os.read(self.fileno, MOST_AT_ONCE)):
                        return
                    self._answers.typed(self._decoder.decode(typed))

    # Output.

    def write(self, data: str) -> None:
        self._line.write(data, self._get_terminal_size())

    def call_out(self, way: str, text: str) -> None:
        """Tell the terminal, which tells the person: `bell`, `osc9` or `osc777`.

        It goes to this terminal alone: within tmux or screen a notification is not passed on, and a
        bell is.
        """
        if self.is_drawn and (sequence := notification(way, text)):
            self.write(sequence)

    def start_application_mode(self) -> None:
        before = self._writer_thread
        self._line.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is None or self._writer_thread is before:
            self._line.stop()  # another job has the terminal: it has not begun
            return
        self._writer_thread.stop()  # there is nothing to write
        self._watch_size()
        self._line.begin(self._get_terminal_size())
        self.is_drawn = True

    def _watch_size(self) -> None:
        tell = signal.getsignal(signal.SIGWINCH)

        def resized(number: int, frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(lambda: self._line.resized(self._get_terminal_size()))
            if callable(tell):
                tell(number, frame)

        signal.signal(signal.SIGWINCH, resized)

    def stop_application_mode(self) -> None:
        if not in_foreground(self.fileno):
            return  # it was restored before
        self._line.leave()
        if self.is_drawn:
            self.is_drawn = False
            self.write(CLEARED)
            # Mouse reports, too, are on their way until the terminal has processed this.
            self._disable_mouse_support()
            self.write("\x1b[?1004l")
            self._line.ask()
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._line.stop()

    # Signals, handled outside their handlers.

    def _sigtstp_application(self, *_signalled: object) -> None:
        self._from_handler(self._stop_now)

    def _sigcont_application(self, *_signalled: object) -> None:
        self._from_handler(self._go_on)

    def _from_handler(self, act: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:  # the loop is closed: the terminal was restored
            if act == self._stop_now:
                os.kill(os.getpid(), signal.SIGSTOP)

    def _stop_now(self) -> None:
        if self.is_drawn:
            super()._sigtstp_application()
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self) -> None:
        if self._is_stopped_soon is not None:
            self._is_stopped_soon.cancel()
            self._is_stopped_soon = None
        if self._ends():
            return
        if not in_foreground(self.fileno):
            # A shell has the terminal by now, and resumed this without it.
            later = self._loop.call_later(BACKGROUND, self._stop_or_go_on)
            self._is_stopped_soon = later
            return
        if not self._must_signal_resume:
            # The program that had the terminal may have changed any of its modes. The screen may
            # show the shell by now, which may also have read the answers.
            self.is_drawn = False
            self._line.give_up()
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()

    def _stop_or_go_on(self) -> None:
        if in_foreground(self.fileno) or self._ends():
            self._go_on()
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _ends(self) -> bool:
        """Return whether the job must end: a shell resumes a stopped job to kill it."""
        if self._app._exit or not self._app.is_running:
            return True
        # It has not begun, or there is no terminal to begin with.
        return not self._must_signal_resume and (self._writer_thread is None or terminal_is_gone())
