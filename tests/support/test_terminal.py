"""The terminal that tests look at: what they wait for is seen, however late they look."""

from __future__ import annotations

import sys

import pytest

from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

FRAME = r"\x1b[?2026h\x1b[2J\x1b[H%s\x1b[?2026l"
DRAWS = "import sys\nsys.stdout.write('{}')\nsys.stdout.flush()\nsys.stdin.readline()"


def drawing(*frames: str) -> list[str]:
    """A program that draws these, one after the other, and waits then for the end of a line."""
    return [sys.executable, "-c", DRAWS.format("".join(FRAME % one for one in frames) + "!")]


def test_a_frame_that_came_and_went_before_the_next_look_is_seen() -> None:
    with Terminal(drawing("one", "two", "three")) as terminal:
        # As where this process was given no time: all of it is read, and nothing was looked at.
        wait_for(lambda: terminal._unshown and terminal._unshown[-1][1].endswith(b"!"), "the end")
        looked: list[str] = []

        def is_two(text: str) -> bool:
            looked.append(text)
            # Whatever a condition looks at is of the same frame.
            assert text == terminal.text()
            return "two" in text

        assert terminal.wait_for(is_two).startswith("two")
        assert ["one" in text for text in looked[-2:]] == [True, False]
        assert terminal.text().startswith("three")
        terminal.press("enter")
        assert terminal.wait_for_end() == 0


def test_what_was_there_before_a_key_is_not_taken_for_what_came_of_it() -> None:
    with Terminal(drawing("one", "two")) as terminal:
        wait_for(lambda: terminal._unshown and terminal._unshown[-1][1].endswith(b"!"), "the end")
        terminal.press("x")
        with pytest.raises(AssertionError, match="not within"):
            terminal.wait_for("one", deadline=0.1)
        terminal.press("enter")
        assert terminal.wait_for_end() == 0
