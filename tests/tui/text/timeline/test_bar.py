"""The line of a timeline: always as wide as the screen, and what it leaves out where."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tui.text.charts.chart_line import cells_of
from tui.text.timeline.bar import BarState, MarksOf, Playing, bar
from tui.text.timeline.times import has_several_days, range_text
from tui.text.timeline.track import Happened, Mark, Track

START = 1_764_597_751.0
STATE = BarState(
    playing=Playing.PAUSED,
    speed=10.0,
    now=START + 900,
    start=START,
    end=START + 3600,
    has_times=True,
    change=12,
    changes=340,
    to_change=250.0,
)


def nothing(cells: int) -> bytes:
    return bytes(cells)


def text(state: BarState, cells: int, marks: MarksOf = nothing) -> str:
    return "".join(piece.text for piece in bar(state, cells, marks))


STATES = {
    "paused": STATE,
    "slowed": replace(STATE, playing=Playing.PLAYING, speed=600.0, kept_speed=123.4),
    "days": replace(STATE, end=START + 90_000),
    "one moment": replace(STATE, end=START, now=START, change=0, changes=0),
    "without times": replace(STATE, has_times=False, start=0, end=340, now=12),
    "not counted yet": replace(STATE, changes=None),
    "many changes": replace(STATE, changes=12_345_678),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_it_is_just_as_wide_as_it_has_room(state: BarState) -> None:
    for cells in range(200):
        assert cells_of(bar(state, cells, nothing)) in (cells, 0)
        assert cells < 2 or cells_of(bar(state, cells, nothing)) == cells


@pytest.mark.parametrize("cells", [58, 78, 118, 198])
def test_where_it_is_how_it_plays_and_which_change_is_shown_from_60_columns_on(cells: int) -> None:
    shown = text(STATE, cells)
    for part in ("❚❚", "10×", " 12", "340", "◆"):
        assert part in shown


def test_the_play_is_in_words_where_there_is_room() -> None:
    assert text(STATE, 118).startswith("❚❚ paused 10×")
    assert "next change in 4m" in text(STATE, 118)
    assert text(STATE, 78).startswith("❚❚ 10×")
    assert text(replace(STATE, playing=Playing.ENDED), 118).startswith("■  at the end")


def test_a_speed_that_is_not_kept_is_said() -> None:
    assert "600×, reads no faster than 123×" in text(STATES["slowed"], 198)
    assert "123×" in text(STATES["slowed"], 58)


def test_the_line_is_thick_as_far_as_it_was_played() -> None:
    assert "━◆─" in text(STATE, 118)
    assert "━" not in text(replace(STATE, now=START), 118)
    assert "─" not in text(replace(STATE, now=START + 3600), 118)


def test_of_a_cell_the_most_important_mark_is_drawn() -> None:
    happened = [
        Happened(Mark.REMOVAL, 0.0),
        Happened(Mark.CHANGE, 0.0),
        Happened(Mark.GAP, 40.0, 60.0),
        Happened(Mark.DEATH, 50.0),
        Happened(Mark.CHANGE, 100.0),
    ]
    marks = Track(0.0, 100.0).marks(happened, 11)
    assert list(marks) == [3, 0, 0, 0, 2, 4, 2, 0, 0, 0, 1]
    assert list(Track(5.0, 5.0).marks(happened, 3)) == [4, 0, 0]


def test_marks_can_be_told_from_each_other_without_colours() -> None:
    marks = bytes((0, 0, 0, 1, 2, 3, 4)).ljust(200, b"\0")
    assert "─·╌†✗─" in text(replace(STATE, now=START), 118, lambda cells: marks[:cells])


def test_dates_are_shown_only_where_there_are_several() -> None:
    assert not has_several_days(START, START + 60)
    assert has_several_days(START, START + 90_000)
    assert len(range_text(START, START + 60)) == len("2026-11-21 14:02:31–14:40:00")
    assert range_text(1e300, 1e300) == ""
