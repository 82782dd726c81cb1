"""The name of a context in its colour."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual.app import App
from textual.widgets import Static

from tui.config.context_colours import COLOURS
from tui.config.settings import Settings
from tui.runtime.textual_theme import on_colour
from tui.state.navigation.breadcrumb import context_text
from tui.text.sanitize import plain


def context_badge(app: App[Any], settings: Settings) -> Text:
    """Return the context's name, on its colour if it has one; without colours with the colour's
    name. Empty: no context is chosen."""
    text, colour = context_text(settings), settings.colour
    if not text or colour is None:
        return Text(text, "bold")
    named = f" ({colour})" if app.no_color else ""
    return Text(f" {text}{named} ", f"bold {on_colour(COLOURS.get(colour, colour))}")


class QuestionedStore(Static):
    """The store that a question is about, behind its context."""

    def __init__(self, settings: Settings, where: str) -> None:
        """`where`: the store's name and address in full."""
        super().__init__(classes="dialog--where", markup=False)
        self._settings = settings
        self._where = plain(where)

    def on_mount(self) -> None:
        badge = context_badge(self.app, self._settings)
        self.update(Text("  ").join([badge, Text(self._where)]) if badge else Text(self._where))
