"""Choose the columns of a tab: which are shown, in which order, and what rows are sorted by."""

from __future__ import annotations

from collections.abc import Sequence

from tui.config.preferences import TabPreferences
from tui.state.column import Column, SortOrder
from tui.state.sorted_rows import Row


def shown_columns(
    columns: Sequence[Column[Row]], shown: Sequence[str] | None
) -> Sequence[Column[Row]]:
    """Return the columns of these ids, in their order; a tab may not have all of them. None, or if
    it has none of them: all columns."""
    by_id = {column.id: column for column in columns}
    found = [by_id[one] for one in shown or () if one in by_id]
    return found or columns


def sort_order(
    columns: Sequence[Column[Row]], chosen: TabPreferences, default: SortOrder
) -> SortOrder:
    """Return the chosen sort order. The default: none is chosen, or by a column that a tab has not
    with this kind of store."""
    if chosen.sort is None:
        reverse = default.reverse if chosen.reverse is None else chosen.reverse
        return SortOrder(default.column, reverse)
    if all(column.id != chosen.sort for column in columns):
        return default
    return SortOrder(chosen.sort, bool(chosen.reverse))
