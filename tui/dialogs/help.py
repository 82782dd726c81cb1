"""The keys of a screen, and the meaning of signs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import Place, help_lines
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.text.format import MEANINGS

Keys = list[tuple[str, str]]

FIGURES: Keys = [
    ("○ silent", "Requests: no answering service has its subject; a paused one looks the same"),
    ("◇ unregistered", "Requests: a service answers at this subject, but no instance names it"),
    ("● served", "Metrics: a frontend lists it"),
    ("≠ not served", "Metrics: registered, and no frontend lists it"),
    ("≠ unregistered", "Metrics: a frontend lists it, and no card of it is registered"),
    ("✗ failing", "Metrics: scraping failed; the reason is in the detail"),
    ("×", "Charts: requests ended in errors at this time"),
]
"""The signs of figures."""
WITHOUT_SIGNS = frozenset({Place.TAP, Place.CHART, Place.COLUMNS, Place.MESSAGE, Place.OUTCOMES})
"""Places without records, so without signs."""


class HelpScreen(StyledOnce, ModalScreen[None]):
    """Shows the keys of the screen below it, and the signs. Any of the usual keys closes it."""

    CSS_PATH = "dialog.tcss"

    PLACE = Place.HELP
    ACTIONS: ClassVar[dict[str, str]] = {
        "close": "app.pop_screen",
        "help": "app.pop_screen",
        "down": "scroll(1)",
        "up": "scroll(-1)",
        "page-down": "page(1)",
        "page-up": "page(-1)",
        "first": "edge(-1)",
        "last": "edge(1)",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, place: Place, *, writes: bool) -> None:
        """`place`: the screen whose keys are shown. `writes`: keys may be removed."""
        super().__init__()
        self._place = place
        self._writes = writes

    def compose(self) -> ComposeResult:
        groups: dict[str, Keys] = {}
        for group, keys, sentence in help_lines(self._place, keys_of(self), writes=self._writes):
            groups.setdefault(group, []).append((keys, sentence))
        if self._place not in WITHOUT_SIGNS:
            groups["Signs"] = [(state.in_column, meaning) for state, meaning in MEANINGS.items()]
        title = "dyntop: keys and signs"
        if self._place is Place.MAIN:
            groups["Signs of figures"] = FIGURES
        else:
            title = f"Keys of {self._place}"
        with Vertical(classes="dialog"):
            yield Static(Text(title, "bold"), classes="dialog--title")
            # Its keys are those of the table, and not Textual's.
            with VerticalScroll(id="help-text", can_focus=False):
                yield Static(_table(groups.items()))
            shown = keys_of(self).shown
            hint = f"{shown('up')} {shown('down')} scroll   Esc closes"
            yield Static(hint, classes="dialog--hint", markup=False)

    @property
    def _text(self) -> VerticalScroll:
        return self.query_one("#help-text", VerticalScroll)

    def action_scroll(self, step: int) -> None:
        self._text.scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        self._text.scroll_relative(y=step * max(1, self._text.size.height - 1), animate=False)

    def action_edge(self, side: int) -> None:
        self._text.scroll_to(y=0 if side < 0 else self._text.max_scroll_y, animate=False)


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
