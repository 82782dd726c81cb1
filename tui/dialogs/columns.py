"""Choose the columns of the open tab. What is chosen is seen at once in the table below."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import Place
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.state.column import Cell, Column
from tui.state.columns.choice import ColumnChoice, ColumnRow
from tui.widgets.panes.pane import Pane
from tui.widgets.table.list_table import GUTTER, ListTable

TICK = 3
"""Cells of a tick."""


class ColumnTable(ListTable[ColumnRow]):
    """The columns of a tab as rows, each with a tick."""

    DEFAULT_CSS = """
    ColumnTable { height: auto; max-height: 80vh; }
    """

    ACTIONS: ClassVar[dict[str, str]] = {
        "column-toggle": "tick",
        "column-up": "move(-1)",
        "column-down": "move(1)",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(
        self,
        columns: list[Column[ColumnRow]],
        choice: ColumnChoice,
        changed: Callable[[str | None], None],
    ) -> None:
        """`changed` is called after each change; with a sentence, if nothing was changed."""
        super().__init__(columns)
        self._choice = choice
        self._changed = changed

    def show_choice(self) -> None:
        """Show the rows of the choice."""
        keys = [row.key for row in self._choice.rows]

        def index_of(key: Hashable) -> int | None:
            return keys.index(key) if key in keys else None

        self.show(list(self._choice.rows), index_of)

    def action_tick(self) -> None:
        if self.row is not None:
            problem = self._choice.toggle(self._choice.rows.index(self.row))
            self._changed(problem)

    def action_move(self, step: int) -> None:
        if self.row is not None:
            self._choice.move(self._choice.rows.index(self.row), step)
            self._changed(None)

    def on_click(self, event: events.Click) -> None:
        """Toggle a tick that is clicked."""
        index = event.y - 1 + self.scroll_offset.y
        if event.y and event.x < GUTTER + TICK and index < len(self.rows):
            self.move_to(index)
            self.action_tick()


class ColumnsScreen(StyledOnce, ModalScreen[None]):
    """Shows, hides, moves and resets columns of a tab. Closing it keeps what was chosen."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.COLUMNS
    ACTIONS: ClassVar[dict[str, str]] = {
        "columns-reset": "reset",
        "close": "app.pop_screen",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, pane: Pane[Any], choice: ColumnChoice) -> None:
        super().__init__()
        self._pane = pane
        self._choice = choice
        columns: list[Column[ColumnRow]] = [
            Column("tick", "", TICK, _tick),
            Column("title", "COLUMN", 8, lambda row: row.title),
            Column("name", "NAME", 8, lambda row: Cell(row.key, "dim"), drop=2),
            Column("note", "", 8, self._note, drop=1),
        ]
        self._table = ColumnTable(columns, self._choice, self._changed)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -columns"):
            title = Text(f"Columns of {self._pane.TITLE}", "bold")
            yield Static(title, classes="dialog--title")
            yield self._table
            yield Static(self._hints(), classes="dialog--hint", markup=False)

    def on_mount(self) -> None:
        self._table.show_choice()
        self._table.focus()

    def on_list_table_chosen(self) -> None:
        """Close it: Enter confirms what is seen."""
        self.dismiss()

    def action_reset(self) -> None:
        self._choice.reset()
        self._changed(None)

    def _changed(self, problem: str | None) -> None:
        if problem is None:
            self._pane.choose_columns(self._choice)
            self._table.show_choice()
        hint = self.query_one(".dialog--hint", Static)
        hint.set_class(problem is not None, "-said")
        hint.update(problem or self._hints())

    def _hints(self) -> str:
        shown = keys_of(self).shown
        return (
            f"{shown('column-toggle')} show/hide   {shown('column-down')}/{shown('column-up')} "
            f"move   {shown('columns-reset')} reset   {shown('close')} close"
        )

    def _note(self, row: ColumnRow) -> Cell:
        order = self._pane.order
        if row.key == order.column:
            return Cell(f"sorted {'▼' if order.reverse else '▲'}", "accent")
        drawn = {column.id for column, _ in self._pane.table.laid_out()}
        return Cell("no room now" if row.is_shown and row.key not in drawn else "", "dim")


def _tick(row: ColumnRow) -> Cell:
    return Cell("[x]", "accent") if row.is_shown else Cell("[ ]", "dim")
