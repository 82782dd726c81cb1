"""Which panels a row has, and what is said of what is missing."""

from __future__ import annotations

import math

import pytest

from backends.metrics.figure_series import FigureSeries
from backends.metrics.histogram import Histogram
from backends.metrics.rates import Rates
from tui.state.charts.chart_panels import Charts, charts_of
from tui.state.charts.chart_subject import of_model, of_worker
from tui.text.charts.chart_panel import ChartWindow

END = 1_764_594_000.0
HALF_A_SECOND = Histogram.cumulative({0.5: 10.0, math.inf: 10.0})
BY_FRONTENDS = Rates(
    2.0, 20.0, HALF_A_SECOND, between_tokens=HALF_A_SECOND, error_rate=0.0, seconds=5.0
)
BY_WORKERS = Rates(2.0, first_response=HALF_A_SECOND, seconds=5.0)


def of_an_hour(rates: Rates, *, asked: float = 3600.0) -> FigureSeries:
    """Return a series that was asked at 5 s for so many seconds, up to the end."""
    found = FigureSeries()
    for number in range(int(asked / 5)):
        found.add(rates, END - asked + 5 * (number + 1))
    return found


def shown(series: FigureSeries, *, worker: bool = False, span: float = 3600.0) -> Charts:
    subject = of_worker(1) if worker else of_model("acme/tiny")
    return charts_of(subject, series, ChartWindow(END - span, END, lambda at: at))


def test_a_model_has_what_frontends_report() -> None:
    charts = shown(of_an_hour(BY_FRONTENDS))
    titles = [panel.title for panel in charts.panels]
    assert titles == ["TTFT", "ITL", "Requests/s", "Tokens/s", "Errors/s"]
    assert charts.notes == ()


def test_a_worker_has_what_workers_report_and_no_errors_that_nobody_counted() -> None:
    charts = shown(of_an_hour(BY_WORKERS), worker=True)
    assert [panel.title for panel in charts.panels] == ["First response", "Requests/s"]
    assert charts.notes == ("TTFT, ITL, tokens and errors are a model's: frontends measure them",)


def test_of_a_model_without_frontends_it_is_said_what_is_unknown() -> None:
    charts = shown(of_an_hour(BY_WORKERS))
    assert [panel.title for panel in charts.panels] == ["First response", "Requests/s"]
    assert charts.notes == ("Unknown: TTFT, ITL, Tokens/s, Errors/s",)


def test_errors_are_marked_in_every_panel() -> None:
    series = of_an_hour(BY_FRONTENDS, asked=600)
    series.add(Rates(2.0, 20.0, HALF_A_SECOND, error_rate=1.5, seconds=5.0), END + 5)
    charts = shown(series)
    assert {tuple(point.value for point in panel.errors) for panel in charts.panels} == {(1.5,)}


@pytest.mark.parametrize(
    ("asked", "span", "unmeasured"),
    [(3600, 3600, ""), (1800, 3600, "30m"), (1800, 600, ""), (60, 600, "9m"), (3560, 3600, "")],
)
def test_it_is_said_how_much_of_the_time_is_not_measured(
    asked: float, span: float, unmeasured: str
) -> None:
    charts = shown(of_an_hour(BY_FRONTENDS, asked=asked), span=span)
    said = (f"{unmeasured} not measured: ",) if unmeasured else ()
    assert tuple(note.partition("asked")[0] for note in charts.notes) == said


def test_where_processes_are_always_asked_no_closed_tab_is_the_reason() -> None:
    window = ChartWindow(END - 3600, END, lambda at: at)
    series = of_an_hour(BY_FRONTENDS, asked=1800)
    assert charts_of(of_model("a"), series, window, always=True).notes == ("30m not measured",)


def test_of_a_worker_that_is_not_asked_no_figures_are_promised() -> None:
    assert "charts begin" in of_model("acme/tiny").why_no_figures
    of_it = of_worker(0xA7).why_no_figures
    assert "charts begin" not in of_it
    assert "--metrics" in of_it
