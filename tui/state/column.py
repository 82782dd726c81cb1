"""Define the columns of a table, and share its width among them. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic

import msgspec

from tui.state.sorted_rows import Row

GAP = 2
"""Cells between two columns."""

ALL = 1_000_000
"""Cells that no text takes: a column that grows to them has all that it needs."""

Growth = tuple[int, int]
"""A turn, and up to how many cells a column grows at it."""

NAMES: tuple[Growth, ...] = ((3, 26), (5, 36))
"""Of names: what a component and an endpoint take, once ids have a place at turn 3; then a
namespace of usual length."""
REASONS: tuple[Growth, ...] = ((6, 30),)
"""Of reasons, which have a place at turn 2 for their shortest forms: what most of them take, once
names have theirs. Other columns come after them, and the longest take the room that is left."""


class Cell(msgspec.Struct, frozen=True):
    """Text, as it came from the store, and how it is to look."""

    text: str
    tone: str = ""
    """`dim`, `good`, `warn`, `bad` or `accent`; empty: like the row."""
    lead: str = ""
    """What stands before the text and is never cut: the indent and mark of a tree's row."""
    shorter: tuple[str, ...] = ()
    """What stands in its place where it does not fit: the first of these that does."""


class Column(msgspec.Struct, Generic[Row], frozen=True):
    """One column: its width, its cells, and its sort order."""

    id: str
    title: str
    width: int
    """The cells that it takes before its texts are known, and the fewest it is shown with if they
    need more."""
    cell: Callable[[Row], Cell | str]
    drop: int = 0
    """Its turn to get a place: columns with lower numbers come first, and the first that finds no
    room is left out with all after it. 0: it always has a place."""
    grow: tuple[Growth, ...] = ()
    """Its turns to grow beyond `width`. Empty: with its place to all that its texts need."""
    right: bool = False
    """Align to the right."""
    path: bool = False
    """Where it does not fit, the end is kept and not only the start."""
    host: bool = False
    """It has names of hosts: where one does not fit, its domain goes first."""
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
    columns: Sequence[Column[Row]],
    width: int,
    needs: Mapping[str, int] | None = None,
    enough: Mapping[str, int] | None = None,
) -> list[tuple[Column[Row], int]]:
    """Return the columns that fit into `width` cells, each with its own width.

    `needs`: by id, the cells that the texts of a column take, if known. By importance each column
    gets what its texts need, and one whose rows have no text comes last. Nothing is cut while there
    is room. `enough`: by id, the cells to which a column grows at most before all others had their
    turn.
    """
    needs, enough = needs or {}, enough or {}
    full = {one.id: _full(one, needs.get(one.id)) for one in columns}
    widths: dict[str, int] = {}
    room, closed = width + GAP, False
    for _, _, most, place in sorted(_turns(columns, needs)):
        column = columns[place]
        name, wanted = column.id, full[column.id]
        if most:
            if name in widths:
                most = min(most, enough.get(name, most))
                more = max(0, min(min(wanted, most) - widths[name], room))
                widths[name] += more
                room -= more
        elif not column.drop or not closed:
            least = min(column.width, wanted)
            if closed := bool(column.drop) and least + GAP > room:
                continue
            widths[name] = least
            room -= least + GAP
    kept = [column for column in columns if column.id in widths]
    # First what would be cut, then the usual widths: so columns stay where they are while states
    # come and go.
    cut = {name: min(cells, enough.get(name, cells)) for name, cells in full.items()}
    for wanted_of in (cut, full, {one.id: one.width for one in kept}):
        for column in sorted(kept, key=lambda one: one.drop):
            more = max(0, min(wanted_of[column.id] - widths[column.id], room))
            widths[column.id] += more
            room -= more
    return [(column, widths[column.id]) for column in kept]


def _turns(
    columns: Sequence[Column[Row]], needs: Mapping[str, int]
) -> Iterator[tuple[bool, int, int, int]]:
    """Yield the turns of columns to be sorted: whether its rows have no text, the turn, up to how
    many cells it grows (0: it gets its place), its number."""
    for place, column in enumerate(columns):
        # What has no text in any row comes after all that has.
        is_bare = bool(column.drop) and needs.get(column.id, 1) <= 0
        yield is_bare, column.drop, 0, place
        for turn, most in column.grow or ((column.drop, ALL),):
            yield is_bare, turn, most, place


def _full(column: Column[Row], need: int | None) -> int:
    """Return the cells that a column's texts and its title, with the sort sign, take. Columns of
    numbers keep their width, since numbers grow."""
    if need is None or column.right:
        return max(column.width, need or 0)
    return max(need, len(column.title) + 1)
