"""Differences, sums and quantiles of histograms."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics.histogram import MOST_BOUNDS, NONE, Histogram, Quantile

BOUNDS = (0.0, 0.0022, 0.0047, 0.01, 0.1, 1.0, 480.0)

numbers = st.floats(0, 1000, allow_nan=False)
observations = st.lists(numbers, max_size=60)
bounds = st.sets(st.floats(0.001, 500), min_size=1, max_size=8).map(lambda some: sorted(some))
parts = st.floats(0.01, 0.99)


def observed(seen: list[float], upper: tuple[float, ...] | list[float] = BOUNDS) -> Histogram:
    every = (*upper, math.inf)
    return Histogram.cumulative({bound: sum(one <= bound for one in seen) for bound in every})


def near(number: float) -> Any:
    """Equal to all that is hardly different."""
    return pytest.approx(number)


def test_quantiles_are_those_of_prometheus() -> None:
    found = Histogram.cumulative({0.1: 10, 0.2: 30, 0.4: 40, math.inf: 40})
    # 10 of the 20 in the second bucket are below half of all; the 99th percentile is in the third.
    assert found.quantile(0.5) == Quantile(near(0.15), False)
    assert found.quantile(0.99) == Quantile(near(0.392), False)
    assert found.quantile(0.05) == Quantile(near(0.02), False)


def test_what_is_above_the_highest_bound_is_said_to_be_more_than_it() -> None:
    assert observed([1000.0]).quantile(0.5) == Quantile(480.0, True)
    assert Histogram.cumulative({math.inf: 3}).quantile(0.5) == Quantile(0.0, True)


def test_without_observations_there_is_no_quantile() -> None:
    assert NONE.quantile(0.5) is None
    assert observed([]).quantile(0.99) is None


def test_a_first_bucket_at_zero_is_zero() -> None:
    assert observed([0.0, 0.0]).quantile(0.5) == Quantile(0.0, False)


def test_a_process_that_began_anew_counts_from_zero() -> None:
    before, after = observed([0.005] * 5), observed([0.05] * 2)
    assert after.since(before) == after
    assert after.since(None) == after
    assert after.since(observed([0.05], [0.1])) == after


def test_counts_that_contradict_each_other_make_nothing_negative() -> None:
    found = Histogram.cumulative({0.1: 5, 0.2: 3, 0.4: 7})
    assert found.counts == (5, 0, 2, 0)


@given(observations, observations)
def test_the_difference_is_what_came_since(earlier: list[float], later: list[float]) -> None:
    now, then = observed(earlier + later), observed(earlier)
    assert now.since(then) == observed(later)


@given(st.lists(observations, max_size=5))
def test_merging_is_one_process_that_observed_it_all(processes: list[list[float]]) -> None:
    together = sum(map(observed, processes), NONE)
    everything = observed([one for some in processes for one in some])
    assert together == (everything if everything.total else NONE)


def test_adding_up_many_with_bounds_of_their_own_keeps_every_observation_and_few_bounds() -> None:
    apart = [observed([number], [number + 0.5]) for number in range(1, 2 * MOST_BOUNDS)]
    together = sum(apart, NONE)
    assert together.total == pytest.approx(len(apart))
    assert len(together.bounds) <= MOST_BOUNDS


@given(observations, bounds, observations, bounds, parts)
def test_merging_over_different_bounds_keeps_every_observation(
    mine: list[float], upper: list[float], theirs: list[float], other: list[float], part: float
) -> None:
    one, another = observed(mine, upper), observed(theirs, other)
    together = one + another
    assert together.total == pytest.approx(len(mine) + len(theirs))
    assert all(count >= 0 for count in together.counts)
    found = [each.quantile(part) for each in (one, another, together)]
    if all(found) and not any(each.over for each in found if each):
        low, high = sorted(each.value for each in found[:2] if each)
        merged_value = found[2].value if found[2] else -1.0
        assert low * (1 - 1e-6) - 1e-9 <= merged_value <= high * (1 + 1e-6) + 1e-9


@given(observations.filter(bool), parts)
def test_a_quantile_is_in_the_bucket_of_the_observation(seen: list[float], part: float) -> None:
    found = observed(seen).quantile(part)
    assert found is not None
    exact = sorted(seen)[max(0, math.ceil(part * len(seen) - 1e-9) - 1)]
    index = bisect_left(BOUNDS, exact)
    if index == len(BOUNDS):
        assert found == Quantile(BOUNDS[-1], True)
    else:
        assert (BOUNDS[index - 1] if index else 0.0) <= found.value <= BOUNDS[index]


@given(observations, observations, parts)
def test_nothing_is_ever_negative(before: list[float], after: list[float], part: float) -> None:
    difference = observed(after).since(observed(before))
    assert all(count >= 0 for count in difference.counts)
    quantile = difference.quantile(part)
    assert quantile is None or quantile.value >= 0
