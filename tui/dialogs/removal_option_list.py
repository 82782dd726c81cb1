"""A list of removals to choose one from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from tui.runtime.textual_bindings import bindings
from tui.text.sanitize import plain

CHOSEN, OTHER = "(•)", "( )"


class RemovalOptionLine(Static):
    """One option. Its sign shows without colour whether it is chosen."""

    class Clicked(Message):
        """An option was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, index: int, label: str) -> None:
        super().__init__(markup=False)
        self._index = index
        self._label = plain(label)

    def relabel(self, label: str) -> None:
        """Show another text from the next `show` on."""
        self._label = plain(label)

    def show(self, *, chosen: bool) -> None:
        self.update(f"{CHOSEN if chosen else OTHER} {self._label}")
        self.set_class(chosen, "-chosen")

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Clicked(self._index))


class RemovalOptionList(Vertical, can_focus=True):
    """Shows the options; hidden if there is only one."""

    ACTIONS: ClassVar[dict[str, str]] = {"up": "step(-1)", "down": "step(1)", "choose": "step(1)"}
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    DEFAULT_CSS = """
    RemovalOptionList { height: auto; margin-bottom: 1; }
    RemovalOptionList:focus { background: $panel; }
    RemovalOptionLine { height: auto; }
    RemovalOptionLine.-chosen { text-style: bold; }
    """

    class Chosen(Message):
        """Another option was chosen."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, labels: Sequence[str]) -> None:
        super().__init__()
        self._lines = [RemovalOptionLine(index, label) for index, label in enumerate(labels)]
        self._index = 0
        self.display = len(labels) > 1
        self._draw()

    def compose(self) -> ComposeResult:
        yield from self._lines

    def choose_next(self) -> None:
        """Choose the next option; after the last the first."""
        self._choose((self._index + 1) % len(self._lines))

    def set_labels(self, labels: Sequence[str]) -> None:
        """Show these options instead, at least as many. The chosen one stays."""
        for line, label in zip(self._lines, labels, strict=False):
            line.relabel(label)
        new = [
            RemovalOptionLine(index, label)
            for index, label in enumerate(labels)
            if index >= len(self._lines)
        ]
        self._lines += new
        self.mount(*new)
        self.display = len(labels) > 1
        self._draw()

    def action_step(self, step: int) -> None:
        self._choose((self._index + step) % len(self._lines))

    def on_removal_option_line_clicked(self, message: RemovalOptionLine.Clicked) -> None:
        message.stop()
        self._choose(message.index)

    def _choose(self, index: int) -> None:
        if index == self._index:
            return
        self._index = index
        self._draw()
        self.post_message(self.Chosen(index))

    def _draw(self) -> None:
        for index, line in enumerate(self._lines):
            line.show(chosen=index == self._index)
