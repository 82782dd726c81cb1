"""Scrolling lines: any number, with no layout when the number changes."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget


class LineView(ScrollView, can_focus=True):
    """The base of widgets that draw their own lines: as wide as the widget, as many as set."""

    def set_height(self, lines: int) -> None:
        """Set the number of lines.

        Setting `virtual_size` would lay out the whole screen: 15 to 30 ms for each row that comes
        or goes. Only the scrollbar depends on it here, and Textual itself changes it this way where
        it wants no layout.
        """
        size = Size(self.line_width, lines)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    @property
    def base_style(self) -> Style:
        """Return the style of a line: `rich_style`, which Textual computes for each line."""
        return self.visual_style.rich_style

    @property
    def line_width(self) -> int:
        """Return the cells of a line, without the scrollbar."""
        return self.scrollable_content_region.width
