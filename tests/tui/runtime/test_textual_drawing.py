"""What is private to Textual, and used to draw a screen whose messages are not read, is there."""

from __future__ import annotations

import inspect

from textual.screen import Screen
from textual.widget import Widget


def test_a_screen_has_what_is_marked_and_called_to_draw_it() -> None:
    screen: Screen[None] = Screen()
    assert screen._layout_required is False
    assert screen._repaint_required is False
    assert isinstance(screen, Widget)
    drawing = inspect.signature(screen._on_timer_update)
    assert not drawing.parameters
    # It is called outside of the screen's own task, so it must not wait for anything.
    assert not inspect.iscoroutinefunction(screen._on_timer_update)
