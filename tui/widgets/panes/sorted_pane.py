"""A tab whose rows are kept in order one by one: a change costs O(log n)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from tui.state.columns import Column, SortOrder
from tui.state.dashboard import Dashboard
from tui.state.sorted_rows import Row, SortedRows
from tui.widgets.panes.pane import Pane


class SortedPane(Pane[Row]):
    """Subclasses say which rows there are, and which of them come, change and go."""

    def __init__(
        self, dashboard: Dashboard, columns: Sequence[Column[Row]], *, order: SortOrder, id: str
    ) -> None:
        super().__init__(dashboard, columns, order=order, id=id)
        self._sorted: SortedRows[Row] = SortedRows()

    def select(self, key: Hashable) -> bool:
        index = self._sorted.index_of(key)
        if index is None:
            return False
        self.move_to(index)
        return True

    def _show_all(self, rows: Iterable[Row]) -> None:
        """Show these rows and no others."""
        column = self.sort_column
        self._sorted.rebuild(rows, column.sort_value, self.order.reverse, lasting=column.lasting)
        self.show(self._sorted, self._sorted.index_of)

    def _show_changes(self, now: Iterable[Row], gone: Iterable[Hashable]) -> None:
        """Show these rows as they are now, and those of these keys no more."""
        changed: set[Hashable] = set()
        moved = False
        for row in now:
            moved |= self._sorted.put(row)
            changed.add(row.key)
        for key in gone:
            moved |= self._sorted.discard(key)
        if moved:
            self.show(self._sorted, self._sorted.index_of)
        elif changed:
            self.show(self._sorted, self._sorted.index_of, changed)
