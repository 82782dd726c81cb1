"""Lines that scroll, however many there are, and cost no layout when their number changes."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget


class LineView(ScrollView, can_focus=True):
    """Base of what draws its own lines: as wide as itself, as high as it says."""

    def set_height(self, lines: int) -> None:
        """There are this many lines to scroll through.

        To set `virtual_size` would lay out the whole screen: 15 to 30 ms, for each row that comes
        or goes. Nothing but the scrollbar depends on it here, and this is how Textual itself
        changes it where it wants no layout.
        """
        size = Size(self.line_width, lines)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    @property
    def base_style(self) -> Style:
        """What a line is drawn in: as `rich_style`, which works it out anew for each line."""
        return self.visual_style.rich_style

    @property
    def line_width(self) -> int:
        """Cells of a line, without the scrollbar."""
        return self.scrollable_content_region.width
