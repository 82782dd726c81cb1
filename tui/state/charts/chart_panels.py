"""The panels of a row, and what is said above them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from backends.metrics.figure_series import LONGEST, FigurePoint, FigureSeries, Measure
from tui.state.charts.chart_subject import ChartSubject
from tui.text.charts.chart_panel import ChartCurve, ChartPanel, ChartWindow
from tui.text.format import duration
from tui.text.numbers import length, rate

SPANS = (LONGEST, 600.0)
"""Seconds that charts show: one after the other."""


class _Kind(msgspec.Struct, frozen=True):
    """A kind of panel."""

    title: str
    measures: tuple[tuple[Measure, str, str], ...]
    """Each with its label and its tone, the highest first."""
    written: Callable[[float], str]
    by_workers: bool
    """Whether workers report it."""
    by_frontends: bool
    """Whether frontends report it."""


def _latency(title: str, half: Measure, most: Measure, *, by_workers: bool) -> _Kind:
    measures = ((most, "p99", "accent"), (half, "p50", "good"))
    return _Kind(title, measures, length, by_workers, not by_workers)


def _rate(title: str, measure: Measure, *, by_workers: bool = False, tone: str = "accent") -> _Kind:
    return _Kind(title, ((measure, "", tone),), rate, by_workers, True)


KINDS = (
    _latency("TTFT", Measure.FIRST_TOKEN_50, Measure.FIRST_TOKEN_99, by_workers=False),
    _latency(
        "First response", Measure.FIRST_RESPONSE_50, Measure.FIRST_RESPONSE_99, by_workers=True
    ),
    _latency("ITL", Measure.BETWEEN_TOKENS_50, Measure.BETWEEN_TOKENS_99, by_workers=False),
    _rate("Requests/s", Measure.REQUESTS, by_workers=True),
    _rate("Tokens/s", Measure.TOKENS),
    _rate("Errors/s", Measure.ERRORS, tone="bad"),
)
"""In their order on screen."""


class Charts(msgspec.Struct, frozen=True):
    """All that is shown of a row."""

    panels: tuple[ChartPanel, ...]
    notes: tuple[str, ...]
    """What is missing, and why."""


def charts_of(
    subject: ChartSubject, series: FigureSeries, window: ChartWindow, *, always: bool = False
) -> Charts:
    """Return the panels of a row: those of which anything was measured. `always`: processes are
    asked also while nothing shows their figures."""
    known = series.known
    start = window.start
    errors = [one for one in series.points(Measure.ERRORS, start) if one.value]
    panels = [
        ChartPanel(
            kind.title,
            tuple(
                ChartCurve(label, tone, list(series.points(measure, start)))
                for measure, label, tone in kind.measures
            ),
            kind.written,
            errors,
        )
        for kind in KINDS
        if any(measure in known for measure, _, _ in kind.measures)
    ]
    return Charts(tuple(panels), tuple(_notes(subject, series, window, known, always)))


def _notes(
    subject: ChartSubject,
    series: FigureSeries,
    window: ChartWindow,
    known: frozenset[Measure],
    always: bool,
) -> Iterator[str]:
    points = list(series.points(Measure.REQUESTS, window.start))
    if unmeasured := unmeasured_in(points, window):
        why = "" if always else ": asked only while figures are shown"
        yield f"{duration(unmeasured)} not measured{why}"
    missing = [
        kind.title
        for kind in KINDS
        if (kind.by_workers if subject.is_worker else kind.by_frontends)
        and not any(measure in known for measure, _, _ in kind.measures)
    ]
    if missing:
        yield f"Unknown: {', '.join(missing)}"
    if subject.is_worker:
        yield "TTFT, ITL, tokens and errors are a model's: frontends measure them"


def unmeasured_in(points: Sequence[FigurePoint], window: ChartWindow) -> float:
    """Return how many seconds of a window no sample covers, as far as that can be seen in it.

    0: less than a fiftieth of it, as between two scrapes.
    """
    covered, until = 0.0, window.start
    for point in points:
        covered += max(0.0, point.at - max(point.since, until))
        until = max(until, point.at)
    missing = window.end - window.start - covered
    return missing if missing > (window.end - window.start) / 50 else 0.0
