"""Charts of one model or worker over the last hour."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from tui.actions import Place
from tui.runtime.textual_bindings import bindings, keys_of
from tui.runtime.textual_styles import StyledOnce
from tui.state.charts.chart_panels import SPANS, charts_of
from tui.state.charts.chart_subject import ChartSubject
from tui.state.dashboard import Dashboard
from tui.text.charts.chart_page import ChartPages, pages_of
from tui.text.charts.chart_panel import ChartWindow
from tui.text.sanitize import plain
from tui.text.timestamps import time_of_day
from tui.widgets.chart_view import ChartView
from tui.widgets.footer import KeyFooter
from tui.widgets.panes.metrics import NOBODY

LOOKS = 1.0
"""Seconds between two looks for new figures."""


class ChartScreen(StyledOnce, Screen[None]):
    """Figures are polled while it is open, unless the view is frozen."""

    DEFAULT_CSS = """
    ChartScreen { layout: vertical; background: $background; }
    ChartScreen > #chart-title { height: auto; max-height: 3; padding: 0 1; text-style: bold; }
    ChartScreen > #chart-notes { height: auto; max-height: 3; padding: 0 1; color: $text-muted; }
    ChartScreen > ChartView { height: 1fr; margin: 0 1; background: $background; }
    """

    PLACE = Place.CHART
    ACTIONS: ClassVar[dict[str, str]] = {
        "span": "next_span",
        "freeze": "freeze",
        "close": "app.pop_screen",
        "help": "app.help",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, dashboard: Dashboard, subject: ChartSubject) -> None:
        super().__init__()
        self._dashboard = dashboard
        self._subject = subject
        self._span = 0
        self._drawn: object = None
        """What the charts were drawn of."""

    def compose(self) -> ComposeResult:
        yield Static(id="chart-title")
        yield Static(id="chart-notes")
        yield ChartView()
        yield KeyFooter()

    def on_mount(self) -> None:
        self._view.focus()
        self._dashboard.figures.show_charts(True)
        series, now = self._dashboard.figures.hour.of(self._subject.key), self._window().end
        if series is None or series.at[0] > now - SPANS[-1]:
            # Of an hour all but the end would be empty.
            self._span = len(SPANS) - 1
        self.set_interval(LOOKS, self._look)
        self.watch(self._view, "scroll_y", self._name_page, init=False)

    def on_unmount(self) -> None:
        self._dashboard.figures.show_charts(False)

    def on_resize(self) -> None:
        # The charts have their room only after the layout.
        self.call_after_refresh(self._look)

    def action_next_span(self) -> None:
        self._span = (self._span + 1) % len(SPANS)
        self._look()

    def action_freeze(self) -> None:
        self._dashboard.freeze(not self._dashboard.view.frozen)
        self._look()

    # --- drawing ------------------------------------------------------------------------------

    def _look(self) -> None:
        """Draw, if there is anything new."""
        size, window = self._view.size, self._window()
        # A dot is no narrower than this.
        moment = window.end // ((window.end - window.start) / max(1, 2 * size.width))
        version = self._dashboard.figures.hour.version
        drawn = (size, self._span, moment, version, self._dashboard.figures.metrics.asking is None)
        if drawn != self._drawn:
            self._drawn = drawn
            self._draw(window)
        self._name_page()

    def _window(self) -> ChartWindow:
        dashboard = self._dashboard
        frozen = dashboard.frozen_at
        end = max(dashboard.clock() if frozen is None else frozen, dashboard.figures.hour.newest)
        return ChartWindow(end - SPANS[self._span], end, dashboard.clock.shown_at)

    def _draw(self, window: ChartWindow) -> None:
        series = self._dashboard.figures.hour.of(self._subject.key)
        notes = [self._why_nothing()]
        pages = ChartPages((), 0)
        if series is not None:
            dashboard = self._dashboard
            # A recorder asks whether anybody looks or not.
            always = dashboard.settings.metrics_always or dashboard.is_past
            charts = charts_of(self._subject, series, window, always=always)
            notes = [*charts.notes]
            size = self._view.size
            pages = pages_of(charts.panels, window, size.width, size.height)
        self._pages = pages.number
        self.query_one("#chart-notes", Static).update(Text(plain(". ".join(filter(None, notes)))))
        self._view.show(pages)

    def _why_nothing(self) -> str:
        metrics = self._dashboard.figures.metrics
        if self._dashboard.is_past:
            why = self._dashboard.figures.why_none()
            return why or "Nothing was measured of it up to this moment"
        if metrics.asking is None:
            return "Looking for processes that have metrics …"
        if not metrics.asking:
            return NOBODY
        if self._dashboard.figures.hour.is_full:
            return "Too many models and workers have figures: of this one no hour is kept"
        return self._subject.why_no_figures

    _pages = 0

    def _name_page(self) -> None:
        """Write the title."""
        pieces = [f"{'worker' if self._subject.is_worker else 'model'} {self._subject.name}"]
        pieces.append(self._span_text())
        keys = keys_of(self)
        if self._pages > 1:
            pieces.append(f"page {self._view.page}/{self._pages}: {keys.shown('down')} goes on")
        if self._dashboard.view.frozen:
            pieces.append(f"frozen: {keys.shown('freeze')} lets it go on")
        self.query_one("#chart-title", Static).update(Text(plain("   ".join(pieces))))

    def _span_text(self) -> str:
        long = "hour" if self._span == 0 else "ten minutes"
        dashboard = self._dashboard
        if not dashboard.is_past:
            return f"the last {long}"
        return f"the {long} before {time_of_day(dashboard.clock.shown_at(dashboard.clock()))}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # A moment stands still.
        return not (action == "freeze" and self._dashboard.is_past)

    @property
    def _view(self) -> ChartView:
        return self.query_one(ChartView)
