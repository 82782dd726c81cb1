"""What every question has in common: there is time to read it before a yes counts."""

from __future__ import annotations

from textual.screen import ModalScreen, ScreenResultType

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
