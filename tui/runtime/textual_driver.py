"""Textual's driver for a terminal, but it sleeps while nobody types, and paints at the terminal's
pace."""

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
"""Bytes that are read before they are told of."""

LAST_ANSWERS = 3.0
"""Seconds to wait for the terminal's last answer, before a shell would read it."""

BACKGROUND = 0.5
"""Seconds to go on without the terminal before stopping again. The signal that ends a stopped job
and SIGCONT may reach two threads, in either order: stopped at once, it would never get the first.
"""


class TerminalDriver(LinuxDriver):
    """Reads keys without looking for them, paints what the far end can take, and goes on whole
    after SIGSTOP.

    That of Textual 8.2.8 looks for keys, and whether it shall end, ten times a second: a quarter
    of what the dashboard costs while nothing changes. And it takes every SIGCONT for the end of its
    own suspension, but of SIGSTOP it is told nothing: it would begin a second time, with two more
    threads, of which both read the keys and one never ends. It also writes from within the handlers
    of both signals, which waits for ever for a lock that the interrupted code holds.
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
        # Never closed: Textual ends and begins reading more than once, and each process has one.
        self._told_to_end, self._end = os.pipe()
        self.is_drawn = False
        """Whether the screen is the dashboard's now."""
        self._is_stopped_soon: asyncio.TimerHandle | None = None
        assert self._file is not None  # standard error, a terminal
        self._line = TerminalLine(self._file)
        self._answers = TerminalAnswers(self._line.expects, self._line.answered)
        self._decoder = getincrementaldecoder("utf-8")("replace")

    # What is typed.

    def run_input_thread(self) -> None:
        """Tell of what is typed, until there is nothing more to read or `disable_input`."""
        parser = TerminalParser(self._debug)
        longest: float | None = None
        while True:
            ready, _, _ = select.select([self.fileno, self._told_to_end], [], [], longest)
            if self._told_to_end in ready:
                return
            if ready:
                if not (typed := os.read(self.fileno, MOST_AT_ONCE)):
                    return
                # A character may come in pieces, and for the parser no text is the end.
                text = self._answers.typed(self._decoder.decode(typed))
                messages = parser.feed(text) if text else ()
                # What may be the beginning of a sequence is then a key of its own: `Esc`.
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
            return  # to touch the terminal, which another job has, would stop this one
        self._line.leave()
        os.write(self._end, b"\0")
        if self._key_thread is not None:
            self._key_thread.join()
        self._read_last_answers()
        super().disable_input()
        os.read(self._told_to_end, 1)

    def _read_last_answers(self) -> None:
        """What is typed behind `q` is lost, as ever."""
        until = time.monotonic() + LAST_ANSWERS
        with suppress(OSError):  # it is gone
            while (left := min(self._line.left(), until - time.monotonic())) > 0:
                if select.select([self.fileno], [], [], left)[0]:
                    if not (typed := os.read(self.fileno, MOST_AT_ONCE)):
                        return
                    self._answers.typed(self._decoder.decode(typed))

    # What is written.

    def write(self, data: str) -> None:
        self._line.write(data, self._get_terminal_size())

    def start_application_mode(self) -> None:
        before = self._writer_thread
        self._line.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is None or self._writer_thread is before:
            self._line.stop()  # where another job has the terminal, it has not begun
            return
        self._writer_thread.stop()  # it has nothing to write
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
            return  # it was given back before
        self._line.leave()
        if self.is_drawn:
            self.is_drawn = False
            self.write(CLEARED)
            # What the mouse does is also on its way until the terminal took this.
            self._disable_mouse_support()
            self.write("\x1b[?1004l")
            self._line.ask()
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self._line.stop()

    # Signals, out of their handlers.

    def _sigtstp_application(self, *_signalled: object) -> None:
        self._from_handler(self._stop_now)

    def _sigcont_application(self, *_signalled: object) -> None:
        self._from_handler(self._go_on)

    def _from_handler(self, act: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:  # the loop is closed: the terminal was given back
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
            # A shell has the terminal by now, and let this go on without it.
            later = self._loop.call_later(BACKGROUND, self._stop_or_go_on)
            self._is_stopped_soon = later
            return
        if not self._must_signal_resume:
            # Whoever had the terminal meanwhile may have changed anything about it. What is on its
            # screen may be the shell's by now, and it may have read the answers.
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
        """Whether there is nothing to go on with: a shell lets a stopped job go on to be killed."""
        if self._app._exit or not self._app.is_running:
            return True
        # It has not begun, or there is nothing to begin with.
        return not self._must_signal_resume and (self._writer_thread is None or terminal_is_gone())
