"""Curves as braille, of which a cell has two by four dots. By plotille."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from plotille import Canvas

BLANK = "\N{BRAILLE PATTERN BLANK}"
WIDE, HIGH = 2, 4
"""Dots of a cell."""

Dot = tuple[float, float]
"""A time, and a number from 0 up."""
Stroke = Sequence[Dot]
"""Dots that a line goes through, from the left to the right."""


class Plot(NamedTuple):
    """The room that curves are drawn in, and the numbers at its ends."""

    cells: int
    rows: int
    start: float
    """The time at the left end."""
    end: float
    """The time at the right end."""
    top: float
    """The number at the upper end; the lower is 0."""

    def column_of(self, at: float) -> int:
        """Return the column of cells that a time is in."""
        return self.across(at) // WIDE

    def columns_of(self, since: float, at: float) -> range:
        """Return the columns of cells that the time between two moments is in."""
        last = self.column_of(at)
        return range(min(last, (self.across(since) + 1) // WIDE), last + 1)

    def across(self, at: float) -> int:
        """Return the column of dots that a time is in, within the room."""
        right = WIDE * self.cells - 1
        part = (at - self.start) / (self.end - self.start)
        return min(right, max(0, round(part * right)))

    def up(self, value: float) -> int:
        """Return the row of dots of a number, counted from below."""
        highest = HIGH * self.rows - 1
        return min(highest, max(0, round(value / self.top * highest)))


def drawn(plot: Plot, strokes: Iterable[Stroke]) -> list[str]:
    """Return the rows of a plot from the top down, each as wide as the plot."""
    columns, lines = WIDE * plot.cells, HIGH * plot.rows
    # plotille draws what is at the lower ends, and not what is at the upper ones.
    canvas = Canvas(
        plot.cells,
        plot.rows,
        xmin=0,
        xmax=columns,
        ymin=0,
        ymax=lines,
    )
    for stroke in strokes:
        dots = list(_thinned((plot.across(at), plot.up(value)) for at, value in stroke))
        canvas.point(*dots[0])
        for before, dot in pairwise(dots):
            canvas.line(*before, *dot)
    return [row.replace(BLANK, " ") for row in canvas.plot("\n").split("\n")]


def over_each_other(below: str, above: str) -> str:
    """Return two rows of a plot as one, with the dots of both."""
    return "".join(map(_both, below, above))


def _both(one: str, other: str) -> str:
    if one == " " or other == " ":
        return other if one == " " else one
    return chr(ord(one) | ord(other))


def _thinned(dots: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Leave out dots of one column that lie between its first, lowest, highest and last: lines
    through these cover them."""
    column: list[tuple[int, int]] = []
    for dot in dots:
        if column and dot[0] != column[0][0]:
            yield from _ends(column)
            column = []
        column.append(dot)
    yield from _ends(column)


def _ends(column: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    yield column[0]
    if len(column) > 1:
        yield min(column)
        yield max(column)
        yield column[-1]
