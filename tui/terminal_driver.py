"""Textual's driver for a terminal, but it sleeps while nobody types."""

from __future__ import annotations

import os
import select
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

MOST_AT_ONCE = 4096
"""Bytes that are read before they are told of."""


class TerminalDriver(LinuxDriver):
    """That of Textual 8.2.8 looks for keys, and whether it shall end, ten times a second: a quarter
    of what the dashboard costs while nothing changes."""

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
