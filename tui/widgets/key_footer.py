"""The line at the bottom that says which keys there are."""

from __future__ import annotations

from textual.screen import Screen
from textual.widgets import Footer


class KeyFooter(Footer):
    """Made anew only when it is to say something else.

    Textual's own mounts a widget for each key again whenever the focus moves, which happens a dozen
    times at the start and with each tab that is opened.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._said: list[tuple[str, ...]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        if not screen.app.app_focus or not self.is_attached or screen is not self.screen:
            return
        if self._said is None and screen.focused is None:
            return  # in a moment something has the focus, and there is more to say
        keys = self._keys()
        if keys != self._said:
            self._said = keys
            super().bindings_changed(screen)

    def _keys(self) -> list[tuple[str, ...]]:
        """What is to be said: of each key all that can be seen of it, and what it does."""
        return [
            (
                one.binding.key,
                self.app.get_key_display(one.binding),
                one.binding.description,
                one.binding.action,
                one.tooltip,
                str(one.enabled),
            )
            for one in self.screen.active_bindings.values()
            if one.binding.show
        ]
