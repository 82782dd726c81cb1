"""One panel of a chart: title, curves, axes, and where the errors are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from backends.metrics.figure_series import FigurePoint
from tui.text.charts.axes import LABEL, time_ticks, top_of
from tui.text.charts.chart_line import ChartLine, ChartPiece, cells_of, line_of
from tui.text.charts.curves import Plot, Stroke, drawn, over_each_other
from tui.text.format import NOTHING
from tui.text.host_clock import ShownAt
from tui.text.timestamps import time_of_day

GUTTER = 6
"""Cells left of a plot: a number, and the axis."""
AROUND = 3
"""Lines of a panel that are no plot: its title, the axis, and the times."""
LEAST_ROWS = 3
"""Rows of the smallest plot."""
RECENT = 15.0
"""Seconds for which a sample is the present."""
ERROR = "×"
"""Marks the time of errors on an axis."""


class ChartCurve(msgspec.Struct, frozen=True):
    """A measure over time."""

    label: str
    """Empty: the panel has only this one."""
    tone: str
    points: Sequence[FigurePoint]


class ChartPanel(msgspec.Struct, frozen=True):
    """What a panel shows."""

    title: str
    curves: tuple[ChartCurve, ...]
    """The highest first, which the others are drawn over."""
    written: Callable[[float], str]
    """A number as text."""
    errors: Sequence[FigurePoint] = ()
    """The samples with requests that ended in errors."""


class ChartWindow(msgspec.Struct, frozen=True):
    """The time that all panels show."""

    start: float
    end: float
    shown_at: ShownAt
    """From the steady time to what the host's clock showed."""

    def time_of(self, at: float) -> str:
        """Return the time of day as `13:05`."""
        return time_of_day(self.shown_at(at))[:LABEL]


def panel_lines(
    panel: ChartPanel, window: ChartWindow, cells: int, height: int
) -> Iterator[ChartLine]:
    """Yield the lines of a panel, no more than `height`, none wider than `cells`."""
    rows = max(LEAST_ROWS, height - AROUND)
    # An odd number of rows has one in the middle.
    rows -= rows % 2 == 0
    inside = max(1, cells - GUTTER)
    values = [
        point.value for curve in panel.curves for point in curve.points if point.value is not None
    ]
    plot = Plot(inside, rows, window.start, window.end, top_of(max(values, default=0.0)))
    yield _title(panel, window, cells)
    if values:
        yield from _plot(panel, plot)
    else:
        yield from _empty(plot)
    ticks = {
        plot.column_of(at): window.time_of(at)
        for at in time_ticks(window.start, window.end, inside, window.shown_at)
    }
    yield _axis(plot, panel.errors, ticks)
    yield _times(plot, ticks)


def _title(panel: ChartPanel, window: ChartWindow, cells: int) -> ChartLine:
    pieces = [ChartPiece(panel.title, "title")]
    for curve in panel.curves[::-1]:
        last = curve.points[-1] if curve.points else None
        now = NOTHING
        if last is not None and last.value is not None and window.end - last.at <= RECENT:
            now = f"{'>' * last.over}{panel.written(last.value)}"
        text = f"{curve.label} {now}" if curve.label else now
        pieces.append(ChartPiece(f"  {text}", curve.tone))
    known = [point for curve in panel.curves for point in curve.points if point.value is not None]
    if known:
        most = max(known, key=lambda point: point.value or 0.0)
        text = f"  highest {'>' * most.over}{panel.written(most.value or 0.0)}"
        text += f" at {window.time_of(most.at)}" if most.value else ""
        if cells_of(tuple(pieces)) + len(text) <= cells:
            pieces.append(ChartPiece(text, "dim"))
    return line_of(*pieces)


def _plot(panel: ChartPanel, plot: Plot) -> Iterator[ChartLine]:
    layers = [drawn(plot, strokes_of(curve.points)) for curve in panel.curves]
    for row in range(plot.rows):
        label = ""
        if row == 0:
            label = panel.written(plot.top)
        elif row == plot.rows - 1:
            label = "0"
        elif row == plot.rows // 2 and plot.rows > LEAST_ROWS:
            label = panel.written(plot.top / 2)
        axis = ChartPiece(f"{label:>{GUTTER - 1}}{'┤' if label else '│'}", "dim")
        yield line_of(axis, *_cells([layer[row] for layer in layers], panel.curves))


def _cells(rows: Sequence[str], curves: Sequence[ChartCurve]) -> Iterator[ChartPiece]:
    """Yield the cells of a row of a plot, each in the tone of the last curve that is in it."""
    together = rows[0]
    for row in rows[1:]:
        together = over_each_other(together, row)
    for column, cell in enumerate(together):
        tone = ""
        for row, curve in zip(rows, curves, strict=True):
            if row[column] != " ":
                tone = curve.tone
        yield ChartPiece(cell, tone)


def _empty(plot: Plot) -> Iterator[ChartLine]:
    for row in range(plot.rows):
        text = "nothing measured in this time" if row == plot.rows // 2 else ""
        yield line_of(ChartPiece(f"{'│':>{GUTTER}}{text.center(plot.cells)[: plot.cells]}", "dim"))


def _axis(plot: Plot, errors: Sequence[FigurePoint], ticks: dict[int, str]) -> ChartLine:
    wrong = {column for point in errors for column in plot.columns_of(point.since, point.at)}
    pieces = [ChartPiece(f"{'└':>{GUTTER}}", "dim")]
    for column in range(plot.cells):
        if column in wrong:
            pieces.append(ChartPiece(ERROR, "bad"))
        else:
            pieces.append(ChartPiece("┴" if column in ticks else "─", "dim"))
    return line_of(*pieces)


def _times(plot: Plot, ticks: dict[int, str]) -> ChartLine:
    row = [" "] * (GUTTER + plot.cells)
    for column, text in ticks.items():
        start = GUTTER + column - LABEL // 2
        if start + LABEL <= len(row):
            row[start : start + LABEL] = text
    return line_of(ChartPiece("".join(row).rstrip(), "dim"))


def strokes_of(points: Sequence[FigurePoint]) -> list[Stroke]:
    """Return the lines through points, each up to the next hole."""
    strokes: list[list[tuple[float, float]]] = []
    before: FigurePoint | None = None
    for point in points:
        if point.value is None:
            before = None
            continue
        if before is None or not point.follows(before):
            strokes.append([])
        strokes[-1].append((point.at, point.value))
        before = point
    return list(strokes)
