"""Panels beside and below each other, as many to a page as fit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import msgspec

from tui.text.charts.chart_line import ChartLine, ChartPiece, line_of, padded
from tui.text.charts.chart_panel import ChartPanel, ChartWindow, panel_lines

LEAST_CELLS = 56
"""Cells of a panel that has another one beside it."""
LEAST_HEIGHT = 8
"""Lines of a panel, if there are so many."""
MOST_HEIGHT = 24
"""Lines of a panel, however many there are."""
GAP = 2
"""Cells between two panels."""


class ChartPages(msgspec.Struct, frozen=True):
    """All panels, in pages that fill the room."""

    lines: tuple[ChartLine, ...]
    number: int
    """Of pages."""


def pages_of(
    panels: Sequence[ChartPanel], window: ChartWindow, cells: int, height: int
) -> ChartPages:
    """Return panels as lines, `height` of them to a page, none wider than `cells`."""
    if not panels or cells < 1 or height < 1:
        return ChartPages((), 0)
    beside = max(1, min(len(panels), (cells + GAP) // (LEAST_CELLS + GAP)))
    rows = -(-len(panels) // beside)
    on_page = max(1, min(rows, height // LEAST_HEIGHT))
    each = min(MOST_HEIGHT, height // on_page)
    wide = (cells - GAP * (beside - 1)) // beside
    pages: list[ChartLine] = []
    for first in range(0, rows, on_page):
        lines: list[ChartLine] = []
        for row in range(first, min(rows, first + on_page)):
            of_row = panels[row * beside : (row + 1) * beside]
            drawn = [list(panel_lines(panel, window, wide, each)) for panel in of_row]
            lines += [_beside(pieces, wide) for pieces in zip_longest(*drawn, fillvalue=())]
            # Between an even number of lines and the odd one of a plot.
            lines += [()] * (each - max(map(len, drawn)))
        pages += [*lines, *[()] * height][:height]
    return ChartPages(tuple(pages), -(-rows // on_page))


def _beside(pieces: Sequence[ChartLine], wide: int) -> ChartLine:
    found: list[ChartPiece] = []
    for piece in pieces[:-1]:
        found += padded(piece, wide + GAP)
    return line_of(*found, *pieces[-1])
