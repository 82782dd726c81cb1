"""The line in which the filter is typed; there only while there is one."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from tui.widgets.plain_input import PlainInput


class FilterBar(Horizontal):
    """Tells of every change of its text, and when the person is done with it."""

    DEFAULT_CSS = """
    FilterBar { display: none; height: 1; background: $panel; }
    FilterBar Static { width: 9; padding: 0 1; color: $text-accent; }
    FilterBar Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    FilterBar Input:focus { border: none; }
    """

    class Changed(Message):
        """The text is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Kept(Message):
        """Enter: the text stays, and the person goes back to what it left."""

    def compose(self) -> ComposeResult:
        yield Static("filter")
        yield PlainInput(placeholder="names, ids, addresses; Enter keeps it, Esc clears it")

    @property
    def typing(self) -> bool:
        """Whether what is typed goes here."""
        # Its own `has_focus` is true only when it was told, which is after the next key.
        return self.screen.focused is self._input

    def open(self) -> None:
        """Show it, and let what is typed from now on go here."""
        self.display = True
        self.screen.set_focus(self._input)

    def clear(self) -> None:
        """Empty and hide it, without telling."""
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
