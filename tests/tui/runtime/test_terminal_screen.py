"""What is sent makes the terminal show what was painted, and is little."""

from __future__ import annotations

import random

import pyte
import pytest

from tui.runtime.terminal_screen import Screen, is_frame

COLUMNS, ROWS = 30, 8
RED, ON_BLUE, UNDERLINED = "38;2;200;0;0", "1;31;48;5;4", "4;38;2;0;9;0;48;2;0;0;90"
STYLES = ["", RED, ON_BLUE, UNDERLINED, "7", "97;44", "38;5;200", "2;39;49"]
TEXTS = ["a", "live ", "● connected", "  ", " " * 12, "─" * 9, "10.0.0.1:9000", "é", "x  y"]


def at(row: int, column: int, *pieces: tuple[str, str]) -> str:
    """As Textual writes it: a style before each piece, and a reset behind."""
    return f"\x1b[{row + 1};{column + 1}H" + "".join(
        f"\x1b[{style}m{text}\x1b[0m" if style else text for text, style in pieces
    )


def screen() -> Screen:
    made = Screen()
    made.resize(COLUMNS, ROWS)
    return made


class Emulator:
    """A terminal that has what is fed to it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.screen.reset_mode(pyte.modes.DECAWM)
        self._stream = pyte.Stream(self.screen)

    def feed(self, sent: str) -> None:
        self._stream.feed(sent)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """What is seen: of a space without a line its background."""
        return [
            [_seen(self.screen.buffer[row][column]) for column in range(COLUMNS)]
            for row in range(ROWS)
        ]


def _seen(cell: pyte.screens.Char) -> tuple[object, ...]:
    if cell.data == " " and not cell.underscore and not cell.reverse:
        return (" ", cell.bg)
    return tuple(cell)


def whole(text: str = "") -> str:
    """A first screen."""
    return "\n".join(at(row, 0, (text.ljust(COLUMNS), RED)) for row in range(ROWS))


def random_frame(chance: random.Random) -> str:
    lines = []
    for row in sorted(chance.sample(range(ROWS), chance.randint(1, 4))):
        column = start = chance.randint(0, COLUMNS - 1)
        pieces = []
        for _ in range(chance.randint(1, 4)):
            text = chance.choice(TEXTS)[: COLUMNS - column]
            pieces.append((text, chance.choice(STYLES)))
            column += len(text)
        lines.append(at(row, start, *pieces))
    return "\n".join(lines) + at(chance.randint(0, ROWS - 1), 0)


@pytest.mark.parametrize("seed", range(30))
def test_the_terminal_shows_what_was_painted(seed: int) -> None:
    chance = random.Random(seed)
    painted, shown, sent = Emulator(), Emulator(), screen()
    for _ in range(20):
        frame = whole() if chance.random() < 0.1 else random_frame(chance)
        assert is_frame(frame)
        painted.feed(frame.replace("\n", ""))
        assert sent.paint(frame)
        if chance.random() < 0.2:
            sent.forget()
            shown.screen.reset()
            shown.screen.reset_mode(pyte.modes.DECAWM)
        if chance.random() < 0.4:
            continue  # the terminal is busy, and gets the next one
        most = chance.choice([None, None, 1, 40])
        while changes := sent.changes(most):
            shown.feed(changes)
        assert shown.cells() == painted.cells()
        assert not sent.differs


def test_wide_and_combining_characters_are_where_they_belong() -> None:
    shown, sent = Emulator(), screen()
    sent.paint(whole("name 漢字 e\u0301 end"))
    shown.feed(sent.changes())
    assert shown.screen.display[3].split() == ["name", "漢字", "\u00e9", "end"]
    assert shown.screen.buffer[3][12].data == "e"
    sent.paint(at(3, 6, ("z", RED)))  # half of the first is gone
    shown.feed(sent.changes())
    assert shown.screen.display[3].split() == ["name", "z字", "\u00e9", "end"]
    # All of such a row is sent again, since terminals differ in how wide characters are.
    sent.paint(at(2, 28, ("!", RED)))
    assert "name" in sent.changes()


def test_what_is_painted_again_is_not_sent_again() -> None:
    sent = screen()
    sent.paint(whole("● live"))
    assert sent.changes()
    sent.paint(whole("● live"))
    assert sent.changes() == ""


def test_of_a_changed_line_the_changed_cells_are_sent() -> None:
    sent = screen()
    sent.paint(whole("● live   10.0.0.1:9000   >5s"))
    sent.changes()
    sent.paint(at(2, 0, ("● live   10.0.0.1:9000   >6s  ", RED)) + at(0, 0))
    assert sent.changes() == f"\x1b[3;27H\x1b[0;{RED}m6\x1b[1;1H"


def test_of_a_style_what_differs_is_sent() -> None:
    sent = screen()
    sent.paint(at(0, 0, ("a", "31;44"), ("b", "32;44"), ("  ", "44"), ("c", "1;32;44")))
    assert sent.changes().startswith("\x1b[1;1H\x1b[0;31;44ma\x1b[32mb  \x1b[1mc")


def test_a_terminal_that_another_program_had_gets_all() -> None:
    shown, sent = Emulator(), screen()
    sent.paint(whole("as before"))
    sent.changes()
    sent.forget()
    shown.feed(sent.changes())
    assert [line.strip() for line in shown.screen.display] == ["as before"] * ROWS


def test_a_terminal_to_which_nothing_was_painted_gets_nothing() -> None:
    sent = screen()
    sent.forget()
    assert not sent.differs
    assert sent.changes() == ""


def test_a_part_begins_with_what_was_painted_last_and_leaves_nothing_out() -> None:
    shown, sent = Emulator(), screen()
    sent.paint(whole("a whole screen"))
    sent.paint(at(6, 0, ("the echo", RED)))
    parts = [sent.changes(60)]
    assert "the echo" in parts[0]
    assert sent.differs
    # What changes again and again does not keep the rest from coming.
    while sent.differs and len(parts) < 20:
        sent.paint(at(6, 0, (f"the echo {len(parts)}", RED)))
        parts.append(sent.changes(60))
    assert len(parts) < 12
    shown.feed("".join(parts))
    assert shown.screen.display[7].startswith("a whole screen")


def test_a_smaller_window_gets_nothing_beyond_its_edge() -> None:
    sent = screen()
    sent.paint(whole("name"))
    sent.changes()
    sent.resize(10, 3)
    shown = sent.changes()
    assert "\x1b[3;1H" in shown
    assert "\x1b[4;1H" not in shown
    sent.paint(at(5, 0, ("below", "")) + at(0, 8, ("beyond", "")) + at(0, 0))
    assert "below" not in (shown := sent.changes())
    assert "be" in shown
    assert "bey" not in shown


def test_what_is_not_understood_is_said_to_be_so() -> None:
    assert screen().paint(at(0, 0, ("a", RED)) + "\x1b[3Lb") is False


@pytest.mark.parametrize("written", ["\x1b[?25l", "\x1b[?2026$p", "\x07", "\x1b]52;c;YQ==\x07", ""])
def test_what_only_switches_is_no_frame(written: str) -> None:
    assert not is_frame(written)
