"""The sweep: a missed keep-alive is seen within two seconds, at a bounded cost to the store."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from backends.liveness.judge import is_late
from backends.liveness.lease_schedule import FEW, MOST_STALE, LeaseSchedule
from backends.store import TimeToLive


class Leases:
    """An etcd's leases, whose workers renew at half; time goes on only when told to."""

    def __init__(self, number: int, granted: float, seed: int = 0) -> None:
        chance = random.Random(seed)
        self.now = 0.0
        self.granted = granted
        self.renewed = {lease: -chance.uniform(0, granted / 2) for lease in range(number)}
        self.dead: set[int] = set()

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        for lease, at in self.renewed.items():
            while lease not in self.dead and self.now - at >= self.granted / 2:
                at += self.granted / 2
            self.renewed[lease] = at

    def ttl(self, lease: int) -> TimeToLive:
        remaining = self.renewed[lease] + self.granted - self.now
        return TimeToLive(self.granted, float(math.floor(remaining)))


class Sweeping:
    """Asks a sweep's questions, and remembers what came of them."""

    def __init__(self, leases: Leases, cap: float) -> None:
        self.leases = leases
        self.sweep: LeaseSchedule[int] = LeaseSchedule(cap)
        self.asked: list[tuple[float, int]] = []
        self.bursts = 0
        self.late_at: dict[int, float] = {}
        for lease in leases.renewed:
            self.sweep.add(lease, 0.0)

    def run(self, seconds: float, visible: tuple[int, ...] = ()) -> None:
        until = self.leases.now + seconds
        while self.leases.now < until:
            now = self.leases.now
            self.bursts += 1
            for lease in self.sweep.take_due(now, visible):
                ttl = self.leases.ttl(lease)
                self.asked.append((now, lease))
                self.sweep.answered(lease, ttl, now)
                if is_late(ttl):
                    self.late_at.setdefault(lease, now)
            self.leases.go_on(min(self.sweep.pause(now), until - now))


@pytest.mark.parametrize(
    ("granted", "number", "on_screen"), [(30.0, 750, 0), (30.0, 700, 40), (10.0, 250, 0)]
)
def test_with_as_many_leases_as_the_cap_allows_late_is_known_within_two_seconds(
    granted: float, number: int, on_screen: int
) -> None:
    leases = Leases(number, granted)
    sweeping = Sweeping(leases, cap=50.0)
    visible = tuple(range(on_screen))
    sweeping.run(2 * granted, visible)
    assert not sweeping.late_at
    leases.dead = {3, 77, 200}
    sweeping.run(granted, visible)
    due = {lease: leases.renewed[lease] + granted / 2 for lease in leases.dead}
    assert sweeping.late_at.keys() == leases.dead
    for lease, at in sweeping.late_at.items():
        # And not before it was missed by the margin.
        assert 1.0 <= at - due[lease] <= 2.0


def test_a_calm_lease_is_asked_about_once_for_each_renewal_on_screen_or_not() -> None:
    sweeping = Sweeping(Leases(100, 30.0), cap=50.0)
    sweeping.run(300.0, visible=tuple(range(40)))
    per_lease = len(sweeping.asked) / 100
    assert per_lease == pytest.approx(300 / 15, rel=0.15)


@pytest.mark.parametrize("number", [10, 50])
def test_what_comes_due_within_half_a_second_is_asked_about_in_one_burst(number: int) -> None:
    sweeping = Sweeping(Leases(number, 30.0), cap=50.0)
    sweeping.run(60.0)
    sweeping.bursts = 0
    sweeping.run(300.0)
    # No pause is longer: a lease may be new.
    assert 300 / 1.5 <= sweeping.bursts <= 1.25 * 300


def test_never_more_questions_than_the_cap_in_any_second() -> None:
    sweeping = Sweeping(Leases(5000, 30.0), cap=50.0)
    sweeping.run(60.0, visible=tuple(range(40)))
    for start in range(60):
        asked = sum(start <= at < start + 1 for at, _ in sweeping.asked)
        # What was saved up while there was nothing to ask is one second's at most.
        assert asked <= (100 if start == 0 else 50)


def test_beyond_the_cap_it_says_how_old_its_oldest_answer_is() -> None:
    sweeping = Sweeping(Leases(2000, 30.0), cap=50.0)
    sweeping.run(30.0)
    assert sweeping.sweep.age(sweeping.leases.now) == 30.0
    sweeping.run(200.0)
    assert 40 <= sweeping.sweep.age(sweeping.leases.now) <= 60
    calm = Sweeping(Leases(100, 30.0), cap=50.0)
    calm.run(60.0)
    assert calm.sweep.age(calm.leases.now) == 0.0


