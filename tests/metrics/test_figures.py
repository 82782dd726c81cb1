"""How figures are written, in a few cells."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.histogram import Quantile
from tui.text.numbers import latency, length, per_cent, rate, whole
from tui.text.sparkline import BARS, sparkline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0ms"),
        (0.00042, "0.4ms"),
        (0.0099, "9.9ms"),
        (0.00996, "10ms"),
        (0.142, "142ms"),
        (0.9996, "1.00s"),
        (1.239, "1.24s"),
        (12.44, "12.4s"),
        (480, "480s"),
    ],
)
def test_latencies_have_their_units(seconds: float, text: str) -> None:
    assert length(seconds) == text


def test_more_than_the_highest_bound_is_marked() -> None:
    assert latency(Quantile(480, True)) == ">480s"
    assert latency(None) == "–"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.001, "<0.01"),
        (0.04, "0.04"),
        (0.996, "1.0"),
        (3.21, "3.2"),
        (184.4, "184"),
        (9999, "9,999"),
        (12_444, "12.4k"),
        (99_949, "99.9k"),
        (99_951, "100k"),
        (123_456, "123k"),
        (123_456_789, "123M"),
        (999_700, "1.0M"),
        (3_100_000, "3.1M"),
        (2e12, "2e+12"),
    ],
)
def test_rates_are_short(number: float | None, text: str) -> None:
    assert rate(number) == text


def test_nothing_known_is_no_zero() -> None:
    assert (whole(None), whole(0)) == ("–", "0")
    assert (per_cent(None), per_cent(0), per_cent(0.844)) == ("–", "0%", "84%")


@given(st.floats(0, 1e9))
def test_figures_fit_into_their_columns(number: float) -> None:
    assert len(rate(number)) <= 5
    assert len(whole(number)) <= 5
    assert len(length(min(number, 99_999))) <= 6


def test_bars_are_between_zero_and_the_highest() -> None:
    assert sparkline([0, 1, 4, 8], 4) == "▁▂▅█"
    assert sparkline([9, 9, 1, None, 1], 3) == "█ █"
    assert sparkline([0, 0], 5) == "▁▁"
    assert sparkline([], 5) == ""
    assert sparkline([1, 2], 0) == ""
    assert sparkline([math.nan, math.inf, -1, 1], 4) == "   █"


@given(st.lists(st.none() | st.floats(), max_size=20), st.integers(0, 12))
def test_whatever_the_numbers_there_is_a_bar_or_a_blank_for_each(
    numbers: list[float | None], cells: int
) -> None:
    bars = sparkline(numbers, cells)
    assert len(bars) == min(cells, len(numbers))
    assert set(bars) <= {*BARS, " "}
