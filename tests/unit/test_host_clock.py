"""A clock that is set makes nothing older, younger or negative."""

from __future__ import annotations

import time

import pytest

from backends.discovery import Added, Removed, Resynced
from backends.ids import Kind
from backends.liveness import Facts, Life, Verdict, explain, judge
from backends.store import TimeToLive
from tests import registered
from tests.registered import record
from tui.host_clock import LEAST, HostClock, steady
from tui.monitor import Monitor
from tui.words import duration, seen

HOUR = 3600.0
ONE = record(registered.instance(1))
OTHER = record(registered.instance(2))


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
def test_what_is_young_stays_young_and_the_rate_begins_anew(by: float) -> None:
    monitor = Monitor(0.0, has_leases=True)
    monitor.take([Resynced((), (), "")], 1000.0)
    monitor.take([Added(ONE)], 1000.0)
    monitor.set_filter("prod")
    now = 1005.0 + by
    monitor.clock_was_set(by)
    assert seen(monitor.cluster.first_seen(ONE.key), now) == "5s"
    assert monitor.rate(now) == 0.0
    monitor.take([Added(OTHER)], now)
    assert monitor.rate(now) == 0.1
    assert monitor.rate(now + 11) == 0.0
    assert monitor.store.heard_at == now


def test_before_there_is_anything_it_may_be_set_too() -> None:
    monitor = Monitor(0.0, has_leases=True)
    monitor.clock_was_set(HOUR)
    assert monitor.store.heard_at is None


@pytest.mark.parametrize("by", [HOUR, -HOUR])
def test_a_tombstone_does_not_stay_longer_for_it(by: float) -> None:
    monitor = Monitor(0.0, has_leases=True)
    monitor.take([Resynced((), (), "")], 1000.0)
    monitor.take([Added(ONE), Removed(ONE)], 1000.0)
    assert monitor.gone(frozenset({Kind.ENDPOINT})) == [ONE]
    monitor.prune(1001.0 + by)
    assert monitor.gone(frozenset({Kind.ENDPOINT})) == []


def test_no_age_is_negative() -> None:
    assert duration(-HOUR) == "0s"


def test_a_file_touched_by_a_clock_ahead_has_no_more_left_than_was_granted() -> None:
    life = Life(TimeToLive(remaining=10.0 + HOUR, granted=10.0), at=0.0)
    assert life.remaining(0.0) == 10.0
    assert life.remaining(-HOUR) == 10.0
    file = Facts(ONE, has_leases=False, stored_at=0.0, life=life)
    assert judge(file) is Verdict.LIVE
    assert explain(file)[0].text == "last touched by a clock that is 3600 s ahead of this one's"
