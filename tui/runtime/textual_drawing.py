"""Draw a screen whose message loop has stopped.

In Textual 8.2.8 a screen learns from messages to itself which widgets to redraw. A screen that
waits in a handler, or whose loop ended, would show its last content for ever, however wrong. This
uses private names of Textual, and only here.
"""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def draw_now(screen: Screen[Any]) -> None:
    """Lay the screen out and draw it, without any of its messages."""
    screen._layout_required = True
    screen._repaint_required = True
    screen._on_timer_update()
