"""A table that draws only visible lines, and follows its row while others come and go.

Textual's DataTable repaints whole when a cell changes and takes milliseconds to remove a row among
thousands; a live view of a cluster does both all the time. This one holds no cells: it computes the
text of the visible rows when it draws them, so ten rows and ten thousand cost the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Generic

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, clamp
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_styles import StyledWhenDrawn
from tui.state.column import GAP, Cell, Column, SortOrder, lay_out
from tui.state.sorted_rows import HasKey, Row
from tui.text.brief_evidence import NO_EVIDENCE
from tui.text.format import NOTHING
from tui.text.sanitize import clip, clip_host, clip_path, plain
from tui.text.sanitize import width as text_width
from tui.widgets.table.line_view import LineView

BLANKS = frozenset({"", NOTHING, NO_EVIDENCE})
"""Texts for which no column gets a place that another needs."""
MARK = "▪"
GUTTER = 1
"""Cells left of the first column, for marks."""


LONGEST_CELL = 1_024
"""Columns of a terminal that no cell needs more of: names may be 100 KB long."""


@dataclass
class _Layout:
    width: int = -1
    columns: list[tuple[Column[HasKey], int]] = field(default_factory=list)
    bare: tuple[Column[HasKey], ...] = ()
    """Columns without a place, since no row had a text for them."""
    hides_text: bool = False
    """Whether a column that has texts found no place."""
    needs: dict[str, int] = field(default_factory=dict)
    """The cells that each column's texts took so far.

    Grows while rows are scrolled through, so that the columns stay where they are. Falls back to
    the rows on screen if a column would be cut for rows that are not.
    """


class ListTable(StyledWhenDrawn, LineView, Generic[Row]):
    """Rows under a fixed header line. The table owns the cursor, its owner the rows.

    With the class `-stale` all rows have one muted colour: they may be outdated.
    """

    DEFAULT_CSS = """
    ListTable {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        color: $foreground;
    }
    ListTable.-stale { color: $text-muted; }
    ListTable > .list-table--header { color: $text-muted; text-style: bold; }
    ListTable > .list-table--cursor { background: $surface-lighten-2; }
    ListTable:focus > .list-table--cursor {
        background: $block-cursor-background; color: $block-cursor-foreground;
    }
    ListTable > .list-table--dim { color: $text-muted; }
    ListTable > .list-table--good { color: $text-success; }
    ListTable > .list-table--warn { color: $text-warning; }
    ListTable > .list-table--bad { color: $text-error; }
    ListTable > .list-table--accent { color: $text-accent; }
    ListTable > .list-table--empty { color: $text-muted; }
    ListTable > .list-table--mark { color: $text-warning; text-style: bold; }

    /* Without shades what is muted is dim, and without colours what is bad is bold. */
    ListTable:ansi.-stale, ListTable:ansi > .list-table--dim { text-style: dim; }
    ListTable:nocolor > .list-table--bad { text-style: bold; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"list-table--{name}"
        for name in ("header", "cursor", "dim", "good", "warn", "bad", "accent", "empty", "mark")
    }

    ACTIONS: ClassVar[dict[str, str]] = {
        "up": "cursor(-1)",
        "down": "cursor(1)",
        "page-up": "page(-1)",
        "page-down": "page(1)",
        "first": "edge(-1)",
        "last": "edge(1)",
        "open": "choose",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    order: reactive[SortOrder] = reactive(SortOrder(""))
    """Shown in the header; the owner sorts the rows."""
    empty_text: reactive[str] = reactive("")
    """Shown without rows."""

    class TableMessage(Message):
        """The base of a table's messages."""

        def __init__(self, table: ListTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> ListTable[Any]:
            return self.table

    class Highlighted(TableMessage):
        """The cursor moved, its row changed, or there is no row any more.

        Sent to the screen.
        """

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ListTable.Highlighted) and message.table is self.table

    class Chosen(TableMessage):
        """Enter, or a second click, on the row under the cursor."""

    class Marked(TableMessage):
        """The marked rows changed."""

    class SortAsked(TableMessage):
        """A column's title was clicked."""

        def __init__(self, table: ListTable[Any], column: str) -> None:
            super().__init__(table)
            self.column = column

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        follow_top: bool = False,
        is_faded: Callable[[Row], bool] = lambda _: False,
        id: str | None = None,
    ) -> None:
        """`follow_top`: a cursor on the first row stays on the first row, as in a log. `is_faded`:
        whether a row is drawn in one muted colour, as for tombstones."""
        super().__init__(id=id)
        self.is_faded = is_faded
        self.columns = columns
        self.rows: Sequence[Row] = ()
        self.follows_top = follow_top
        """May be changed before rows are shown."""
        self._index = 0
        self._settled = 0
        """How often rows or cursor changed."""
        self._key: Hashable = None
        self.marked: frozenset[Hashable] = frozenset()
        """The keys of the marked rows; only rows that exist."""
        self._mark_from: Hashable = None
        """The start of a range: the row that was marked last."""
        self._layout = _Layout()
        self._ticking: dict[int, tuple[str, ...]] = {}
        self._page = 0
        """Rows that there was room for when the table was laid out last. 0: it was not yet."""
        self._fit_is_due = False
        self._fitted_at = -1
        """The scroll offset when the columns were last fitted to the rows on screen."""

    # --- rows ---------------------------------------------------------------------------------

    def show(
        self,
        rows: Sequence[Row],
        index_of: Callable[[Hashable], int | None],
        changed: set[Hashable] | None = None,
    ) -> None:
        """Show these rows. The cursor stays on its row, and the row on its line of the screen.

        `changed`: the keys of the changed rows. If given, other rows and the order of all are as
        before, and only these are redrawn.
        """
        was_empty, before = not self.rows, self._keys_on_screen() if changed is None else set()
        self.rows = rows
        self.set_height(len(rows) + 1)
        at_top = self.follows_top and self._index == 0
        index = None if self._key is None or at_top else index_of(self._key)
        moved = 0 if index is None else index - self._index
        self._index = clamp(self._index if index is None else index, 0, max(0, len(rows) - 1))
        if moved:
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False, immediate=True)
        # Hidden rows must not be acted on.
        self._mark({key for key in self.marked if index_of(key) is not None})
        if changed is None or was_empty or not rows:
            self._ticking.clear()
            self._fit(anew=before.isdisjoint(self._keys_on_screen()))
            self.refresh()
        else:
            for line in self._lines():
                if rows[line].key in changed:
                    self._refresh_row(line)
        self._settle()

    def _settle(self) -> None:
        """Report where the cursor is, after rows or cursor changed."""
        self._settled += 1
        row = self.row
        self._key = None if row is None else row.key
        # Not up through the table's parents: the screen's drawing for it would come a paint after
        # the cursor.
        if self.is_attached:
            self.screen.post_message(self.Highlighted(self))

    @property
    def row(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows[self._index] if self._index < len(self.rows) else None

    @property
    def viewport(self) -> tuple[int, int, int]:
        """What rows are on screen, and where the cursor is, follows from: while it is the same, so
        are they."""
        return self._settled, self.scroll_offset.y, self.size.height

    def on_screen(self) -> Sequence[Row]:
        """Return the visible rows."""
        return [self.rows[index] for index in self._lines()]

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and scroll to it."""
        old, self._index = self._index, clamp(index, 0, max(0, len(self.rows) - 1))
        self._scroll_to_cursor()
        self._refresh_row(old)
        self._refresh_row(self._index)
        self._settle()

    def _keep_cursor_on_screen(self) -> None:
        """Scroll to the cursor in a table of another height, if it was on screen in the last. It
        may have been put on a row before there was any."""
        before, self._page = self._page, max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if not before or top <= self._index < top + before:
            self._scroll_to_cursor()

    def _scroll_to_cursor(self) -> None:
        page = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        wanted = clamp(top, self._index - page + 1, self._index)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show these columns instead."""
        self.columns = columns
        self._ticking.clear()
        self._layout = _Layout()
        self._fit(anew=True)
        self.refresh()

    def forget_widths(self) -> None:
        """Fit the columns to the rows that are shown next: they are of another filter or place."""
        self._layout = _Layout()

    def tick(self) -> None:
        """Redraw columns that depend on the time; share the width anew if one of them has no text
        any more, and others have no place."""
        columns = [column for column, _ in self.laid_out() if column.ticks]
        bare = {column.id for column in columns if column.drop}
        for index in self._lines():
            before, row = self._ticking.get(index), self.rows[index]
            cells = [column.cell_of(row) for column in columns]
            bare -= {one.id for one, cell in zip(columns, cells, strict=True) if needed(cell)}
            if before is not None and before != tuple(cell.text for cell in cells):
                self._refresh_row(index)
        if bare and self.rows and self._layout.hides_text:
            self._fit_and_draw(anew=True)

    # --- keys and mouse -----------------------------------------------------------------------

    def action_cursor(self, step: int) -> None:
        self.move_to(self._index + step)

    def action_page(self, step: int) -> None:
        self.move_to(self._index + step * max(1, self.size.height - 2))

    def action_edge(self, side: int) -> None:
        self.move_to(0 if side < 0 else len(self.rows) - 1)

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen(self))

    def action_mark(self) -> None:
        """Toggle the row's mark, and move to the next row."""
        if self.row is not None:
            self._mark_from = self.row.key
            self._mark(self.marked ^ {self.row.key})
            self.move_to(self._index + 1)

    def action_mark_range(self) -> None:
        """Mark all rows from the one marked last to the cursor's."""
        marks = [index for index, row in enumerate(self.rows) if row.key == self._mark_from]
        start = marks[0] if marks else self._index
        first, last = sorted((start, self._index))
        self._mark(self.marked | {row.key for row in self.rows[first : last + 1]})

    def action_mark_all(self) -> None:
        """Mark all rows that the filter shows; if all are marked, unmark them."""
        every = {row.key for row in self.rows}
        self._mark(set() if self.marked == every else every)

    def unmark_all(self) -> None:
        """Unmark all rows."""
        self._mark(set())

    def _mark(self, keys: Set[Hashable]) -> None:
        if keys == self.marked:
            return
        different, self.marked = self.marked ^ keys, frozenset(keys)
        for line in self._lines():
            if self.rows[line].key in different:
                self._refresh_row(line)
        self.post_message(self.Marked(self))

    def on_click(self, event: events.Click) -> None:
        if event.y == 0:
            self._click_title(event.x)
            return
        index = event.y - 1 + self.scroll_offset.y
        if index < len(self.rows):
            self.move_to(index)
            if event.chain > 1:
                self.action_choose()

    def _click_title(self, x: int) -> None:
        left = GUTTER
        for column, width in self.laid_out():
            if left <= x < left + width + GAP:
                self.post_message(self.SortAsked(self, column.id))
                return
            left += width + GAP

    # --- drawing ------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.set_height(len(self.rows) + 1)
        self._keep_cursor_on_screen()
        self._fit_and_draw()

    def watch_empty_text(self) -> None:
        if not self.rows:
            self.refresh()

    def watch_has_focus(self, _had: bool) -> None:
        super().watch_has_focus(_had)
        self._refresh_row(self._index)

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        if y == 0:
            return self._header(width)
        index = y - 1 + self.scroll_offset.y
        if index < len(self.rows):
            return self._line(index, width)
        if not self.rows:
            return self._empty_line(y - 2, width)
        return Strip.blank(width, self.base_style)

    def _empty_line(self, number: int, width: int) -> Strip:
        lines = textwrap.wrap(plain(self.empty_text), max(1, width - 2))
        line = lines[number] if 0 <= number < len(lines) else ""
        style = self._style("empty")
        return Strip([Segment(line.center(width), style)]).adjust_cell_length(width, style)

    def _header(self, width: int) -> Strip:
        style = self._style("header")
        titles = []
        for column, room in self.laid_out(width):
            title = column.title
            if self.order.column == column.id:
                # The sign of the sort order has precedence over the end of the title.
                title = title[: room - 1] + ("▼" if self.order.reverse else "▲")
            titles.append((column, title, room))
        line = titles_line(titles)
        return Strip([Segment(line, style)]).adjust_cell_length(width, style)

    def _line(self, index: int, width: int) -> Strip:
        row = self.rows[index]
        base = self.base_style
        if faded := self.is_faded(row):
            base = _coloured(base, self._style("dim"))
        if cursor := index == self._index:
            base += self._style("cursor")
        # Under the cursor the bar's own colours are legible.
        coloured = not (cursor and self.has_focus)
        toned = coloured and not faded and not self.has_class("-stale")
        marked = row.key in self.marked
        mark = _coloured(base, self._style("mark")) if marked and coloured else base
        # Neighbours of the same style go to the terminal as one text: each change of style takes
        # some 40 bytes. A gap shows no colour, so it takes the style of the cell before it.
        segments: list[Segment] = []
        text, style = MARK if marked else " " * GUTTER, mark
        ticking: list[str] = []
        for number, (column, cells) in enumerate(self.columns_of(row, width)):
            cell = column.cell_of(row)
            own = _coloured(base, self._style(cell.tone)) if toned and cell.tone else base
            text += " " * GAP if number else ""
            if own is not style:
                segments.append(Segment(text, style))
                text, style = "", own
            text += fitted(cell.text, cells, column, cell.lead, cell.shorter)
            if (len(cell.lead) + len(cell.text)) * 2 > cells:
                self._see(column, cell, cells)
            if column.ticks:
                ticking.append(cell.text)
        self._ticking[index] = tuple(ticking)
        if any(needed(column.cell_of(row)) for column in self._layout.bare):
            self._fit_later()
        return Strip([*segments, Segment(text, style)]).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"list-table--{name}")

    def laid_out(self, width: int | None = None) -> list[tuple[Column[Row], int]]:
        """Return the visible columns with their widths. `width`: of a line."""
        if width is None:
            width = self.line_width
        if self._layout.width != width:
            self._set_layout(width, self._layout.needs)
        return self._layout.columns  # type: ignore[return-value]

    def columns_of(self, row: Row, width: int) -> list[tuple[Column[Row], int]]:
        """Return the columns of a row with their widths: those of all rows."""
        return self.laid_out(width)

    def _set_layout(self, width: int, needs: dict[str, int]) -> None:
        columns = lay_out(self.columns, width - GUTTER, needs)
        if enough := enough_cells(columns, needs, self.on_screen()):
            columns = lay_out(self.columns, width - GUTTER, needs, enough)
        shown = {column.id for column, _ in columns}
        hidden = [one for one in self.columns if one.id not in shown]
        bare = tuple(one for one in hidden if needs.get(one.id) == 0)
        hides_text = any(needs.get(one.id) for one in hidden)
        self._layout = _Layout(width, columns, bare, hides_text, needs)  # type: ignore[arg-type]

    def _see(self, column: Column[Row], cell: Cell, cells: int) -> None:
        """Note that a cell was drawn in `cells`. If it was cut, look whether another column has
        room."""
        need = needed(cell)
        is_new = need > self._layout.needs.get(column.id, 0)
        is_elsewhere = self._fitted_at != self.scroll_offset.y
        if need > cells and (is_new or is_elsewhere):
            self._fit_later()

    def _fit_later(self) -> None:
        """Fit the columns soon. Not now: what is being drawn would be kept as it is."""
        if not self._fit_is_due:
            self._fit_is_due = True
            self.call_later(self._fit_and_draw)

    def _fit_and_draw(self, *, anew: bool = False) -> None:
        self._fit_is_due = False
        before = self._layout.columns
        self._fit(anew=anew)
        if self._layout.columns != before:
            self.refresh()

    def _fit(self, *, anew: bool = False) -> None:
        """Share the width by what is on screen, if a cell there is cut, or a column has its first
        text. Else columns stay where they are. `anew`: in any case, by what is on screen alone."""
        width = self.line_width
        if width <= GUTTER:
            return
        self._fitted_at = self.scroll_offset.y
        seen, known = self._needs_on_screen(), self._layout.needs
        if anew or not known:
            self._set_layout(width, seen)
            return
        came = any(need and known.get(name) == 0 for name, need in seen.items())
        if not came and not _lack(self.laid_out(width), seen):
            return
        grown = {name: max(need, known.get(name, 0)) for name, need in seen.items()}
        self._set_layout(width, grown)
        lack = _lack(self._layout.columns, seen)
        if lack and grown != seen:
            # Fitted to rows that are not on screen any more, they may cut those that are.
            layout = lay_out(self.columns, width - GUTTER, seen)
            if 2 * _lack(layout, seen) < lack:
                self._set_layout(width, seen)

    def _needs_on_screen(self) -> dict[str, int]:
        """Return the cells that each column's texts take in the visible rows. 0: no row has one.
        Empty: there are no rows."""
        rows = self.on_screen()
        if not rows:
            return {}
        return {
            column.id: max(needed(column.cell_of(row)) for row in rows) for column in self.columns
        }

    def _keys_on_screen(self) -> set[Hashable]:
        return {row.key for row in self.on_screen()}

    def _lines(self) -> range:
        """Return the rows on screen."""
        top = self.scroll_offset.y
        return range(top, min(len(self.rows), top + max(0, self.size.height - 1)))

    def _refresh_row(self, index: int) -> None:
        y = index + 1 - self.scroll_offset.y
        if 0 < y < self.size.height:
            self.refresh(Region(0, y, self.line_width, 1))


