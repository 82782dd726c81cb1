"""What came of each key of an act, where not all went well."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.columns import Cell
from tui.removals import Report
from tui.screens.key_list import KeyList

_GLYPHS = {"good": "✓", "warn": "~", "bad": "✗"}


class OutcomesScreen(ModalScreen[None]):
    """Every key with its outcome, those that did not go well first; any of the usual keys closes
    it."""

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,n,enter", "app.pop_screen", "Close"),
        *(
            Binding(key, f"scroll({step})", show=False)
            for key, step in (("up,k", -1), ("down,j", 1), ("pageup", -10), ("pagedown", 10))
        ),
    ]

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def compose(self) -> ComposeResult:
        keys = [(one.key, "") for one in self.report.outcomes]
        with Vertical(classes="dialog -wide"):
            yield Static(Text(f"{self.report.title}", "bold"), classes="dialog--title")
            yield KeyList(keys, self._note)
            yield Static("↑ ↓ scroll   Esc closes", classes="dialog--hint", markup=False)

    def action_scroll(self, step: int) -> None:
        self.query_one(KeyList).scroll_relative(y=step, animate=False)

    def _note(self, index: int) -> Cell:
        outcome = self.report.outcomes[index]
        return Cell(f"{_GLYPHS[outcome.tone]} {outcome.text}", outcome.tone)
