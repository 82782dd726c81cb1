"""What goes out to a terminal, and when."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterator

import pytest

from tui.runtime.terminal_line import SYNC_END, SYNC_START, TerminalLine
from tui.runtime.terminal_pace import ASK, LOST_AFTER, PATIENCE

SIZE = (20, 4)
SOON = 60.0


class Watched:
    """A line, its clock, and its far end."""

    def __init__(self) -> None:
        self.now = 100.0
        self._far, near = os.pipe()
        os.set_blocking(self._far, False)
        self._file = os.fdopen(near, "w", encoding="utf-8")
        self.line = TerminalLine(self._file, clock=lambda: self.now)
        self.line.start()
        self._read = ""

    def close(self) -> None:
        self.line.stop()
        self._file.close()
        os.close(self._far)

    def begin(self) -> None:
        self.line.begin(SIZE)
        self.expect(ASK)

    def paint(self, text: str, row: int = 0) -> None:
        for piece in (f"\x1b[{row + 1};1H{text}\x1b[{row + 1};1H",):
            self.line.write(piece, SIZE)

    def expect(self, what: str) -> str:
        """Wait until that goes out; returns all up to its end."""
        until = time.monotonic() + SOON
        while what not in self._read:
            assert time.monotonic() < until, self._read
            select.select([self._far], [], [], 0.1)
            self._take()
        passed, _, self._read = self._read.partition(what)
        return passed + what

    def rest(self) -> str:
        """What went out besides, once what is written behind it did."""
        self.line.write("\x07", SIZE)
        return self.expect("\x07")[:-1]

    def _take(self) -> None:
        try:
            self._read += os.read(self._far, 65536).decode()
        except BlockingIOError:
            return


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    try:
        yield made
    finally:
        made.close()


def test_a_busy_terminal_gets_the_newest_in_one_frame_when_it_answers(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("first")
    assert "first" in watched.expect(ASK)
    for number in range(100):
        watched.paint(f"state {number}", row=1)
    watched.paint("key", row=2)
    assert watched.rest() == ""
    watched.line.answered()
    frame = watched.expect(ASK)
    assert "state 99" in frame
    assert "key" in frame
    assert "state 98" not in frame
    assert watched.rest() == ""


def test_switches_wait_for_no_answer_and_go_out_before_what_is_painted(watched: Watched) -> None:
    watched.begin()
    watched.paint("first")
    watched.expect(ASK)
    watched.paint("second")
    watched.line.write("\x1b]52;c;YQ==\x07", SIZE)
    assert watched.expect("\x07") == "\x1b]52;c;YQ==\x07"


def test_a_terminal_that_does_not_answer_is_not_asked_again(watched: Watched) -> None:
    watched.begin()
    watched.paint("first")
    watched.expect(ASK)
    watched.now += PATIENCE
    watched.paint("second")
    watched.expect("second")
    watched.paint("third")
    watched.expect("third")
    assert ASK not in watched.rest()
    assert watched.line.left() == 0


def test_an_answer_that_is_lost_holds_no_frame_for_ever(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("first")
    watched.expect(ASK)
    watched.now += 2 * LOST_AFTER
    watched.paint("second")
    watched.expect("second")


def test_frames_are_marked_where_textual_marks_them(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    for piece in (SYNC_START, "\x1b[1;1Hfirst\x1b[1;1H", SYNC_END):
        watched.line.write(piece, SIZE)
    frame = watched.expect(ASK)
    assert frame.startswith(SYNC_START)
    assert frame.endswith(SYNC_END + ASK)


def test_once_it_is_left_nothing_is_painted(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("first")
    watched.expect(ASK)
    watched.paint("second")
    watched.line.leave()
    watched.line.answered()
    watched.line.write("\x1b[?1049l", SIZE)
    assert watched.rest() == "\x1b[?1049l"


def test_begun_again_it_paints_all_without_being_told_to(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("as before")
    watched.expect(ASK)
    watched.line.leave()
    watched.line.stop()
    watched.line.start()
    watched.begin()
    assert "as before" in watched.expect(ASK)


def test_for_a_window_of_another_size_it_waits_for_what_is_painted_then(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("as before")
    watched.expect(ASK)
    watched.line.answered()
    watched.line.resized((30, 5))
    assert watched.rest() == ""
    watched.line.write("\x1b[5;1Hat the new size\x1b[1;1H", (30, 5))
    frame = watched.expect(ASK)
    assert "as before" in frame
    assert "at the new size" in frame


def test_what_is_not_understood_goes_out_as_it_is(watched: Watched) -> None:
    watched.begin()
    watched.line.answered()
    odd = "\x1b[1;1Ha\x1b[2Lb"
    watched.line.write(odd, SIZE)
    watched.expect(odd)


def test_a_terminal_that_is_gone_holds_nobody_up() -> None:
    far, near = os.openpty()
    with os.fdopen(near, "w", encoding="utf-8") as file:
        line = TerminalLine(file)
        line.start()
        os.close(far)
        line.write("\x1b[?25l", SIZE)
        line.stop()


def test_what_is_painted_while_it_is_stopped_is_there_when_it_begins_again(
    watched: Watched,
) -> None:
    watched.begin()
    watched.line.answered()
    watched.paint("as before")
    watched.expect(ASK)
    watched.line.leave()
    watched.line.stop()
    watched.paint("meanwhile", row=1)
    watched.line.write("\x1b[?25h", SIZE)
    watched.line.start()
    watched.begin()
    frame = watched.expect(ASK)
    assert "as before" in frame
    assert "meanwhile" in frame
    assert "\x1b[?25h" not in frame
