"""The detail of one record in full size."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from tui.actions import Place
from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_styles import StyledOnce
from tui.text.detail import Detail
from tui.widgets.detail_pane import DetailPane
from tui.widgets.footer import KeyFooter


class DetailScreen(StyledOnce, ModalScreen[None]):
    """Shows a detail as it is at that moment."""

    PLACE = Place.DETAIL
    ACTIONS: ClassVar[dict[str, str]] = {"close": "app.pop_screen", "help": "app.help"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, detail: Detail) -> None:
        super().__init__()
        self._detail = detail

    def compose(self) -> ComposeResult:
        yield DetailPane(id="full-detail")
        yield KeyFooter()

    def on_mount(self) -> None:
        pane = self.query_one(DetailPane)
        pane.show(self._detail, same_record=False)
        pane.focus()
