"""Send frames to the terminal as fast as the far end shows them."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import TextIO

from tui.runtime.terminal_pace import ASK, Pace
from tui.runtime.terminal_screen import Screen, is_frame

SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
"""Written by Textual 8.2.8 around each frame if the terminal supports it."""

FOR_THE_NEW_SIZE = 0.5
"""Seconds to wait for a frame of the new size, before the old one is sent."""


class TerminalLine:
    """A thread that writes. Its other methods may be called from any thread, and never wait for the
    terminal.

    Replaces Textual's writer, which passes on every frame ever painted, and blocks the whole
    program once 30 pieces wait.
    """

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._over = False
        self._screen = Screen()
        self._pace = Pace()
        self._switches: list[str] = []
        """Output that is not a frame."""
        self._paints = False
        self._in_frames = False
        self._not_before = 0.0

    # For the driver.

    def start(self) -> None:
        self._over = False
        self._thread = threading.Thread(target=self._run, name="dyntop-output", daemon=True)
        self._thread.start()

    def begin(self, size: tuple[int, int]) -> None:
        """Paint from now on. The terminal has been switched and shows nothing of it yet."""
        with self._changed:
            self._paints = True
            self._pace.begin(self._clock())
            self._switches.append(ASK)
            self._resized(size)

    def write(self, text: str, size: tuple[int, int]) -> None:
        """Take a frame for a window of that size, or other output."""
        with self._changed:
            if text in (SYNC_START, SYNC_END):
                self._in_frames = True
                return
            if is_frame(text):
                self._screen.resize(*size)
                self._not_before = 0.0
                if self._screen.paint(text):
                    self._changed.notify()
                    return
                self._screen.forget()
            if self._thread is not None:  # otherwise it would be sent when it begins again
                self._switches.append(text)
                self._changed.notify()

    def resized(self, size: tuple[int, int]) -> None:
        """Forget the window's content: it is unknown after a resize."""
        with self._changed:
            self._resized(size)

    def _resized(self, size: tuple[int, int]) -> None:
        if size != self._screen.size:
            self._not_before = self._clock() + FOR_THE_NEW_SIZE
        self._screen.forget()
        self._changed.notify()

    def leave(self) -> None:
        """Stop painting."""
        with self._changed:
            self._paints = False

    def ask(self) -> None:
        """Send another request, if the terminal answers them, to learn when all its earlier input
        has arrived."""
        with self._changed:
            if self._pace.answers:
                self._pace.sent(self._clock(), 1)
                self._switches.append(ASK)
                self._changed.notify()

    def give_up(self) -> None:
        """Stop waiting for answers."""
        with self._changed:
            self._pace.give_up()

    def answered(self) -> None:
        """Note an answer of the terminal."""
        with self._changed:
            self._pace.answered(self._clock())
            self._changed.notify()

    def expects(self) -> bool:
        """Return whether an answer may arrive."""
        with self._changed:
            return self._pace.expects(self._clock())

    def left(self) -> float:
        """Return for how many seconds to wait for an answer. 0: none is due."""
        with self._changed:
            return self._pace.left(self._clock())

    def stop(self) -> None:
        """Stop the thread. Returns when all but frames is written."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._over = True
            self._changed.notify()
        if thread is not None:
            thread.join()

    # The thread.

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (data := self._next()):
                    if self._over:
                        return
                    self._changed.wait(self._longest())
            try:
                self._put(data.encode(self._file.encoding, "replace"))
            except OSError:
                return  # the terminal is gone, and the dashboard ends

    def _next(self) -> str:
        """Return the next text to write."""
        if self._switches:
            data = "".join(self._switches)
            self._switches.clear()
            return data
        if self._over or not self._may_paint() or self._wait() > 0:
            return ""
        frame = self._screen.changes(self._pace.most)
        if not frame:
            return ""
        if self._in_frames:
            frame = SYNC_START + frame + SYNC_END
        if self._pace.answers is False:
            return frame
        frame += ASK
        self._pace.sent(self._clock(), len(frame))
        return frame

    def _may_paint(self) -> bool:
        return self._paints and self._screen.differs

    def _wait(self) -> float:
        now = self._clock()
        return max(self._pace.wait(now), self._not_before - now)

    def _longest(self) -> float | None:
        """Return the seconds until the next check without an event. None: no limit."""
        return max(self._wait(), 0.001) if self._may_paint() else None

    def _put(self, data: bytes) -> None:
        fileno = self._file.fileno()
        while data:
            try:
                data = data[os.write(fileno, data) :]
            except BlockingIOError:  # another program has set it so
                select.select([], [fileno], [])
