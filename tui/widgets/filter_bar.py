"""The line for typing the filter; hidden without one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from tui.widgets.plain_input import PlainInput


class FilterBar(Horizontal):
    """Reports each change of its text, and the end of typing."""

    DEFAULT_CSS = """
    FilterBar { display: none; height: 1; background: $panel; }
    FilterBar Static { width: 9; padding: 0 1; color: $text-accent; }
    FilterBar Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    FilterBar Input:focus { border: none; }
    """

    class Changed(Message):
        """The text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Kept(Message):
        """Enter was pressed: the text stays, and the focus returns to where it was."""

    def compose(self) -> ComposeResult:
        yield Static("filter")
        yield PlainInput(placeholder="names, ids, addresses; Enter keeps it, Esc clears it")

    @property
    def typing(self) -> bool:
        """Return whether typed keys go here."""
        # `has_focus` becomes true by a message, which comes after the next key.
        return self.screen.focused is self._input

    def open(self) -> None:
        """Show it, and give it the focus at once."""
        self.display = True
        self.screen.set_focus(self._input)

    def clear(self) -> None:
        """Empty and hide it, without a message."""
        with self.prevent(Input.Changed):
            self._input.value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(event.value.strip())
        self.post_message(self.Kept())

    @property
    def _input(self) -> Input:
        return self.query_one(Input)
