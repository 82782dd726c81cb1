"""The figures of the last hour: what is kept, where the holes are, and how much it takes."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.figure_series import LONGEST, MOST_SAMPLES, SPARE, FigureSeries, Measure
from backends.metrics.histogram import Histogram
from backends.metrics.rates import Rates

START = 1_764_594_000.0


def rates(requests: float | None = 1.0, seconds: float | None = 5.0, **others: float) -> Rates:
    return Rates(requests, seconds=seconds, error_rate=others.get("errors"))


def values(series: FigureSeries, measure: Measure = Measure.REQUESTS) -> list[float | None]:
    return [point.value for point in series.points(measure)]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 900),
            st.none() | st.floats(0, 2**63),
            st.none() | st.floats(0, 100),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_it_keeps_no_more_than_an_hour_and_each_sample_as_it_was(
    steps: list[tuple[float, float | None, float | None, bool]],
) -> None:
    series, at = FigureSeries(), START
    added: list[tuple[float, float | None]] = []
    for later, requests, seconds, restarted in steps:
        at += later
        before = added[-1][0] if added else -math.inf
        if restarted:
            series.add_unknown(at)
        else:
            series.add(rates(requests, seconds), at)
        if at > before and (restarted or seconds is not None):
            added.append((at, None if restarted else requests))
    points = list(series.points(Measure.REQUESTS))
    assert [point.at for point in points] == sorted({point.at for point in points})
    assert len(points) <= min(len(added), MOST_SAMPLES)
    kept = added[len(added) - len(points) :]
    assert [point.at for point in points] == [one for one, _ in kept]
    for point, (_, requests) in zip(points, kept, strict=True):
        assert point.value == (None if requests is None else pytest.approx(requests, rel=1e-6))
        assert point.since <= point.at
    old = [point for point in points if points and point.at < points[-1].at - LONGEST]
    assert len(old) < SPARE
    # What is old enough is gone, and what is within the hour is not.
    assert len(added) - len(points) == 0 or added[len(added) - len(points) - 1][0] < (
        points[-1].at - LONGEST
    )


def test_there_are_never_more_samples_than_allowed_however_often_it_is_asked() -> None:
    series = FigureSeries()
    for number in range(MOST_SAMPLES + 500):
        series.add(rates(), START + number / 10)
    assert len(series.at) == len(values(series)) == MOST_SAMPLES


def test_a_sample_follows_another_unless_there_is_unmeasured_time_between_them() -> None:
    series = FigureSeries()
    series.add(rates(seconds=None), START)
    for at, joined in ((5.0, True), (10.0, True), (60.0, True), (65.0, True), (70.0, False)):
        series.add(rates(), START + at, joined=joined)
    series.add_unknown(START + 75)
    series.add(rates(), START + 80)
    points = list(series.points(Measure.REQUESTS))
    assert [point.at - START for point in points] == [5, 10, 60, 65, 70, 75, 80]
    follows = [after.follows(before) for before, after in pairwise(points)]
    # 10 to 55 was not measured, 70 is of other processes, and before 75 a counter fell.
    assert follows == [True, False, True, False, False, True]
    assert points[5].value is None


def test_the_same_scrape_counts_once_and_a_clock_set_back_begins_anew() -> None:
    series = FigureSeries()
    for at in (5.0, 5.0, 10.0):
        series.add(rates(at), START + at)
    assert values(series) == [5, 10]
    series.add(rates(1.0), START - 7200)
    assert values(series) == [1]


def test_what_was_never_known_is_unknown_and_never_nought() -> None:
    series = FigureSeries()
    series.add(rates(2.0), START)
    assert series.known == {Measure.REQUESTS}
    assert values(series, Measure.ERRORS) == [None]
    series.add(rates(2.0, errors=0.0), START + 5)
    assert values(series, Measure.ERRORS) == [None, 0]
    series.add(rates(None), START + 10)
    assert values(series) == [2, 2, None]


def test_a_latency_above_the_highest_bound_is_kept_as_such() -> None:
    series = FigureSeries()
    slow = Histogram.cumulative({0.5: 0.0, 1.0: 90.0, math.inf: 100.0})
    series.add(Rates(first_token=slow, seconds=5.0), START)
    half, most = (
        next(series.points(measure)) for measure in (Measure.FIRST_TOKEN_50, Measure.FIRST_TOKEN_99)
    )
    assert half.value == pytest.approx(0.5 + 0.5 * 50 / 90)
    assert not half.over
    assert (most.value, most.over) == (1.0, True)
    # Without any finite bound, too.
    series.add(Rates(first_token=Histogram.cumulative({math.inf: 3.0}), seconds=5.0), START + 5)
    assert list(series.points(Measure.FIRST_TOKEN_50))[-1][2:] == (0.0, True)


def test_steps_are_means_and_keep_their_samples_as_time_goes_on() -> None:
    series = FigureSeries()
    start = START - START % 30
    for at, value in ((1.0, 2.0), (6.0, 4.0), (31.0, 9.0), (95.0, 1.0)):
        series.add(rates(value), start + at)
    assert series.steps(Measure.REQUESTS, start + 95, 30, 4) == [3, 9, None, 1]
    assert series.steps(Measure.REQUESTS, start + 119, 30, 4) == [3, 9, None, 1]
    assert series.steps(Measure.REQUESTS, start + 121, 30, 4) == [9, None, 1, None]
