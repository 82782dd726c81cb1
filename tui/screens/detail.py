"""The detail of one record in full size."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.detail import Detail
from tui.widgets.detail_pane import DetailPane
from tui.widgets.key_footer import KeyFooter


class DetailScreen(ModalScreen[None]):
    """Shows a detail as it is at that moment."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "app.pop_screen", "Close"),
    ]

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
