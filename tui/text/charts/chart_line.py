"""Lines of a chart, in pieces that each have a tone."""

from __future__ import annotations

from typing import NamedTuple

from tui.text.sanitize import width


class ChartPiece(NamedTuple):
    """A part of a line."""

    text: str
    tone: str = ""
    """`title`, `dim`, `accent`, `good`, `warn`, `bad`, or none."""


ChartLine = tuple[ChartPiece, ...]


def line_of(*pieces: ChartPiece) -> ChartLine:
    """Return a line, in which neighbours of the same tone are one piece."""
    found: list[ChartPiece] = []
    for piece in pieces:
        if found and found[-1].tone == piece.tone:
            found[-1] = ChartPiece(found[-1].text + piece.text, piece.tone)
        elif piece.text:
            found.append(piece)
    return tuple(found)


def cells_of(line: ChartLine) -> int:
    """Return how many cells a line takes."""
    return sum(width(piece.text) for piece in line)


def padded(line: ChartLine, cells: int) -> ChartLine:
    """Return a line with blanks behind it, at least so many cells wide."""
    return line_of(*line, ChartPiece(" " * max(0, cells - cells_of(line))))
