"""Sends to the terminal what is painted, as fast as the far end shows it."""

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
"""What Textual 8.2.8 writes around a frame where the terminal knows it."""

FOR_THE_NEW_SIZE = 0.5
"""Seconds to wait for what is painted for a window of another size, before the old is sent."""


class TerminalLine:
    """A thread that writes. All else may be called from any thread, and waits for no terminal.

    Used in place of Textual's writer, which hands on everything that was ever painted, and makes
    the whole program wait once 30 pieces do.
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
        """All that is written besides frames."""
        self._paints = False
        self._in_frames = False
        self._not_before = 0.0

    # For the driver.

    def start(self) -> None:
        self._over = False
        self._thread = threading.Thread(target=self._run, name="dyntop-output", daemon=True)
        self._thread.start()

    def begin(self, size: tuple[int, int]) -> None:
        """Paint from now on: the terminal has been switched, and shows nothing of it yet."""
        with self._changed:
            self._paints = True
            self._pace.begin(self._clock())
            self._switches.append(ASK)
            self._resized(size)

    def write(self, text: str, size: tuple[int, int]) -> None:
        """Take a frame for a window of that size, or anything else that is written."""
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
            if self._thread is not None:  # else it would go out when it begins again
                self._switches.append(text)
                self._changed.notify()

    def resized(self, size: tuple[int, int]) -> None:
        """What the window shows is not known any more."""
        with self._changed:
            self._resized(size)

    def _resized(self, size: tuple[int, int]) -> None:
        if size != self._screen.size:
            self._not_before = self._clock() + FOR_THE_NEW_SIZE
        self._screen.forget()
        self._changed.notify()

    def leave(self) -> None:
        """Paint no more."""
        with self._changed:
            self._paints = False

    def ask(self) -> None:
        """Ask once more, if it answers, to know when all that it said before has come."""
        with self._changed:
            if self._pace.answers:
                self._pace.sent(self._clock(), 1)
                self._switches.append(ASK)
                self._changed.notify()

    def give_up(self) -> None:
        """Wait for no answer that is on its way."""
        with self._changed:
            self._pace.give_up()

    def answered(self) -> None:
        """The terminal answered."""
        with self._changed:
            self._pace.answered(self._clock())
            self._changed.notify()

    def expects(self) -> bool:
        """Whether an answer may come."""
        with self._changed:
            return self._pace.expects(self._clock())

    def left(self) -> float:
        """Seconds for which an answer is worth waiting for. 0: none is on its way."""
        with self._changed:
            return self._pace.left(self._clock())

    def stop(self) -> None:
        """Returns when all but frames is written."""
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
        """What is to be written now."""
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
        """Seconds until it has to look again by itself."""
        return max(self._wait(), 0.001) if self._may_paint() else None

    def _put(self, data: bytes) -> None:
        fileno = self._file.fileno()
        while data:
            try:
                data = data[os.write(fileno, data) :]
            except BlockingIOError:  # another program has set it so
                select.select([], [fileno], [])
