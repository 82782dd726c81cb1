"""The line for typing the filter. The header shows the one that is kept."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Input

from tui.widgets.typed_line import TypedLine


class FilterBar(TypedLine):
    """Reports each change of its text, and the end of typing."""

    LABEL = "filter"
    KEYS = (("enter", "Keep"), ("escape", "Clear"))
    PLACEHOLDER = "names, ids, addresses"

    class Changed(Message):
        """The text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Kept(Message):
        """Enter was pressed: the text stays, and the focus returns to where it was."""

    def set(self, text: str) -> None:
        """Take another filter, without a message. Empty: none."""
        with self.prevent(Input.Changed):
            self._input.value = text
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = False
        self.post_message(self.Kept())
