"""A line at the bottom for typing; hidden while nobody types."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from tui.widgets.plain_input import PlainInput


class TypedLine(Horizontal):
    """A label, and the text behind it."""

    DEFAULT_CSS = """
    TypedLine { display: none; height: 1; background: $panel; }
    TypedLine Static { width: 9; padding: 0 1; color: $text-accent; }
    TypedLine Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    TypedLine Input:focus { border: none; }
    """

    LABEL: ClassVar[str]
    PLACEHOLDER: ClassVar[str]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "Go"), ("escape", "Close"))
    """Its keys and what each does, for the line of keys: all others are text."""

    def make_input(self) -> PlainInput:
        """Return the input."""
        return PlainInput(placeholder=self.PLACEHOLDER)

    def compose(self) -> ComposeResult:
        yield Static(self.LABEL)
        yield self.make_input()

    @property
    def typing(self) -> bool:
        """Return whether typed keys go here."""
        # `has_focus` becomes true by a message, which comes after the next key.
        return self.screen.focused is self._input

    def open(self) -> None:
        """Show it, and give it the focus at once."""
        self.display = True
        self.screen.set_focus(self._input)

    def begin(self, text: str) -> None:
        """Open it with a text that is typed on."""
        self.open()
        self._input.value = text
        self._input.cursor_position = len(text)

    def clear(self) -> None:
        """Empty and hide it, without a message."""
        with self.prevent(Input.Changed):
            self._input.value = ""
        self.display = False

    @property
    def _input(self) -> Input:
        return self.query_one(Input)


class GivenLine(TypedLine):
    """Reports the text once Enter is pressed, and closes."""

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
