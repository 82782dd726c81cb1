"""Model cards beside each other, field by field."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from backends.dynamo.card_differences import ComparedField
from tui.actions import Place
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.screens.detail import DetailScreen
from tui.state.column import ALL, GAP, Cell, Column
from tui.state.sorted_rows import ListedRows
from tui.text.cards.card_comparison import (
    ComparedCards,
    field_detail,
    heading,
    mark_of,
    short_value,
    shown_fields,
)
from tui.text.format import count, hex_id
from tui.text.sanitize import plain
from tui.text.timestamps import time_of_day
from tui.widgets.footer import KeyFooter
from tui.widgets.table.list_table import ListTable

LEAST = 18
"""Cells that the column of a card has at least: its letter and id."""
FIELD = 36
"""Cells that the names of the fields take, where there is room."""


class FieldRow(msgspec.Struct, frozen=True):
    """A field of the cards."""

    key: Hashable
    """Its place among all fields."""
    field: ComparedField


class CardComparisonScreen(StyledOnce, Screen[None]):
    """Shows cards as they are at that moment: the fields that differ, or all."""

    CSS_PATH = "comparison.tcss"

    PLACE = Place.COMPARISON
    ACTIONS: ClassVar[dict[str, str]] = {
        "all-fields": "toggle_all",
        "close-comparison": "app.pop_screen",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, compared: ComparedCards, now: float, shown_at: float) -> None:
        """`now`: the steady time that ages are of. `shown_at`: what the host's clock showed."""
        super().__init__()
        self._compared = compared
        self._now = now
        self._shown_at = shown_at
        self._shows_all = False
        self._keys = {id(one): place for place, one in enumerate(compared.comparison.fields)}

    def compose(self) -> ComposeResult:
        yield Static(id="compared-title")
        lines = heading(self._compared, self._now)
        yield Static(Text("\n".join(map(plain, lines))), id="compared-cards")
        yield ListTable(self._columns(), id="compared-fields")
        yield KeyFooter()

    def on_mount(self) -> None:
        self._table.focus()
        self._show()

    def on_list_table_chosen(self, message: ListTable.Chosen) -> None:
        row = message.table.row
        if isinstance(row, FieldRow):
            self.app.push_screen(DetailScreen(field_detail(self._compared, row.field)))

    def action_toggle_all(self) -> None:
        self._shows_all = not self._shows_all
        self._show()

    def _show(self) -> None:
        compared, everything = self._compared, self._shows_all
        fields = shown_fields(compared, everything=everything)
        rows = ListedRows(FieldRow(self._keys[id(one)], one) for one in fields)
        self._table.show(rows, rows.index_of)
        key = keys_of(self).shown("all-fields")
        all_of_them = count(len(compared.comparison.fields), "field")
        what = f"all {all_of_them}" if everything else f"{len(rows):,} of {all_of_them} differ"
        other = f"{key}: only those that differ" if everything else f"{key}: all fields"
        names = dict.fromkeys(one.card.model_name or "" for one in compared.cards)
        title = f"{', '.join(names)}   {what} ({other})   as of {time_of_day(self._shown_at)}"
        self.query_one("#compared-title", Static).update(Text(plain(title), overflow="ellipsis"))
        self._table.empty_text = f"Equal in every field. {key} shows all fields."

    def _columns(self) -> list[Column[FieldRow]]:
        def value(index: int) -> Callable[[FieldRow], Cell]:
            def cell(row: FieldRow) -> Cell:
                field = row.field
                tone = "" if field.differs else "dim"
                return Cell(short_value(field, index, self._cells()), tone)

            return cell

        def name(row: FieldRow) -> Cell:
            field = row.field
            tone = "" if not field.differs else "bad" if field.is_covered else "warn"
            return Cell(field.path, tone or "dim", f"{mark_of(field)} ")

        values = [
            Column(
                one.letter,
                f"{one.letter} {hex_id(one.card.id.instance_id)}",
                LEAST,
                value(index),
                grow=((4, 40), (7, ALL)),
            )
            for index, one in enumerate(self._compared.cards)
        ]
        return [
            Column("field", "  FIELD", 18, name, grow=((3, FIELD), (6, 60)), path=True),
            *values,
        ]

    def _cells(self) -> int:
        """Return about how wide the column of a card is."""
        return max(LEAST, (self.size.width - FIELD) // len(self._compared.cards) - GAP)

    @property
    def _table(self) -> ListTable[FieldRow]:
        return self.query_one(ListTable)
