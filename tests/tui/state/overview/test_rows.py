"""How the room of a screen is divided among the parts."""

from __future__ import annotations

import pytest

from tui.state.overview.rows import OverviewPart, OverviewRow, RowKind, cut, divide, remark


@pytest.mark.parametrize(
    ("room", "wants", "gets"),
    [
        (30, (3, 4, 10), (3, 4, 10)),
        # What is wrong comes first, and leaves a few lines to the others.
        (20, (300, 12, 40), (15, 3, 2)),
        (20, (2, 40, 40), (2, 16, 2)),
        (20, (2, 3, 40), (2, 3, 15)),
        # On the smallest screens, too.
        (6, (3, 4, 20), (3, 2, 1)),
        (6, (9, 4, 20), (4, 1, 1)),
        (3, (9, 9, 9), (1, 1, 1)),
        (0, (9, 9, 9), (1, 0, 0)),
        (20, (1, 0, 0), (1, 0, 0)),
    ],
)
def test_what_is_wrong_has_its_lines_first_then_models_then_events(
    room: int, wants: tuple[int, int, int], gets: tuple[int, int, int]
) -> None:
    assert divide(room, *wants) == gets


def lines(number: int) -> list[OverviewRow]:
    return [OverviewRow(one, OverviewPart.MODELS, RowKind.LINE) for one in range(number)]


def test_of_too_many_lines_the_last_says_how_many_are_left_out() -> None:
    shown = cut(lines(5), 3, 12, ": 2 shows Models")
    assert [row.key for row in shown[:2]] == [0, 1]
    assert shown[2].cells["text"].text == "… and 10 more: 2 shows Models"


def test_lines_for_which_there_is_room_are_all_there() -> None:
    assert [row.key for row in cut(lines(3), 3, 3, "")] == [0, 1, 2]
    assert cut([], 3, 0, "") == []


def test_titles_cannot_be_selected_and_sentences_can() -> None:
    assert remark(OverviewPart.WRONG, "nothing", "calm").can_be_selected
    assert not OverviewRow("title", OverviewPart.MODELS, RowKind.TITLE).can_be_selected
    assert not OverviewRow("blank", OverviewPart.MODELS, RowKind.BLANK).can_be_selected