@lru_cache(maxsize=256)
def _coloured(base: Style, tone: Style) -> Style:
    """Return the base style in the colour of a tone."""
    return base + Style(color=tone.color, bold=tone.bold or None, dim=tone.dim or None)


def _lack(columns: Sequence[tuple[Column[Any], int]], needs: Mapping[str, int]) -> int:
    """Return the number of cells that all columns together lack."""
    return sum(max(0, needs.get(column.id, 0) - cells) for column, cells in columns)


def needed(cell: Cell) -> int:
    """Return the cells that a text takes, up to the limit of a cell. 0: there is no text."""
    if cell.text in BLANKS:
        return 0
    text = (cell.lead + cell.text)[:LONGEST_CELL]
    return min(LONGEST_CELL, text_width(plain(text)))


def enough_cells(
    columns: Sequence[tuple[Column[Row], int]], needs: Mapping[str, int], rows: Sequence[Row]
) -> dict[str, int]:
    """Return the cells that are enough for columns whose texts do not fit: a shorter form that
    stands in their place may leave some to others."""
    found: dict[str, int] = {}
    for column, cells in columns:
        if needs.get(column.id, 0) > cells:
            taken = max((form_width(column.cell_of(row), cells) for row in rows), default=cells)
            if taken < cells:
                found[column.id] = taken
    return found