def test_beyond_the_cap_nobody_is_forgotten() -> None:
    sweeping = Sweeping(Leases(2000, 30.0), cap=50.0)
    sweeping.run(300.0)
    for lease in range(2000):
        assert sum(asked == lease for _, asked in sweeping.asked) >= 4


def test_what_is_on_screen_is_asked_about_first_and_at_each_renewal_also_beyond_the_cap() -> None:
    sweeping = Sweeping(Leases(5000, 30.0), cap=50.0)
    visible = (4990, 4991, 4992)
    sweeping.run(1.0, visible)
    assert {lease for at, lease in sweeping.asked if at == 0.0} >= set(visible)
    sweeping.run(59.0, visible)
    for lease in visible:
        times = [at for at, asked in sweeping.asked if asked == lease]
        # Fifteen seconds, one by which etcd rounds, and up to one to the next burst.
        assert max(later - at for at, later in pairwise(times)) <= 17.1
        assert len(times) >= 3


def test_a_screen_full_of_rows_does_not_keep_the_others_from_their_turn() -> None:
    sweeping = Sweeping(Leases(600, 30.0), cap=50.0)
    sweeping.run(180.0, visible=tuple(range(300)))
    asked = {lease for _, lease in sweeping.asked}
    assert len(asked) == 600
    for lease in range(600):
        times = [at for at, one in sweeping.asked if one == lease]
        assert len(times) >= 3


def test_a_lease_that_recovers_is_seen_to_within_two_seconds() -> None:
    leases = Leases(10, 30.0)
    sweeping = Sweeping(leases, cap=50.0)
    leases.dead = {4}
    while 4 not in sweeping.late_at:
        sweeping.run(0.25)
    leases.dead = set()
    leases.renewed[4] = recovered = leases.now
    sweeping.run(5.0)
    assert any(lease == 4 and recovered <= at <= recovered + 2.25 for at, lease in sweeping.asked)


def test_what_is_discarded_is_not_asked_about_and_what_comes_back_is() -> None:
    sweep: LeaseSchedule[int] = LeaseSchedule(50.0)
    sweep.add(1, 0.0)
    sweep.discard(1)
    assert sweep.take_due(1.0) == []
    sweep.add(1, 2.0)
    assert sweep.take_due(2.0) == [1]
    # It was not answered yet.
    assert sweep.take_due(9.0, visible=[1]) == []
    sweep.failed([1], 9.0)
    assert sweep.take_due(10.0) == []
    assert sweep.take_due(11.5) == [1]


def test_what_comes_and_goes_faster_than_the_cap_leaves_nothing_behind() -> None:
    sweep: LeaseSchedule[int] = LeaseSchedule(1.0)
    for lease in range(50_000):
        sweep.add(lease, 0.0)
        sweep.discard(lease - 10)
    assert len(sweep.leases()) == 10
    assert len(sweep._heap) <= 10 * MOST_STALE + FEW
    # What is there is asked about still.
    asked = [lease for second in range(10) for lease in sweep.take_due(float(second))]
    assert sorted(asked) == list(range(50_000 - 10, 50_000))


def test_an_answer_about_what_is_gone_meanwhile_is_ignored() -> None:
    sweep: LeaseSchedule[int] = LeaseSchedule(50.0)
    sweep.add(1, 0.0)
    assert sweep.take_due(0.0) == [1]
    sweep.discard(1)
    sweep.answered(1, TimeToLive(30.0, 20.0), 0.0)
    assert sweep.take_due(100.0) == []
    assert sweep.age(100.0) == 0.0


def test_a_lease_on_screen_that_is_renewed_rarely_is_not_asked_about_every_few_seconds() -> None:
    sweeping = Sweeping(Leases(20, 3600.0), cap=50.0)
    sweeping.run(300.0, visible=tuple(range(20)))
    assert max(sum(asked == lease for _, asked in sweeping.asked) for lease in range(20)) <= 2


def test_a_low_cap_is_kept_for_what_is_on_screen_too() -> None:
    sweeping = Sweeping(Leases(40, 30.0), cap=0.5)
    sweeping.run(60.0, visible=tuple(range(40)))
    assert len(sweeping.asked) <= 1 + 0.5 * 60
