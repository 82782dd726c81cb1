"""Draw a screen whose message loop has stopped, and widgets as wide as what they show by now.

In Textual 8.2.8 a screen learns from messages to itself which widgets to redraw. A screen that
waits in a handler, or whose loop ended, would show its last content for ever, however wrong.

A widget notes with the first change of what it shows that its room is to be found again, and
forgets that once its messages are handled. If the screen is laid out between two changes, the
second is shown in the room of the first, and stays cut off: a tab with a short title, on a busy
machine.

This uses private names of Textual, and only here.
"""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget

_refresh = Widget.refresh


def draw_now(screen: Screen[Any]) -> None:
    """Lay the screen out and draw it, without any of its messages."""
    screen._layout_required = True
    screen._repaint_required = True
    screen._on_timer_update()


def find_room_for_each_change() -> None:
    """Change the widgets of all apps of this process: each change that asks for other room gets
    it."""
    Widget.refresh = _refresh_in_room  # type: ignore[method-assign, assignment]


def _refresh_in_room(self: Widget, *regions: Any, layout: bool = False, **named: bool) -> Widget:
    if layout and self._layout_required:
        # By this number Textual keeps how large the widget has to be.
        self._layout_updates += 1
    return _refresh(self, *regions, layout=layout, **named)
