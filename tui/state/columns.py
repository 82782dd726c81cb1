"""Define the columns of a table, and share its width among them. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

import msgspec

from tui.state.sorted_rows import Row

GAP = 2
"""Cells between two columns."""


class Cell(msgspec.Struct, frozen=True):
    """Text, as it came from the store, and how it is to look."""

    text: str
    tone: str = ""
    """`dim`, `good`, `warn`, `bad` or `accent`; empty: like the row."""


class Column(msgspec.Struct, Generic[Row], frozen=True):
    """One column: its width, its cells, and its sort order."""

    id: str
    title: str
    width: int
    """The least cells it needs."""
    cell: Callable[[Row], Cell | str]
    share: int = 0
    """Its part of the cells that are left over."""
    most: int = 0
    """The most cells it gets of the free ones; 0: no limit."""
    drop: int = 0
    """When the table is too narrow, the column with the highest number goes first; 0 never does."""
    right: bool = False
    """Align to the right."""
    prose: bool = False
    """Whether it holds sentences: these give up cells, down to `width`, until names and ids are
    shown in full."""
    path: bool = False
    """Where it does not fit, the middle is left out and not the end."""
    ticks: bool = False
    """Its text changes with time alone."""
    sort: Callable[[Row], Any] | None = None
    """Returns the sort key of a row. None: its text."""
    lasting: bool = False
    """Whether the sort key depends on the row alone, and on nothing else."""

    def sort_value(self, row: Row) -> Any:
        """Comparable with that of every other row."""
        return self.cell_of(row).text.lower() if self.sort is None else self.sort(row)

    def cell_of(self, row: Row) -> Cell:
        """Return its cell of a row."""
        cell = self.cell(row)
        return Cell(cell) if isinstance(cell, str) else cell


class SortOrder(msgspec.Struct, frozen=True):
    """By which column, and which way round."""

    column: str
    reverse: bool = False


def lay_out(
    columns: Sequence[Column[Row]], width: int, needs: Mapping[str, int] | None = None
) -> list[tuple[Column[Row], int]]:
    """Return the columns that fit into `width` cells, each with its own width.

    `needs`: by id, the cells that the texts of a column take, if known. Cells that one column does
    not need go to those that need more; nothing is cut while another column has room.
    """
    kept = list(columns)
    while sum(column.width + GAP for column in kept) - GAP > width:
        droppable = [column for column in kept if column.drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda column: column.drop))
    widths = _shared(kept, width)
    _fit(kept, widths, width, needs or {})
    return [(column, widths[column.id]) for column in kept]


def _shared(kept: Sequence[Column[Row]], width: int) -> dict[str, int]:
    """Return the widths by the columns' shares, whatever they contain."""
    widths = {column.id: column.width for column in kept}
    spare = width - sum(column.width + GAP for column in kept) + GAP
    growing = [column for column in kept if column.share]
    while spare > 0 and growing:
        shares = sum(column.share for column in growing)
        portion = {column.id: max(1, spare * column.share // shares) for column in growing}
        for column in list(growing):
            more = min(portion[column.id], spare)
            if column.most:
                more = min(more, column.most - widths[column.id])
            widths[column.id] += more
            spare -= more
            if column.most and widths[column.id] >= column.most:
                growing.remove(column)
    return widths


def _fit(
    kept: Sequence[Column[Row]], widths: dict[str, int], width: int, needs: Mapping[str, int]
) -> None:
    """Move free cells of columns to those whose texts would be cut."""
    growing = [column for column in kept if column.share]
    # What is in columns of a fixed width comes and goes, as states do: they give late. Sentences
    # can be read in the detail: they give last, down to their least, if nothing else is cut then.
    fixed = [column for column in kept if not column.share]
    for prose, givers in ((False, [*growing, *fixed]), (True, growing)):
        lacks = {
            column.id: needs[column.id] - widths[column.id]
            for column in kept
            if column.prose is prose and needs.get(column.id, 0) > widths[column.id]
        }
        free = max(0, width - sum(widths.values()) - GAP * (len(kept) - 1))
        spare = [(one.id, _spare(one, widths[one.id], needs)) for one in givers]
        room, lack = free + sum(cells for _, cells in spare), sum(lacks.values())
        more = {} if prose else _of_sentences(growing, widths, needs)
        if room < lack <= room + sum(more.values()):
            spare, room = [*spare, *more.items()], lack
        given = _portions(kept, lacks, room)
        for name, cells in given.items():
            widths[name] += cells
        wanted = max(0, sum(given.values()) - free)
        for name, cells in spare:
            taken = min(cells, wanted)
            widths[name] -= taken
            wanted -= taken


def _of_sentences(
    growing: Sequence[Column[Row]], widths: Mapping[str, int], needs: Mapping[str, int]
) -> dict[str, int]:
    """Return the cells that sentences take beyond the least of their columns."""
    return {
        one.id: max(0, min(needs.get(one.id, 0), widths[one.id]) - one.width)
        for one in growing
        if one.prose
    }


def _spare(column: Column[Row], cells: int, needs: Mapping[str, int]) -> int:
    """Return the cells that its texts and its title, with the sort sign, leave free. Columns of
    numbers keep theirs, since numbers grow."""
    if column.right or column.ticks or column.id not in needs:
        return 0
    return max(0, cells - max(needs[column.id], len(column.title) + 1))


def _portions(kept: Sequence[Column[Row]], lacks: dict[str, int], cells: int) -> dict[str, int]:
    """Return each column's share of `cells`: columns of fixed width first, as these lack little,
    the others by their shares."""
    given = dict.fromkeys(lacks, 0)
    fixed = [column for column in kept if not column.share]
    for columns in (fixed, [column for column in kept if column.share]):
        short = [column for column in columns if column.id in lacks]
        while cells > 0 and short:
            shares = sum(column.share or 1 for column in short)
            portion = {one.id: max(1, cells * (one.share or 1) // shares) for one in short}
            for one in short:
                more = min(portion[one.id], cells, lacks[one.id] - given[one.id])
                given[one.id] += more
                cells -= more
            short = [one for one in short if given[one.id] < lacks[one.id]]
    return given
