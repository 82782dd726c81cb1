"""The Metrics tab: how fast models answer, and how busy their workers are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import msgspec
from textual.content import Content
from textual.widgets import Static

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.metrics.figure_series import Measure
from backends.metrics.histogram import Histogram
from backends.metrics.hour import SeriesKey
from backends.metrics.overview import AtFrontend, MeteredModel
from tui.state.charts.chart_subject import ChartSubject
from tui.state.cluster_view import Changes
from tui.state.column import Cell, Column, SortOrder
from tui.state.dashboard import Dashboard
from tui.state.empty import filtered_text
from tui.state.figures.metrics_detail import failing_now, metrics_detail
from tui.state.figures.metrics_rows import MetricsRow, Rows, Trend
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.detail import Detail
from tui.text.format import NOTHING, count
from tui.text.numbers import latency, per_cent, rate, whole
from tui.text.sparkline import sparkline
from tui.widgets.panes.tree_pane import TreePane

BARS = 12
"""Cells of a sparkline."""
STEP = 25.0
"""Seconds of each: five minutes in all."""


class MetricsPane(TreePane[MetricsRow]):
    """Models with figures; a row opens to the frontends and workers that they are of."""

    TAB = TabId.METRICS
    TITLE = "Metrics"
    SHORT_TITLES = ("Metrics", "Metrics", "Metr")
    TELLS_OF_STORE = False
    KINDS = frozenset({Kind.MODEL, Kind.ENDPOINT})
    STANDS_FOR_RECORDS = False

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column("name", "MODEL", 24, _name, grow=((0, 24), (3, 36)), path=True, sort=_by_name),
            Column("state", "STATE", 15, _state, drop=8, sort=lambda row: row.state.word),
            *(
                _number(*column)
                for column in (
                    ("ttft50", "TTFT p50", 8, 0, _quantile(_first_token, 0.5)),
                    ("ttft99", "p99", 6, 4, _quantile(_first_token, 0.99)),
                    ("resp50", "RESP p50", 8, 12, _quantile(_first_response, 0.5)),
                    ("resp99", "p99", 6, 13, _quantile(_first_response, 0.99)),
                    ("itl50", "ITL p50", 7, 3, _quantile(_between_tokens, 0.5)),
                    ("itl99", "p99", 6, 7, _quantile(_between_tokens, 0.99)),
                    ("requests", "REQ/S", 5, 2, _plain(lambda row: row.rates.request_rate, rate)),
                    ("errors", "ERR/S", 5, 2, _plain(lambda row: row.rates.error_rate, rate)),
                    ("tokens", "TOK/S", 5, 0, _plain(lambda row: row.rates.token_rate, rate)),
                    ("flight", "FLIGHT", 6, 1, _plain(lambda row: row.rates.in_flight, whole)),
                    ("queued", "QUEUE", 5, 6, _plain(lambda row: row.rates.queued, whole)),
                    ("kv", "KV", 4, 5, _plain(lambda row: row.rates.mean_kv_use, per_cent)),
                )
            ),
            Column("trend", "REQ/S, 5 MIN", BARS, _trend, drop=11, sort=_newest),
        ]
        self.line = _Line(id="metrics-line")
        super().__init__(dashboard, columns, order=SortOrder("name"), below=(self.line,))
        self._opened: set[Hashable] = set()

    def rebuild(self) -> None:
        dashboard = self.dashboard
        rows = Rows(self.states, dashboard.scope, self._opened, self._trend_of).made(
            dashboard.figures.overview(), self.sort_column.sort_value, reverse=self.order.reverse
        )
        self.show(ListedRows(rows))
        self.set_empty_text("")

    def amend(self, changes: Changes) -> None:
        """Wait for the next scrape, which is soon."""

    def count(self) -> None:
        """Return no number for the title: it is known only while the tab is open."""
        return

    def set_empty_text(self, text: str) -> None:
        self.table.empty_text = self._why_empty()
        self.line.set_text(self._remarks())

    def records_of(self, row: MetricsRow) -> Sequence[AnyRecord]:
        return self.states.registered(row.records)

    def detail_text(self) -> Detail | None:
        if self.row is None:
            return None
        return metrics_detail(
            self.row,
            self.dashboard.clock(),
            self.dashboard.settings.namespace,
            is_read=self.view.is_up_to_date,
            shown_at=self.dashboard.clock.shown_at,
            chart_key=self.dashboard.keys.shown("chart"),
        )

    def key_above(self, row: MetricsRow) -> Hashable:
        return row.key[:2]

    def set_open(self, row: MetricsRow, opened: bool) -> None:
        (self._opened.add if opened else self._opened.discard)(row.key)
        self.rebuild()

    def chart_subject(self) -> ChartSubject | None:
        row = self.row
        if row is None or row.series is None:
            return None
        model = f"{row.key[1]} at " if isinstance(row.of, AtFrontend) else ""
        return ChartSubject(row.series, f"{model}{row.name}")

    def _trend_of(self, key: SeriesKey) -> Trend:
        hour = self.dashboard.figures.hour
        series = hour.of(key)
        if series is None:
            return ()
        return tuple(series.steps(Measure.REQUESTS, hour.newest, STEP, BARS))

    def _remarks(self) -> str:
        """Return remarks on all figures; most often none."""
        if self.dashboard.is_past:
            return self.dashboard.figures.age()
        metering = self.dashboard.figures.metrics
        if metering.asking is None:
            return ""
        revealed = len(metering.revealing)
        remarks = [
            metering.trouble and f"the last scrapes failed: {metering.trouble}",
            failing_now(one for one in metering.latest.known.values() if one.answers),
            "" if self.view.is_up_to_date else "the store is not read now: figures only",
            f"{revealed:,} of {metering.revealed:,} servers that cards reveal are asked"
            * (revealed < metering.revealed),
        ]
        return "; ".join(filter(None, remarks))

    def _why_empty(self) -> str:
        view = self.view
        if why := self.dashboard.figures.why_none() or self._why_none_yet():
            return why
        if view.narrowed:
            well = "All served models are registered, and all processes answer"
            return filtered_text(view, self.dashboard.keys, well)
        return "No metrics in the selected scope"

    def _why_none_yet(self) -> str:
        metering = self.dashboard.figures.metrics
        if self.dashboard.is_past:
            return ""
        if metering.asking is None:
            return "Looking for processes that have metrics …"
        if not metering.asking:
            return NOBODY if metering.reveals else f"{NOBODY} {NOT_REVEALED}"
        if not any(one.answers or one.trouble for one in metering.latest.known.values()):
            return f"Asking {count(len(metering.asking), 'process')} for metrics …"
        return ""


class _Line(Static):
    """Remarks on all figures. Without any it takes no room."""

    DEFAULT_CSS = """
    _Line { height: auto; max-height: 2; padding: 0 1; color: $text-muted; display: none; }
    """

    _text = ""

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.update(Content(text))
            self.display = bool(text)


NOBODY = (
    "No process is known to have metrics. Name frontends and workers with "
    "--metrics http://host:port,… or start workers with DYN_SYSTEM_PORT and "
    "DYN_SELF_HOST_METADATA=1, so that their cards reveal their servers."
)
NOT_REVEALED = "Servers that cards reveal are not asked (--probe never)."


class _Figure(msgspec.Struct, frozen=True):
    """A number of a row, and how it is written."""

    of: Callable[[MetricsRow], float | None]
    text: Callable[[MetricsRow], str]


def _number(id: str, title: str, width: int, drop: int, figure: _Figure) -> Column[MetricsRow]:
    def cell(row: MetricsRow) -> Cell:
        text = figure.text(row)
        if id == "errors" and figure.of(row):
            return Cell(text, "bad")
        return Cell(text, "dim" if text == NOTHING or row.level else "")

    def sort(row: MetricsRow) -> float:
        number = figure.of(row)
        return -1.0 if number is None else number

    return Column(id, title, width, cell, right=True, drop=drop, sort=sort)


def _plain(
    of: Callable[[MetricsRow], float | None], write: Callable[[float | None], str]
) -> _Figure:
    return _Figure(of, lambda row: write(of(row)))


def _quantile(of: Callable[[MetricsRow], Histogram], part: float) -> _Figure:
    def value(row: MetricsRow) -> float | None:
        found = of(row).quantile(part)
        return None if found is None else found.value

    return _Figure(value, lambda row: latency(of(row).quantile(part)))


def _first_token(row: MetricsRow) -> Histogram:
    return row.rates.first_token


def _first_response(row: MetricsRow) -> Histogram:
    return row.rates.first_response


def _between_tokens(row: MetricsRow) -> Histogram:
    return row.rates.between_tokens


def _name(row: MetricsRow) -> Cell:
    mark = {True: "▾ ", False: "▸ ", None: "· "}[row.opened]
    # Also where there is no room for the state: the sign alone.
    marked = row.state.tone == "bad" or (
        row.state.tone == "warn" and isinstance(row.of, MeteredModel)
    )
    sign = f"{row.state.glyph} " if marked else ""
    tone = row.state.tone if sign else "dim" if row.level else ""
    return Cell(row.name, tone, "  " * row.level + mark + sign)


def _by_name(row: MetricsRow) -> str:
    return row.name.lower()


def _state(row: MetricsRow) -> Cell:
    return Cell(str(row.state) if row.state.word else "", row.state.tone)


def _trend(row: MetricsRow) -> Cell:
    return Cell(sparkline(row.trend, BARS), "accent")


def _newest(row: MetricsRow) -> float:
    newest = row.trend[-1] if row.trend else None
    return -1.0 if newest is None else newest
