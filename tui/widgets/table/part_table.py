"""A table of several parts, each with columns and titles of its own, that the cursor goes through
as through one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from rich.segment import Segment
from textual.strip import Strip

from tui.state.column import Cell, Column
from tui.state.overview.rows import OverviewPart, OverviewRow, RowKind
from tui.state.overview.sections import Laid, columns_of, laid_out
from tui.widgets.table.list_table import (
    GUTTER,
    ListTable,
    enough_cells,
    needed,
    titles_line,
)

_SENTENCE: Column[OverviewRow] = Column("text", "", 1, lambda row: row.cells["text"])


class PartTable(ListTable[OverviewRow]):
    """Draws the rows of the tab Overview. Titles and blank lines cannot be selected.

    It has few rows, so that the columns of a part follow the texts of all of them.
    """

    def __init__(
        self, *, has_figures: bool, id: str, resized: Callable[[], None], is_past: bool = False
    ) -> None:
        """`resized` is called when there is room for more or fewer lines. `is_past`: whether an
        earlier moment is shown."""
        self._columns_of = {
            one: columns_of(one, has_figures=has_figures, is_past=is_past) for one in OverviewPart
        }
        super().__init__(self._columns_of[OverviewPart.WRONG], id=id)
        self._laid: dict[OverviewPart, Laid] = {}
        self._resized = resized
        self.follows_top = True
        """Until the cursor is moved: what is worst is selected at first."""

    @property
    def room(self) -> int:
        """The lines of the table on screen. 0: it was not laid out yet."""
        return int(self.size.height)

    def show(
        self,
        rows: Sequence[OverviewRow],
        index_of: Callable[[Hashable], int | None],
        changed: set[Hashable] | None = None,
    ) -> None:
        before = self._laid
        self._lay_out(rows)
        super().show(rows, index_of, changed if self._laid == before else None)

    def on_resize(self) -> None:
        self._lay_out(self.rows)
        self._keep_cursor_on_screen()
        self._resized()
        self.refresh()

    def tick(self) -> None:
        """Do nothing: no column changes with time alone."""

    # --- the cursor ---------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        self.follows_top = False
        super().move_to(self._nearest(index, forwards=index >= self._index))

    def _settle(self) -> None:
        # A title may have come to where the cursor is.
        self._index = self._nearest(self._index, forwards=True)
        super()._settle()

    def _nearest(self, start: int, *, forwards: bool) -> int:
        """Return the next row from here that can be selected, that way or else the other."""
        index: int = max(0, min(start, len(self.rows) - 1))
        ahead = range(index, len(self.rows)) if forwards else range(index, -1, -1)
        behind = range(index, -1, -1) if forwards else range(index, len(self.rows))
        found: int = next(
            (one for one in (*ahead, *behind) if self.rows[one].can_be_selected), index
        )
        return found

    def action_mark(self) -> None:
        if self.row is not None and self.row.kind is RowKind.LINE:
            super().action_mark()

    def action_mark_range(self) -> None:
        super().action_mark_range()
        self._mark({key for key in self.marked if key in self._lines_of_parts()})

    def action_mark_all(self) -> None:
        """Mark all lines of the part that the cursor is in; if all are marked, unmark them."""
        if self.row is None:
            return
        every = {
            row.key for row in self.rows if row.part is self.row.part and row.kind is RowKind.LINE
        }
        self._mark(set() if self.marked == every else every)

    def _lines_of_parts(self) -> set[Hashable]:
        return {row.key for row in self.rows if row.kind is RowKind.LINE}

    def _click_title(self, x: int) -> None:
        """Do nothing: what is worst, and what is new, comes first."""

    # --- drawing ------------------------------------------------------------------------------

    def columns_of(self, row: OverviewRow, width: int) -> list[tuple[Column[OverviewRow], int]]:
        if row.kind is RowKind.REMARK:
            return [(_SENTENCE, width - GUTTER)]
        return self._laid.get(row.part, [])

    def _header(self, width: int) -> Strip:
        if not self.rows:
            return Strip.blank(width, self.base_style)
        return self._titles(OverviewPart.WRONG, width)

    def _line(self, index: int, width: int) -> Strip:
        row = self.rows[index]
        if row.kind is RowKind.TITLE:
            return self._titles(row.part, width)
        if row.kind is RowKind.BLANK:
            return Strip.blank(width, self.base_style)
        return super()._line(index, width)

    def _titles(self, part: OverviewPart, width: int) -> Strip:
        style = self._style("header")
        laid = self._laid.get(part, [])
        line = titles_line([(column, column.title, cells) for column, cells in laid])
        return Strip([Segment(line, style)]).adjust_cell_length(width, style)

    def _lay_out(self, rows: Sequence[OverviewRow]) -> None:
        """Share the width among the columns of each part, by the texts of its rows."""
        width = self.line_width - GUTTER
        laid: dict[OverviewPart, Laid] = {}
        for part, columns in self._columns_of.items():
            lines = [row for row in rows if row.part is part and row.kind is RowKind.LINE]
            needs = {
                column.id: max((needed(column.cell_of(row)) for row in lines), default=0)
                for column in columns
            }
            if lines:
                laid[part] = laid_out(columns, width, needs)
                enough = enough_cells(laid[part], needs, lines)
                laid[part] = laid_out(columns, width, needs, enough) if enough else laid[part]
            else:
                laid[part] = [(columns[0], width)]
        self._laid = laid

    def _fit(self, *, anew: bool = False) -> None:
        """Do nothing: the columns were fitted to all rows."""

    def _see(self, column: Column[Any], cell: Cell, cells: int) -> None:
        """Do nothing: the columns were fitted to all rows."""
