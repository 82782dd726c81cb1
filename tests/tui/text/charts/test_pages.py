"""Charts as lines: they fit, curves have holes, errors are at their time, numbers at their axes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.figure_series import FigurePoint
from tui.text.charts.axes import LABEL, time_ticks, top_of
from tui.text.charts.chart_line import ChartLine, cells_of
from tui.text.charts.chart_page import LEAST_HEIGHT, pages_of
from tui.text.charts.chart_panel import (
    GUTTER,
    ChartCurve,
    ChartPanel,
    ChartWindow,
    panel_lines,
)
from tui.text.numbers import length, rate

END = 1_764_594_000.0
"""13:00 in UTC."""
WINDOW = ChartWindow(END - 3600, END, lambda at: at)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def points(values: Sequence[float | None], seconds: float = 60.0) -> list[FigurePoint]:
    """Return points that follow each other, up to the end of the window."""
    first = END - seconds * (len(values) - 1)
    ends = [first + seconds * number for number in range(len(values))]
    return [
        FigurePoint(at - seconds, at, value, False) for at, value in zip(ends, values, strict=True)
    ]


def panel(values: Sequence[float | None], errors: Sequence[FigurePoint] = ()) -> ChartPanel:
    return ChartPanel("Requests/s", (ChartCurve("", "accent", points(values)),), rate, errors)


def texts(lines: Sequence[ChartLine]) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lines]


def rows(values: Sequence[float | None], cells: int = 66, height: int = 12) -> list[str]:
    """Return the rows of a plot, without the axis."""
    lines = texts(list(panel_lines(panel(values), WINDOW, cells, height)))
    return [line[GUTTER:] for line in lines[1:-2]]


@given(
    st.lists(st.lists(st.none() | st.floats(0, 2**64), max_size=70), max_size=7),
    st.integers(0, 250),
    st.integers(0, 70),
)
def test_pages_fill_the_room_and_no_line_is_wider_whatever_was_measured(
    measured: list[list[float | None]], cells: int, height: int
) -> None:
    panels = [panel(values, points(values)[:3]) for values in measured]
    pages = pages_of(panels, WINDOW, cells, height)
    assert len(pages.lines) == pages.number * height
    if cells > GUTTER + LABEL:
        assert max(map(cells_of, pages.lines), default=0) <= cells
    if panels and cells and height:
        assert pages.number >= 1
    if height >= LEAST_HEIGHT and cells > 40:
        shown = "\n".join(texts(pages.lines))
        assert shown.count("Requests/s") == len(panels)


def test_more_panels_are_beside_each_other_the_wider_and_on_a_page_the_higher_it_is() -> None:
    five = [panel([1.0, 2.0])] * 5
    sizes = ((198, 46), (118, 36), (78, 20), (58, 16))
    assert [pages_of(five, WINDOW, *size).number for size in sizes] == [1, 1, 3, 3]
    first = texts(pages_of(five, WINDOW, 198, 46).lines)[0]
    assert first.count("Requests/s") == 3


def test_a_curve_ends_at_a_hole_and_begins_anew_behind_it() -> None:
    columns = [
        "".join(column).strip()
        for column in zip(*rows([1.0] * 20 + [None] * 20 + [1.0] * 21), strict=True)
    ]
    # One cell for each minute of the hour.
    runs = [(drawn, len(list(cells))) for drawn, cells in groupby(columns, bool)]
    assert runs == [(True, 20), (False, 19), (True, 21)]


def test_no_line_is_drawn_across_time_that_no_sample_covers() -> None:
    ends = [FigurePoint(at - 5, at, 1.0, False) for at in (END - 3000, END - 600)]
    one = ChartPanel("Requests/s", (ChartCurve("", "accent", ends),), rate)
    lines = texts(list(panel_lines(one, WINDOW, 66, 12)))[1:-2]
    assert sum(cell not in " │┤0123456789." for line in lines for cell in line) == 2


def test_the_highest_and_nought_are_at_the_ends_of_a_plot() -> None:
    top, *_, bottom = rows([8.0] * 61)
    assert (top.strip("⠉"), bottom.strip()) == ("", "")
    top, *_, bottom = rows([0.0] * 61)
    assert (top.strip(), bottom.strip("⣀")) == ("", "")
    lines = texts(list(panel_lines(panel([8.0]), WINDOW, 66, 12)))
    assert [line[:GUTTER] for line in lines if "┤" in line] == ["  8.0┤", "  4.0┤", "    0┤"]
    assert lines[0] == "Requests/s  8.0  highest 8.0 at 13:00"


def test_what_is_not_known_now_is_no_number_and_a_latency_above_all_bounds_is_marked() -> None:
    first = texts(list(panel_lines(panel([3.0, None]), WINDOW, 66, 12)))[0]
    assert first == "Requests/s  –  highest 3.0 at 12:59"
    over = [FigurePoint(END - 5, END, 480.0, True)]
    slow = ChartPanel("TTFT", (ChartCurve("p99", "accent", over),), length)
    assert texts(list(panel_lines(slow, WINDOW, 66, 12)))[0] == (
        "TTFT  p99 >480s  highest >480s at 13:00"
    )
    empty = texts(list(panel_lines(panel([None, None]), WINDOW, 66, 12)))
    assert empty[0] == "Requests/s  –"
    assert "nothing measured in this time" in "\n".join(empty)


def test_errors_are_marked_on_the_axis_at_their_time_and_times_stand_below_their_ticks() -> None:
    errors = [FigurePoint(END - 1805, END - 1800, 2.0, False)]
    *_, axis, times = list(panel_lines(panel([1.0] * 61, errors), WINDOW, 66, 12))
    assert [piece.text for piece in axis if piece.tone == "bad"] == ["×"]
    assert texts([axis])[0].index("×") == GUTTER + 30
    five_minutes = [FigurePoint(END - 1800, END - 1500, 2.0, False)]
    *_, long, _ = list(panel_lines(panel([1.0] * 61, five_minutes), WINDOW, 66, 12))
    assert "".join(piece.text for piece in long if piece.tone == "bad") == "×" * 5
    below = texts([times])[0]
    assert below.split() == ["12:00", "12:10", "12:20", "12:30", "12:40", "12:50"]
    assert below.index("12:50") + LABEL // 2 == texts([axis])[0].rindex("┴")


def test_each_cell_has_the_tone_of_its_curve() -> None:
    high, low = points([8.0] * 61), points([1.0] * 61)
    both = ChartPanel(
        "TTFT", (ChartCurve("p99", "accent", high), ChartCurve("p50", "good", low)), length
    )
    lines = list(panel_lines(both, WINDOW, 66, 12))
    tones = [{piece.tone for piece in line if piece.text.strip("│┤ ")} for line in lines]
    assert tones[0] == {"title", "good", "accent", "dim"}
    assert "accent" in tones[1]
    assert [number for number, found in enumerate(tones) if "good" in found] == [0, 8]
    # p50 comes first in the title, as in the table.
    assert texts(lines)[0].startswith("TTFT  p50 1.00s  p99 8.00s")


@given(st.floats(1e-6, 2**64))
def test_the_top_of_a_chart_is_round_and_not_far_above_what_is_drawn(highest: float) -> None:
    top = top_of(highest)
    assert highest <= top * (1 + 1e-9)
    assert top <= highest * 2 * (1 + 1e-9)
    assert f"{top:.0e}" == f"{top:.1e}".replace(".0", "")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
@pytest.mark.parametrize("span", [600.0, 3600.0])
def test_ticks_are_round_times_of_day_in_every_zone(
    zone: str, span: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    ticks = list(time_ticks(END - span, END, 100, lambda at: at))
    assert len(ticks) > 3
    step = int(ticks[1] - ticks[0])
    for at in ticks:
        local = time.localtime(at)
        assert (local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec) % step == 0
