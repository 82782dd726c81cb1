"""The outcome for each key of an act that did not fully succeed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import Place
from tui.dialogs.key_list import KeyList
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.state.column import Cell
from tui.state.reported_removals import Report

_GLYPHS = {"good": "✓", "warn": "~", "bad": "✗"}


class OutcomesScreen(StyledOnce, ModalScreen[None]):
    """Shows each key with its outcome, failed ones first. Any of the usual keys closes it."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.OUTCOMES
    ACTIONS: ClassVar[dict[str, str]] = {
        "close-report": "app.pop_screen",
        "up": "scroll(-1)",
        "down": "scroll(1)",
        "page-up": "scroll(-10)",
        "page-down": "scroll(10)",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def compose(self) -> ComposeResult:
        listed = [(one.key, "") for one in self.report.outcomes]
        with Vertical(classes="dialog -wide"):
            yield Static(Text(f"{self.report.title}", "bold"), classes="dialog--title")
            yield KeyList(listed, self._note)
            keys = keys_of(self)
            hint = f"{keys.shown('up')} {keys.shown('down')} scroll   Esc closes"
            yield Static(hint, classes="dialog--hint", markup=False)

    def action_scroll(self, step: int) -> None:
        self.query_one(KeyList).scroll_relative(y=step, animate=False)

    def _note(self, index: int) -> Cell:
        text = self.report.outcomes[index].text
        return Cell(f"{_GLYPHS[text.tone]} {text.sentence}", text.tone)
