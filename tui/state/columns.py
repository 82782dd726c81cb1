"""What a table's columns are, and how they share its width. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from tui.state.sorted_rows import Row

GAP = 2
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Text, as it came from the store, and how it is to look."""

    text: str
    tone: str = ""
    """`dim`, `good`, `warn`, `bad` or `accent`; empty: like the row."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: how wide, what it shows, and what it is sorted by."""

    id: str
    title: str
    width: int
    """The least cells it needs."""
    cell: Callable[[Row], Cell | str]
    share: int = 0
    """Its part of the cells that are left over."""
    most: int = 0
    """Cells that it never needs more of; 0: no limit."""
    drop: int = 0
    """When the table is too narrow, the column with the highest number goes first; 0 never does."""
    right: bool = False
    """Align to the right."""
    path: bool = False
    """Where it does not fit, the middle is left out and not the end."""
    ticks: bool = False
    """Its text changes with time alone."""
    sort: Callable[[Row], Any] | None = None
    """What rows are sorted by; None: by the text."""
    lasting: bool = False
    """What a row is sorted by follows from the row alone, not from what else is known."""

    def sort_value(self, row: Row) -> Any:
        """Comparable with that of every other row."""
        return self.cell_of(row).text.lower() if self.sort is None else self.sort(row)

    def cell_of(self, row: Row) -> Cell:
        """What it shows of a row."""
        cell = self.cell(row)
        return Cell(cell) if isinstance(cell, str) else cell


@dataclass(frozen=True)
class SortOrder:
    """By which column, and which way round."""

    column: str
    reverse: bool = False


def lay_out(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """The columns that fit into `width` cells, each with its own width."""
    kept = list(columns)
    while sum(column.width + GAP for column in kept) - GAP > width:
        droppable = [column for column in kept if column.drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda column: column.drop))
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
    return [(column, widths[column.id]) for column in kept]
