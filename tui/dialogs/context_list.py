"""The list of contexts, to choose the one to go on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import Place
from tui.config.other_contexts import ContextChoice
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_styles import StyledOnce
from tui.state.column import NAMES, REASONS, Cell, Column
from tui.text.format import NOTHING
from tui.text.sanitize import plain
from tui.widgets.table.list_table import ListTable

HINT = "Enter switches   Esc stays here"


class ContextTable(ListTable[ContextChoice]):
    """The contexts. Enter chooses one."""

    ACTIONS: ClassVar[dict[str, str]] = {"switch-context": "choose"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    DEFAULT_CSS = """
    ContextTable { height: auto; max-height: 60vh; margin-bottom: 1; }
    """


class ContextList(StyledOnce, ModalScreen[ContextChoice | None]):
    """Answers with the chosen context. None: none."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.CONTEXTS
    ACTIONS: ClassVar[dict[str, str]] = {"stay": "stay", "help": "app.help"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, choices: Sequence[ContextChoice], current: str) -> None:
        """`current`: the name of the context that is shown. Empty: it is in none."""
        super().__init__()
        self._choices = choices
        self._current = current
        self._table = ContextTable(
            [
                Column("current", "", 1, lambda one: "●" if one.name == current else ""),
                Column("name", "CONTEXT", 12, lambda one: one.name or "(as started)", grow=NAMES),
                Column("store", "STORE", 10, lambda one: one.store or NOTHING),
                Column("namespace", "NAMESPACE", 12, lambda one: one.namespace or "all", drop=2),
                Column("mode", "", 9, lambda one: "read-only" if one.read_only else "", drop=1),
                Column("address", "ADDRESS", 20, _address, grow=REASONS),
            ]
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -wide"):
            yield Static(Text("Switch to a context", "bold"), classes="dialog--title")
            where = "Everything is read anew. Marks, filter and what u puts back stay behind."
            yield Static(where, classes="dialog--where", markup=False)
            yield self._table
            yield Static(HINT, classes="dialog--hint", markup=False)

    def on_mount(self) -> None:
        places = {one.key: index for index, one in enumerate(self._choices)}
        self._table.show(self._choices, places.get)  # type: ignore[arg-type]  # keys are names
        self._table.move_to(places.get(self._current, 0))
        self._table.focus()

    def on_list_table_chosen(self) -> None:
        choice = self._table.row
        if choice is not None and choice.problem:
            hint = self.query_one(".dialog--hint", Static)
            hint.update(plain(choice.problem))
            hint.add_class("-said")
        elif choice is not None:
            self.dismiss(choice)

    def action_stay(self) -> None:
        self.dismiss(None)


def _address(choice: ContextChoice) -> Cell:
    return Cell(choice.problem, "bad") if choice.problem else Cell(choice.address)
