"""The timeline: one line with the position, the speed, and where something happened."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip
from textual.widget import Widget

from tui.text.charts.chart_line import ChartLine
from tui.text.timeline.bar import BarState, bar
from tui.text.timeline.track import Happened, Track
from tui.widgets.tones import toned


class TimelineBar(Widget, can_focus=False):
    """Draws what it is shown, and again only if that is another."""

    ALLOW_SELECT = False

    DEFAULT_CSS = """
    TimelineBar { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._state: BarState | None = None
        self._happened: Sequence[Happened] = ()
        self._line: ChartLine = ()
        self._marks: dict[int, bytes] = {}
        """Of the last numbers of cells."""

    def show(self, state: BarState) -> None:
        """Show where it is by now."""
        if self._state is None or (state.start, state.end) != (self._state.start, self._state.end):
            self._marks.clear()
        self._state = state
        self._draw()

    def mark(self, happened: Sequence[Happened]) -> None:
        """Show where something happened."""
        self._happened = happened
        self._marks.clear()
        self._draw()

    def on_resize(self) -> None:
        self._marks.clear()
        self._draw()

    @property
    def shown_text(self) -> str:
        """Return the line as text."""
        return "".join(piece.text for piece in self._line)

    def render_line(self, y: int) -> Strip:
        style = self.rich_style
        text = toned(self._line, self.app.theme_variables)
        strip = Strip(text.render(self.app.console)).apply_style(style)
        return strip.adjust_cell_length(self.size.width, style)

    def _draw(self) -> None:
        if self._state is None or not self.size.width:
            return
        line = bar(self._state, self.size.width, self._marks_of)
        if line != self._line:
            self._line = line
            self.refresh()

    def _marks_of(self, cells: int) -> bytes:
        if cells not in self._marks and self._state is not None:
            track = Track(self._state.start, self._state.end)
            self._marks[cells] = track.marks(self._happened, cells)
        return self._marks.get(cells, bytes(cells))
