"""The detail of the selected row: all fields, and the record's JSON, scrollable."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip

from tui.runtime.textual_bindings import bindings
from tui.runtime.textual_theme import rich_colour
from tui.text.detail import Detail
from tui.text.detail_lines import TITLE, DetailLine, lines_of
from tui.widgets.table.line_view import LineView

VARIABLES = {"good": "text-success", "warn": "text-warning", "bad": "text-error"}
"""The theme's variables for tones."""


class DetailPane(LineView):
    """Shows a `Detail`, and redraws only lines that differ.

    It contains no widget as high as its text: a layout of the screen for each row that the cursor
    passes would cost many times as much as drawing a few lines.
    """

    DEFAULT_CSS = """
    DetailPane { scrollbar-size-vertical: 1; padding: 0 1; overflow-x: hidden; }
    """

    ACTIONS: ClassVar[dict[str, str]] = {
        "up": "scroll_up",
        "down": "scroll_down",
        "first": "scroll_home",
        "last": "scroll_end",
        "page-up": "page_up",
        "page-down": "page_down",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: Detail | None = None
        self._lines: list[DetailLine] = []

    def show(self, detail: Detail | None, *, same_record: bool) -> None:
        """Show a detail. None: nothing is selected. The same record keeps its scroll position."""
        before, self._shown = self._shown, detail
        if detail != before:
            self._lay_out()
        if not same_record:
            self.scroll_home(animate=False, immediate=True)

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        cells = self.line_width
        if not cells:
            return  # not on screen yet: a resize will follow
        before = self._lines
        self._lines = [] if self._shown is None else lines_of(self._shown, cells)
        self.set_height(len(self._lines))
        if self.line_width != cells:
            # These lines brought the scrollbar, or took it away: nothing else reports that, and the
            # ends of lines would lie below it.
            cells = self.line_width
            self._lines = [] if self._shown is None else lines_of(self._shown, cells)
            self.set_height(len(self._lines))
        top = self.scroll_offset.y
        for y in range(self.size.height):
            if _at(before, top + y) != _at(self._lines, top + y):
                self.refresh(Region(1, y, cells, 1))

    def render_line(self, y: int) -> Strip:
        cells, style = self.line_width, self.base_style
        y += self.scroll_offset.y
        line = _at(self._lines, y)
        if line is None:
            return Strip.blank(cells, style)
        label = (line.label, Style(dim=True))
        text = Text.assemble(label, (line.text, self._tone(line.tone)))
        selected = self.text_selection
        if selected is not None and (span := selected.get_span(y)) is not None:
            start, end = span
            marked = self.screen.get_component_rich_style("screen--selection")
            text.stylize(marked, start, len(text) if end == -1 else end)
        strip = Strip(text.render(self.app.console)).apply_style(style)
        return strip.adjust_cell_length(cells, style).apply_offsets(0, y)

    def _tone(self, tone: str) -> Style:
        if tone == TITLE:
            return Style(bold=True)
        return Style.parse(rich_colour(self.app.theme_variables, VARIABLES.get(tone, "")))

    # --- selecting with the mouse -------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(map(str, self._lines))), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


def _at(lines: list[DetailLine], y: int) -> DetailLine | None:
    return lines[y] if y < len(lines) else None
