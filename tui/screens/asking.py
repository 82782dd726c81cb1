"""What questions have in common: there is time to read one before a yes counts, and how those that
list keys are scrolled and answered."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Button

from tui.screens.key_list import KeyList

READ_TIME = 0.5
"""Seconds after a question was drawn from which on its yes counts. Over a slow line keys arrive in
one burst: what was typed for another screen must not answer what nobody has seen yet."""


class Asking(ModalScreen[ScreenResultType]):
    """A question whose yes is dangerous. Subclasses look at `can_be_read` before they take one."""

    can_be_read = False
    """Whether it has been on screen for long enough."""

    def on_mount(self) -> None:
        self.call_after_refresh(self.set_timer, READ_TIME, self._let_answer)

    def _let_answer(self) -> None:
        self.can_be_read = True


class AskingOfKeys(Asking[bool]):
    """Shows a `KeyList` and, below it in `.dialog--text`, what a yes does; then the buttons `#no`
    and `#yes`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,escape,q", "no", "No"),
        Binding("left", "turn_to('no')", show=False),
        Binding("right", "turn_to('yes')", show=False),
        *(
            Binding(key, f"scroll({step})", show=False)
            for key, step in (("up,k", -1), ("down,j", 1), ("pageup", -5), ("pagedown", 5))
        ),
    ]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_no()

    def action_yes(self) -> None:
        if self.can_be_read:
            self.dismiss(True)

    def action_no(self) -> None:
        self.dismiss(False)

    def action_turn_to(self, button: str) -> None:
        self.query_one(f"#{button}").focus()

    def action_scroll(self, step: int) -> None:
        """The keys, and at their end what it does."""
        keys = self.query_one(KeyList)
        part = keys if keys.can_scroll(step) else self.query_one(".dialog--text", VerticalScroll)
        part.scroll_relative(y=step, animate=False)
