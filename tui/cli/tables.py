"""Tables on standard output: aligned columns under a header, harmless text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from tui.runtime.standard_streams import as_written, write_lines
from tui.text.sanitize import clip, clip_middle, width

WIDEST_CELL = 240
"""Columns of the widest cell: a name may be 100 KB long. JSON and `-o name` have it in full. Names,
addresses and lists of ids that Dynamo writes are shorter."""


def write_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool = True
) -> None:
    """Print rows, each with as many cells as the header. Without rows print nothing.

    `headers`: whether the header is printed. Raises BrokenPipeError, `OutputFailed`.
    """
    write_lines(_lines(header, rows, headers=headers))


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool) -> Iterator[str]:
    """Yield the aligned lines, without columns that are empty in all rows."""
    clipped = [
        [
            *(as_written(clip_middle(cell, WIDEST_CELL), sys.stdout) for cell in row[:-1]),
            as_written(clip(row[-1], WIDEST_CELL), sys.stdout),
        ]
        for row in rows
    ]
    shown = [column for column in range(len(header)) if any(row[column] for row in clipped)]
    if not shown:
        return
    printed = (header, *clipped) if headers else clipped
    table = [[row[column] for column in shown] for row in printed]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(_padded(row, widths)).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for cell, columns in zip(row, widths, strict=True):
        yield cell + " " * (columns - width(cell))
