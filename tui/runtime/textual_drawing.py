"""Drawing a screen whose own messages are not read any more.

In Textual 8.2.8 a screen learns from messages to itself which of its widgets are to be drawn anew.
One that waits in a handler, or whose loop ended, would show for ever what it showed last, however
false that became. What is marked and called for that is private to it, and used here only.
"""

from __future__ import annotations

from typing import Any

from textual.screen import Screen


def draw_now(screen: Screen[Any]) -> None:
    """Lay the screen out and draw it, without any of its messages."""
    screen._layout_required = True
    screen._repaint_required = True
    screen._on_timer_update()
