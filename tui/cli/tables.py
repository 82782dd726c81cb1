"""Tables on standard output: aligned columns under a header, harmless text.

At a terminal a table fits into it. In a pipe or a file nothing is cut but what nobody writes.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Sequence

from tui.runtime.standard_streams import as_written, terminal_columns, write_lines
from tui.text.sanitize import ELLIPSIS, clip, clip_host, clip_middle, width

WIDEST_CELL = 240
"""Columns of the widest cell: a name may be 100 KB long. JSON and `-o name` have it in full. Names,
addresses and lists of ids that Dynamo writes are shorter."""

CUT_MARK = "~"
"""Stands for what was cut where the encoding has no `…`."""


def write_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool = True
) -> None:
    """Print rows, each with as many cells as the header. Without rows print nothing.

    `headers`: whether the header is printed. Raises BrokenPipeError, `OutputFailed`.
    """
    write_lines(_lines(header, rows, headers=headers))


def _lines(header: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool) -> Iterator[str]:
    """Yield the aligned lines, without columns that are empty in all rows."""
    table = list(map(as_cells, rows))
    shown = [column for column in range(len(header)) if any(row[column] for row in table)]
    if not shown:
        return
    names = [header[column] for column in shown]
    table = [[row[column] for column in shown] for row in table]
    cells = [max(map(width, column)) for column in zip(*table, strict=True)]
    widths = fitting(names, cells, headers=headers)
    if headers:
        table.insert(0, names)
    for row in table:
        yield aligned(names, row, widths)


def as_cells(row: Sequence[str]) -> list[str]:
    """Return cells as they are written, harmless and none wider than `WIDEST_CELL`."""
    return [
        *(as_written(clip_middle(cell, WIDEST_CELL), sys.stdout) for cell in row[:-1]),
        as_written(clip(row[-1], WIDEST_CELL), sys.stdout),
    ]


def fitting(names: Sequence[str], cells: Sequence[int], *, headers: bool) -> Sequence[int]:
    """Return the widths of columns, of whose cells these are the widest; at a terminal those with
    which a line fits into it. `headers`: whether their names are printed, too."""
    widths = cells
    if headers:
        widths = [max(width(name), cell) for name, cell in zip(names, cells, strict=True)]
    if (room := terminal_columns(sys.stdout)) is None:
        return widths
    # Imported here: what is read by programs is not cut.
    from tui.cli.fitting import fitted

    return fitted(names, widths, room, cells)


def aligned(names: Sequence[str], row: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of the cells of these columns, each in its width; what is wider is cut."""
    line = []
    for name, cell, columns in zip(names, row, widths, strict=True):
        free = columns - width(cell)
        line.append(cell + " " * free if free >= 0 else _cut(name, cell, columns))
    return "  ".join(line).rstrip()


def _cut(name: str, cell: str, columns: int) -> str:
    from tui.cli.fitting import SENTENCES

    cut = (clip if name in SENTENCES else clip_host if name == "HOST" else clip_middle)(
        cell, columns
    )
    if as_written(ELLIPSIS, sys.stdout) != ELLIPSIS:
        cut = cut.replace(ELLIPSIS, CUT_MARK)
    return cut + " " * (columns - width(cut))


class GrowingTable:
    """A table whose rows come one after the other. Its columns only become wider, and more."""

    def __init__(
        self,
        header: Sequence[str],
        *,
        always: Collection[str] = (),
        first: int = 0,
        headers: bool = True,
    ) -> None:
        """`always`: the columns that are shown though they are empty. `first`: the least width of
        the first one. `headers`: whether a header is printed, again whenever a column is added."""
        self._header = header
        self._headers = headers
        self._shown = {column for column, name in enumerate(header) if name in always}
        self._widths = [first, *(0 for _ in header[1:])]
        self._begun = False

    def lines(self, rows: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the lines of further rows, with a header before them if there is a new one."""
        table = list(map(as_cells, rows))
        if not table:
            return
        filled = {at for row in table for at, cell in enumerate(row) if cell}
        is_new, self._begun = not self._begun or not filled <= self._shown, True
        self._shown |= filled
        columns = sorted(self._shown)
        for at in columns:
            self._widths[at] = max(self._widths[at], *(width(row[at]) for row in table))
        names = [self._header[at] for at in columns]
        widths = fitting(names, [self._widths[at] for at in columns], headers=self._headers)
        if is_new and self._headers:
            yield aligned(names, names, widths)
        for row in table:
            yield aligned(names, [row[at] for at in columns], widths)
