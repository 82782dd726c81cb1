"""Textual's driver for a terminal, but it sleeps while nobody types, and can be stopped."""

from __future__ import annotations

import os
import select
import signal
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from tui.ending import terminal_is_gone

MOST_AT_ONCE = 4096
"""Bytes that are read before they are told of."""


class TerminalDriver(LinuxDriver):
    """Reads keys without looking for them, and goes on whole after SIGSTOP.

    That of Textual 8.2.8 looks for keys, and whether it shall end, ten times a second: a quarter
    of what the dashboard costs while nothing changes. And it takes every SIGCONT for the end of its
    own suspension, but of SIGSTOP it is told nothing: it would begin a second time, with two more
    threads, of which both read the keys and one never ends.
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

    def run_input_thread(self) -> None:
        """Tell of what is typed, until there is nothing more to read or `disable_input`."""
        parser = XTermParser(self._debug)
        decoder = getincrementaldecoder("utf-8")()
        longest: float | None = None
        while True:
            ready, _, _ = select.select([self.fileno, self._told_to_end], [], [], longest)
            if self._told_to_end in ready:
                return
            if ready:
                if not (typed := os.read(self.fileno, MOST_AT_ONCE)):
                    return
                # A character may come in pieces, and for the parser no text is the end.
                text = decoder.decode(typed)
                messages = parser.feed(text) if text else ()
                # What may be the beginning of a sequence is then a key of its own: `Esc`.
                longest = ESCAPE_DELAY
            else:
                messages = parser.tick()
                longest = None
            for message in messages:
                self.process_message(message)

    def disable_input(self) -> None:
        os.write(self._end, b"\0")
        # This waits until nobody reads any more.
        super().disable_input()
        os.read(self._told_to_end, 1)

    def _sigcont_application(self, *signalled: object) -> None:
        if not self._must_signal_resume:
            if self._writer_thread is None or terminal_is_gone():
                return  # it has not begun, or there is nothing to begin with
            if os.tcgetpgrp(self.fileno) != os.getpgrp():
                # A shell has the terminal by now, and let this go on without it.
                os.kill(os.getpid(), signal.SIGSTOP)
                return
            # Whoever had the terminal meanwhile may have changed anything about it.
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application(*signalled)
