"""The line for typing what to go to."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester

from tui.widgets.plain_input import PlainInput
from tui.widgets.typed_line import GivenLine

Completes = Callable[[str], str | None]
"""From what was typed to the whole line. None: nothing is known that begins so."""


class CommandBar(GivenLine):
    """Reports the line once Enter is pressed. It suggests how the line may go on."""

    LABEL = "go to"
    KEYS = (("enter", "Go"), ("tab", "Complete"), ("escape", "Close"))
    PLACEHOLDER = "an id or address, or model, ns, host, ctx, stale, …"

    class Given(GivenLine.Given):
        """Enter was pressed."""

    def __init__(self, completes: Completes) -> None:
        super().__init__()
        self._completes = completes

    def make_input(self) -> PlainInput:
        # With all selected, what is typed behind a given word would replace it.
        return _CompletedInput(
            placeholder=self.PLACEHOLDER,
            suggester=_Suggester(self._completes),
            select_on_focus=False,
        )


class _CompletedInput(PlainInput):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", show=False)]

    def action_complete(self) -> None:
        """Take the suggestion, as the right arrow does."""
        self.cursor_position = len(self.value)
        self.action_cursor_right()


class _Suggester(Suggester):
    def __init__(self, completes: Completes) -> None:
        # What is registered changes.
        super().__init__(use_cache=False, case_sensitive=True)
        self._completes = completes

    async def get_suggestion(self, value: str) -> str | None:
        return self._completes(value)
