"""A clock that is set makes nothing older, younger or negative."""

from __future__ import annotations

import time

import pytest

from backends.aio.steady import steady
from backends.liveness.explain import assess
from backends.liveness.judge import JudgeInput, LeaseTtl, Verdict, judge
from backends.store import Lifetime, TimeToLive
from tests.support import registered
from tests.support.registered import record
from tui.text.format import duration
from tui.text.host_clock import LEAST, MOST_JUMPS, HostClock

HOUR = 3600.0
ONE = record(registered.instance(1))


class Clocks:
    """One that is set, and one that is not."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ahead = 0.0

    def host(self) -> float:
        return self.now + self.ahead


@pytest.mark.parametrize("by", [HOUR, -HOUR, LEAST + 1])
def test_that_it_was_set_is_told_once(by: float) -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    clocks.now += HOUR
    assert clock.was_set_by() == 0.0
    clocks.ahead += by
    assert clock.was_set_by() == pytest.approx(by)
    assert clock.was_set_by() == 0.0


def test_a_little_is_no_jump() -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    clocks.ahead += LEAST / 2
    assert clock.was_set_by() == 0.0


def test_the_steady_clock_goes_forward() -> None:
    assert steady() <= steady()
    assert abs(HostClock(time.time, steady).was_set_by()) < LEAST


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_the_even_time_goes_on_as_it_did(by: float) -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    assert clock() == 1000.0
    clocks.now += 5
    clocks.ahead += by
    assert clock() == 1005.0
    assert clock.was_set_by() == pytest.approx(by)
    assert clock() == 1005.0


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_times_of_day_are_as_the_host_s_clock_showed_them_then(by: float) -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    clocks.now = 1010.0
    clocks.ahead = by
    clock.was_set_by()
    assert clock.shown_at(1005.0) == 1005.0
    assert clock.shown_at(1015.0) == 1015.0 + by
    clocks.now = 1020.0
    clocks.ahead = 0.0
    clock.was_set_by()
    assert [clock.shown_at(at) for at in (900.0, 1015.0, 1025.0)] == [900.0, 1015.0 + by, 1025.0]


def test_when_the_host_s_clock_showed_a_time_is_known() -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    clocks.now = 1010.0
    clocks.ahead = HOUR
    clock.was_set_by()
    clocks.now = 1016.0
    assert clock.when_shown(500.0) == 500.0
    assert clock.when_shown(1005.0) == 1005.0
    assert clock.when_shown(1015.0 + HOUR) == 1015.0
    # It was set past that.
    assert clock.when_shown(2000.0) == 1010.0
    clocks.now = 1020.0
    clocks.ahead = -5.0
    clock.was_set_by()
    # Not yet again.
    assert clock.when_shown(1008.0) == 1008.0
    clocks.now = 1030.0
    # It showed this twice, and the last time counts.
    assert clock.when_shown(1016.0) == 1021.0
    assert clock.when_shown(1e9) == 1030.0


def test_jumps_without_end_are_not_kept_for_ever() -> None:
    clocks = Clocks()
    clock = HostClock(clocks.host, lambda: clocks.now)
    for number in range(3 * MOST_JUMPS):
        clocks.now += 1
        clocks.ahead = HOUR * (number % 2)
        clock.was_set_by()
    assert len(clock._jumps) <= MOST_JUMPS + 1
    assert clock.shown_at(clocks.now) == clocks.host()


def test_no_age_is_negative() -> None:
    assert duration(-HOUR) == "0s"


def test_a_file_touched_by_a_clock_ahead_has_no_more_left_than_was_granted() -> None:
    life = LeaseTtl(TimeToLive(remaining=10.0 + HOUR, granted=10.0), at=0.0)
    assert life.remaining(0.0) == 10.0
    assert life.remaining(-HOUR) == 10.0
    file = JudgeInput(ONE, lifetime=Lifetime.TOUCHED, stored_at=0.0, lease_ttl=life)
    assert judge(file) is Verdict.LIVE
    (first, *_) = assess(file).evidence
    assert first.text == "last touched by a clock that is 3600 s ahead of this one's"