def form_width(cell: Cell, cells: int) -> int:
    """Return the cells that a text takes where it has so many: those of the form that is shown."""
    if cell.text in BLANKS:
        return 0
    lead = text_width(clip(cell.lead, cells))
    return min(cells, lead + text_width(plain(_form(cell.text, cells - lead, cell.shorter))))


def titles_line(titles: Sequence[tuple[Column[Any], str, int]]) -> str:
    """Return the line of titles above a table: each column's with the cells that it has."""
    cells = (fitted(title, room, column) for column, title, room in titles)
    return " " * GUTTER + (" " * GAP).join(cells)


def fitted(
    text: str, cells: int, column: Column[Any], lead: str = "", shorter: tuple[str, ...] = ()
) -> str:
    """Return harmless text, exactly `cells` wide: the first of its forms that is not cut."""
    lead = clip(lead, cells)
    room = cells - text_width(lead)
    text = _form(text, room, shorter)
    cut = clip_path if column.path else clip_host if column.host else clip
    text = lead + cut(text, room)
    padding = " " * (cells - text_width(text))
    return padding + text if column.right else text + padding


def _form(text: str, room: int, shorter: tuple[str, ...]) -> str:
    """Return the first form of a text that is not cut, else the last."""
    if not shorter or len(text) * 2 <= room:
        return text
    every = (text, *shorter)
    return next((one for one in every if _fits(one, room)), every[-1])


def _fits(text: str, cells: int) -> bool:
    return len(text) <= LONGEST_CELL and text_width(plain(text)) <= cells
