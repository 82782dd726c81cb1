"""What is private to Textual, and used to draw a screen whose messages are not read, is there; and
what a widget shows has its room."""

from __future__ import annotations

import asyncio
import inspect

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tests.support.peers import until
from tui.runtime.textual_drawing import find_room_for_each_change


def test_a_screen_has_what_is_marked_and_called_to_draw_it() -> None:
    screen: Screen[None] = Screen()
    assert screen._layout_required is False
    assert screen._repaint_required is False
    assert isinstance(screen, Widget)
    drawing = inspect.signature(screen._on_timer_update)
    assert not drawing.parameters
    # It is called outside of the screen's own task, so it must not wait for anything.
    assert not inspect.iscoroutinefunction(screen._on_timer_update)


class Beside(App[None]):
    """Two texts beside each other, each as wide as what it says."""

    CSS = "Static { width: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self.changing, self.other = Static(), Static()

    def compose(self) -> ComposeResult:
        yield Horizontal(self.changing, self.other)


async def test_what_changes_twice_with_a_layout_between_is_shown_whole() -> None:
    find_room_for_each_change()
    app, begun, goes_on = Beside(), asyncio.Event(), asyncio.Event()

    async def change_twice() -> None:
        """In one handler: between the two, no other message is handled."""
        app.changing.update("wait")
        begun.set()
        await goes_on.wait()
        app.changing.update("twelve cells")

    async with app.run_test():
        app.changing.call_later(change_twice)
        async with asyncio.timeout(60):
            await begun.wait()
        app.other.update("|")
        await until(lambda: (app.changing.size.width, app.other.size.width) == (4, 1), "a layout")
        goes_on.set()
        await until(lambda: app.changing.size.width == len("twelve cells"), "room for all of it")
