"""What every key does, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.words import MEANINGS

Keys = list[tuple[str, str]]

FIGURES: Keys = [
    ("○ silent", "Requests: no service that answers has it; one that is paused looks the same"),
    ("◇ unregistered", "Requests: a service answers for it, and nothing of it is registered"),
    ("● served", "Metrics: a frontend lists it"),
    ("≠ not served", "Metrics: registered, and no frontend lists it"),
    ("≠ unregistered", "Metrics: a frontend lists it, and no card of it is registered"),
    ("✗ failing", "Metrics: it could not be scraped; the detail says why"),
]
"""The signs of what is counted and measured."""

MOVING: Keys = [
    ("↑ ↓  k j", "up and down"),
    ("PgUp PgDn", "a page up and down"),
    ("Home End  g G", "first and last"),
    ("→ ←  l h", "expand and collapse"),
    ("Tab", "next part of the screen"),
    ("1 … 8", "the tabs"),
    ("Enter", "expand a model; open the detail in full"),
]
LOOKING: Keys = [
    ("/", "filter by names, ids, addresses; Esc clears it"),
    ("!", "show only what is not live"),
    ("x", "hide what is gone, or show it"),
    ("p", "probe what is marked or selected, deeper than by itself"),
    ("w", "in Event channels: listen in on the selected channel"),
    ("s  S", "sort by the next column; the other way round"),
    ("f", "freeze the view, and let it go on"),
    ("o  b", "to the instance that this belongs to, and back"),
    ("t", "show or hide the tree"),
    ("y  i  Y", "copy the key, the id, the JSON"),
]
ACTING: Keys = [
    ("space", "mark a row, and go on"),
    ("v", "mark all from the last marked row to here"),
    ("*", "mark all rows that are shown, or none"),
    ("d", "unregister or drain what is marked or selected, after a question"),
    ("c", "clean up: propose all that is stale"),
    ("u", "undo: put back what was removed last, after a question"),
]
OTHER: Keys = [("Ctrl+P", "command palette, themes"), ("?", "this help"), ("q", "quit")]


class HelpScreen(ModalScreen[None]):
    """Keys and signs; any of the usual keys closes it."""

    CSS_PATH = "dialog.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "app.pop_screen", "Close"),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def __init__(self, *, acts: bool) -> None:
        """`acts`: whether anything may be removed."""
        super().__init__()
        self._acts = acts

    def compose(self) -> ComposeResult:
        groups = [("Moving", MOVING), ("Looking", LOOKING)]
        groups += [("Acting", ACTING)] if self._acts else []
        groups += [("Other", OTHER)]
        signs = [(str(state), meaning) for state, meaning in MEANINGS.items()]
        with Vertical(classes="dialog"):
            yield Static(Text("dyntop: keys and signs", "bold"), classes="dialog--title")
            with VerticalScroll(id="help-text"):
                yield Static(_table([*groups, ("Signs", signs), ("Signs of figures", FIGURES)]))

    def action_scroll(self, step: int) -> None:
        self.query_one("#help-text").scroll_relative(y=step, animate=False)


def _table(groups: Iterable[tuple[str, Keys]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for title, rows in groups:
        table.add_row(Text(title, "bold underline"), "")
        for key, meaning in rows:
            table.add_row(Text(key, "bold"), Text(meaning))
        table.add_row("", "")
    return table
