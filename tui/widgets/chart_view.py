"""Charts: lines that were drawn elsewhere, in the colours of the theme, a page at a time."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip

from tui.runtime.textual_bindings import bindings
from tui.text.charts.chart_line import ChartLine
from tui.text.charts.chart_page import ChartPages
from tui.widgets.table.line_view import LineView
from tui.widgets.tones import toned


class ChartView(LineView):
    """Shows pages of charts, and redraws only lines that differ."""

    DEFAULT_CSS = """
    ChartView { scrollbar-size-vertical: 0; overflow-x: hidden; }
    """

    ACTIONS: ClassVar[dict[str, str]] = {
        "up": "turn(-1)",
        "down": "turn(1)",
        "first": "scroll_home",
        "last": "scroll_end",
        "page-up": "turn(-1)",
        "page-down": "turn(1)",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    _lines: tuple[ChartLine, ...] = ()

    def show(self, pages: ChartPages) -> None:
        """Show these pages; the one that is open stays open."""
        before, self._lines = self._lines, pages.lines
        self.set_height(len(self._lines))
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if _at(before, top + y) != _at(self._lines, top + y):
                self.refresh(Region(0, y, self.line_width, 1))

    def shown_text(self) -> str:
        """Return the lines of all pages."""
        return "\n".join("".join(piece.text for piece in line) for line in self._lines)

    def action_turn(self, pages: int) -> None:
        """Go so many pages on."""
        self.scroll_relative(y=pages * self.size.height, animate=False)

    @property
    def page(self) -> int:
        """The number of the open page, from 1 on."""
        return 1 + self.scroll_offset.y // max(1, self.size.height)

    def render_line(self, y: int) -> Strip:
        cells, style = self.line_width, self.base_style
        pieces = _at(self._lines, y + self.scroll_offset.y)
        text = toned(pieces, self.app.theme_variables)
        strip = Strip(text.render(self.app.console)).apply_style(style)
        return strip.adjust_cell_length(cells, style)


def _at(lines: tuple[ChartLine, ...], y: int) -> ChartLine:
    return lines[y] if y < len(lines) else ()
