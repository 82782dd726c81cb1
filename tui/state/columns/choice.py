"""The choice of a tab's columns, while it is made: which are shown, in which order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from tui.config.tab_columns import NAMING, OF_SOME_STORES, TAB_COLUMNS
from tui.state.column import Column


class ColumnRow(msgspec.Struct, frozen=True):
    """A column as a row of the choice."""

    key: str
    """Its id, by which the settings file names it."""
    title: str
    is_shown: bool


class ColumnChoice:
    """All columns of a tab as rows, in their order. Those that are hidden stand where they are by
    default."""

    def __init__(self, tab: str, columns: Sequence[Column[Any]], shown: Collection[str]) -> None:
        """`columns`: all, by default order. `shown`: the ids of those that are, in their order."""
        self._tab = tab
        self._titles = {column.id: column.title for column in columns}
        order = with_others([*shown], [*self._titles], self._titles)
        self.rows = [ColumnRow(one, self._titles[one], one in shown) for one in order]

    @property
    def shown(self) -> list[str]:
        """The ids of the columns that are shown, in their order."""
        return [row.key for row in self.rows if row.is_shown]

    @property
    def is_default(self) -> bool:
        """Whether all are shown, in their usual order."""
        return self.shown == [*self._titles]

    def toggle(self, index: int) -> str | None:
        """Show or hide a column. Returns why not: it is the last that names a row."""
        row = self.rows[index]
        naming = [one for one in self.shown if one in NAMING[self._tab]]
        if naming == [row.key]:
            return f"{row.title} stays: it alone names the rows."
        self.rows[index] = msgspec.structs.replace(row, is_shown=not row.is_shown)
        return None

    def move(self, index: int, step: int) -> int:
        """Move a column up or down. Returns where it is then."""
        to = max(0, min(len(self.rows) - 1, index + step))
        self.rows.insert(to, self.rows.pop(index))
        return to

    def reset(self) -> None:
        """Show all columns in their usual order."""
        self.rows = [ColumnRow(one, title, True) for one, title in self._titles.items()]

    def setting(self, before: Sequence[str] | None) -> tuple[str, ...] | None:
        """Return the ids for the settings file. None: as by default.

        Columns that the tab has with another kind of store alone stay as they are there.
        `before`: the ids that were in the file.
        """
        of_others = [one for one in TAB_COLUMNS[self._tab] if one in OF_SOME_STORES]
        kept = before if before is not None else TAB_COLUMNS[self._tab]
        elsewhere = {one for one in of_others if one not in self._titles}
        if self.is_default and elsewhere <= {*kept}:
            return None
        return tuple(with_others(self.shown, kept, elsewhere))


def with_others(order: list[str], reference: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Return an order with the others that are wanted, each behind the one that it is behind in the
    order of reference."""
    found = list(order)
    before: str | None = None
    for one in reference:
        if one not in found and one in wanted:
            found.insert(0 if before is None else found.index(before) + 1, one)
        if one in found:
            before = one
    return found
