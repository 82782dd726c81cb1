"""The line for typing what to look for along a timeline."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Input

from tui.widgets.typed_line import TypedLine


class SearchLine(TypedLine):
    """Reports the text once Enter is pressed."""

    LABEL = "find"
    PLACEHOLDER = "names, ids, addresses of what came, changed or went; Enter finds, Esc closes"

    class Given(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.clear()
        self.post_message(self.Given(event.value))
