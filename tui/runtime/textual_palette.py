"""The command palette of Textual 8.2.8, without the keys that end the app.

Textual's takes a second Enter for a second choice although the first has closed it: the command
runs twice, and the screen below closes. And PgUp and PgDn look for a line in its list before that
is laid out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import App
from textual.command import CommandList, CommandListItem, CommandPalette, SimpleProvider
from textual.message import Message
from textual.theme import ThemeProvider
from textual.widget import AwaitMount
from textual.widgets import Button, Input, OptionList

CHOICES = (Input.Submitted, Button.Pressed, OptionList.OptionSelected)
"""Messages that choose a command."""
PAGES = ("page_up", "page_down")


class Palette(CommandPalette):
    """Takes one choice, and moves only within an existing list."""

    async def _on_message(self, message: Message) -> None:
        if isinstance(message, CHOICES) and self not in self.app.screen_stack:
            return
        await super()._on_message(message)

    def _action_command_list(self, action: str) -> None:
        commands = self.query_one(CommandList)
        # Its lines are computed when it is drawn.
        if action in PAGES and commands.highlighted not in commands._index_to_line:
            return
        super()._action_command_list(action)

    def _action_escape(self) -> None:
        if self in self.app.screen_stack:
            super()._action_escape()


class HasPalette(App[Any]):
    """An app with these palettes."""

    def action_command_palette(self) -> None:
        if self.use_command_palette and not CommandPalette.is_open(self):
            self.push_screen(Palette(id="--command-palette"))

    def search_commands(
        self, commands: Sequence[CommandListItem], placeholder: str = "Search for commands…"
    ) -> AwaitMount:
        providers = [SimpleProvider(self.screen, list(commands))]
        palette = Palette(providers=providers, placeholder=placeholder)  # type: ignore[arg-type]
        return self.push_screen(palette)

    def search_themes(self) -> None:
        palette = Palette(providers=[ThemeProvider], placeholder="Search for themes…")
        self.push_screen(palette)
