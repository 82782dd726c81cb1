"""At most one frame is on its way to a terminal that answers, and no answer is taken for a key."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest

from tui.runtime.terminal_pace import (
    ANSWER,
    BETWEEN,
    FAST,
    FIRST_PART,
    LOST_AFTER,
    PATIENCE,
    SMALLEST_PART,
    Pace,
    TerminalAnswers,
)


def answering(at: float = 0.0, took: float = 0.3) -> Pace:
    pace = Pace()
    pace.begin(at)
    pace.answered(at + took)
    return pace


def test_one_frame_is_on_its_way_until_its_answer_comes() -> None:
    pace = answering()
    assert pace.wait(1) == 0
    pace.sent(1, 2000)
    assert pace.wait(1.1) > 0
    pace.answered(1.5)
    assert pace.wait(1.5) == 0


def test_before_the_first_answer_frames_go_out_now_and_then() -> None:
    pace = Pace()
    pace.begin(0)
    assert pace.wait(0.1) == 0
    pace.sent(0.1, 2000)
    assert pace.wait(0.2) == pytest.approx(BETWEEN - 0.1)
    assert pace.wait(0.1 + BETWEEN) == 0


def test_from_the_first_answer_on_all_frames_are_waited_for() -> None:
    pace = Pace()
    pace.begin(0)
    pace.sent(0.1, 2000)
    pace.answered(0.3)  # to the request before the frame
    assert pace.wait(0.4) > 0
    pace.answered(0.6)
    assert pace.wait(0.6) == 0


def test_a_terminal_that_never_answers_is_sent_all_it_takes() -> None:
    pace = Pace()
    pace.begin(0)
    pace.sent(0, 2000)
    assert pace.wait(PATIENCE) == 0
    assert pace.answers is False
    assert pace.most is None
    assert pace.left(PATIENCE) == 0


def test_one_that_did_not_answer_is_not_waited_for_when_it_begins_again() -> None:
    pace = Pace()
    pace.begin(0)
    pace.sent(0, 2000)
    pace.wait(PATIENCE)
    pace.begin(10)
    assert pace.wait(10) == 0
    assert pace.most is None
    pace.answered(11)
    assert pace.answers is True


def test_one_that_answers_late_is_asked_from_then_on() -> None:
    pace = Pace()
    pace.begin(0)
    pace.sent(0, 2000)
    pace.wait(PATIENCE)
    pace.answered(5)
    assert pace.answers is True
    assert pace.wait(5) > 0
    pace.answered(6)
    assert pace.wait(6) == 0


def test_an_answer_that_is_lost_holds_nothing_for_ever() -> None:
    pace = answering()
    pace.sent(1, 1000)
    assert pace.wait(1 + LOST_AFTER) > 0  # a slow line may still be at it
    assert pace.wait(1 + LOST_AFTER + 2) == 0
    pace.sent(10, 10)
    pace.answered(10.1)
    assert pace.wait(10.1) == 0


def test_an_answer_to_nothing_changes_nothing() -> None:
    pace = answering()
    pace.answered(1)
    pace.sent(2, 10)
    assert pace.wait(2) > 0


def test_on_a_fast_line_a_frame_may_be_as_large_as_it_is() -> None:
    assert answering(took=FAST / 2).most is None


@pytest.mark.parametrize("rate", [960, 5_600, 50_000])
def test_on_a_slow_line_a_part_takes_about_a_second(rate: int) -> None:
    pace, now = answering(), 1.0
    for _ in range(6):
        assert pace.most is not None
        size = pace.most
        pace.sent(now, size)
        now += size / rate + 0.3
        pace.answered(now)
    assert pace.most is not None
    assert 0.5 < pace.most / rate + 0.3 < 1.5


def test_a_line_that_gets_slow_gets_parts_again() -> None:
    pace = answering(took=0)
    assert pace.most is None
    pace.sent(1, 5000)
    pace.answered(6)
    assert pace.most == 1000
    pace.sent(7, 100)
    pace.answered(27)
    assert pace.most == SMALLEST_PART


def test_where_another_program_had_the_terminal_all_begins_again() -> None:
    pace = answering(took=0)
    pace.sent(1, 100)
    pace.begin(2)
    assert pace.wait(2) == 0
    assert pace.most == FIRST_PART


class Typed:
    """What `TerminalAnswers` lets through, and how often the terminal answered."""

    def __init__(self, *, expected: int = 1) -> None:
        self.left = expected
        self.answers = TerminalAnswers(lambda: self.left > 0, self._answered)
        self.text = ""

    def _answered(self) -> None:
        self.left -= 1

    def __call__(self, *pieces: str) -> str:
        for piece in pieces:
            self.text += self.answers.typed(piece)
        return self.text


def torn() -> Iterator[list[str]]:
    for count in range(len(ANSWER)):
        for cuts in combinations(range(1, len(ANSWER)), count):
            edges = [0, *cuts, len(ANSWER)]
            yield [ANSWER[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("pieces", torn())
def test_an_answer_in_pieces_is_no_key(pieces: list[str]) -> None:
    typed = Typed()
    assert typed(*pieces) == ""
    assert typed.left == 0
    assert not typed.answers.holds


def test_what_is_typed_around_an_answer_is_typed() -> None:
    typed = Typed(expected=2)
    assert typed(f"ab{ANSWER}c", f"d{ANSWER}\x1b[A") == "abcd\x1b[A"
    assert typed.left == 0


def test_an_answer_within_a_paste_is_not_pasted() -> None:
    assert Typed()(f"\x1b[200~one {ANSWER[:2]}", f"{ANSWER[2:]}two\x1b[201~") == (
        "\x1b[200~one two\x1b[201~"
    )


def test_an_answer_that_nothing_asked_for_is_no_key_either() -> None:
    assert Typed(expected=0)(f"a{ANSWER}b") == "ab"


def test_escape_is_held_only_while_an_answer_may_come() -> None:
    assert Typed(expected=0)("\x1b") == "\x1b"
    typed = Typed()
    assert typed("\x1b") == ""
    assert typed.answers.holds
    assert typed.answers.overdue() == "\x1b"
    assert not typed.answers.holds


def test_a_key_that_begins_as_an_answer_does_is_that_key() -> None:
    assert Typed()("\x1b", "[A") == "\x1b[A"


def test_the_rest_of_an_answer_that_took_too_long_is_no_key() -> None:
    typed = Typed()
    typed("\x1b[")
    typed.answers.overdue()
    assert typed("0", "nx") == "x"
    assert typed.left == 0
