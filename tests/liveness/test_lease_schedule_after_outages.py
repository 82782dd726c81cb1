"""The sweep after an outage: what came due meanwhile is asked about as fast as the cap allows."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest

from backends.liveness.judge import is_late
from backends.liveness.lease_schedule import MOMENT, LeaseSchedule
from backends.store import TimeToLive

STEP = 0.25
"""Seconds between two looks while the store does not answer."""
NOTICED = 3.5
"""Seconds after a renewal is due within which it is seen that it did not come, of which the margin
is one, and the rounding of etcd another."""


class World:
    """Leases whose workers renew at half, a store that may not answer, and a sweep."""

    def __init__(self, grants: Mapping[int, float], cap: float, seed: int = 0) -> None:
        chance = random.Random(seed)
        self.now = 0.0
        self.cap = cap
        self.grants = dict(grants)
        self.renewed = {one: -chance.uniform(0, ttl / 2) for one, ttl in grants.items()}
        self.dead: set[int] = set()
        self.sweep: LeaseSchedule[int] = LeaseSchedule(cap)
        self.asked: list[tuple[float, int]] = []
        self.answered: dict[int, float] = {}
        self.late_at: dict[int, float] = {}
        self.ages: list[float] = []
        for lease in grants:
            self.sweep.add(lease, 0.0)

    def run(self, seconds: float, *, visible: tuple[int, ...] = ()) -> None:
        """The store answers at once."""
        until = self.now + seconds
        while self.now < until:
            self._answer(self._ask(visible))
            self._go_on(min(self.sweep.pause(self.now), until - self.now))
            self.ages.append(self.sweep.age(self.now))

    def hang(self, seconds: float, *, visible: tuple[int, ...] = ()) -> None:
        """The next question is answered after so long; nothing is asked meanwhile."""
        asked = self._ask(visible)
        while not asked and seconds > STEP:
            self._go_on(STEP)
            seconds -= STEP
            asked = self._ask(visible)
        for _ in range(round(seconds / STEP)):
            self._go_on(STEP)
            self.ages.append(self.sweep.age(self.now))
        self._answer(asked)

    def fail(self, seconds: float, timeout: float) -> None:
        """Each question fails after `timeout`."""
        until = self.now + seconds
        while self.now < until:
            asked = self._ask()
            self._go_on(timeout if asked else STEP)
            self.sweep.failed(asked, self.now)
            self._go_on(STEP)

    def oldest(self) -> float:
        return self.now - min(self.answered.values())

    def most_in_a_second(self, since: float) -> int:
        """Asked within any second from a time on."""
        times = [at for at, _ in self.asked if at >= since]
        return max((sum(one <= at < one + 1 for at in times) for one in times), default=0)

    def _ask(self, visible: tuple[int, ...] = ()) -> list[int]:
        due = self.sweep.take_due(self.now, visible)
        assert len(set(due)) == len(due)
        self.asked += [(self.now, lease) for lease in due]
        return due

    def _answer(self, leases: list[int]) -> None:
        for lease in leases:
            granted = self.grants[lease]
            remaining = self.renewed[lease] + granted - self.now
            ttl = TimeToLive(granted, float(math.floor(remaining)))
            self.sweep.answered(lease, ttl, self.now)
            self.answered[lease] = self.now
            if is_late(ttl):
                self.late_at.setdefault(lease, self.now)

    def _go_on(self, seconds: float) -> None:
        self.now += seconds
        for lease, at in self.renewed.items():
            half = self.grants[lease] / 2
            if lease not in self.dead and self.now - at >= half:
                self.renewed[lease] = at + math.floor((self.now - at) / half) * half


def test_ten_leases_are_no_older_after_one_question_that_took_three_seconds_than_before() -> None:
    for seed in range(20):
        world = World(dict.fromkeys(range(10), 30.0), 50.0, seed)
        world.run(60.0)
        world.hang(3.0)
        world.run(0.5)
        for _ in range(80):
            world.run(STEP)
            assert world.oldest() <= 18.0


@pytest.mark.parametrize("hang", [1.0, 3.0, 7.0, 20.0, 60.0])
@pytest.mark.parametrize(("number", "granted"), [(60, 30.0), (200, 10.0), (400, 60.0), (30, 600.0)])
def test_all_that_came_due_in_a_hang_is_asked_within_seconds(
    hang: float, number: int, granted: float
) -> None:
    world = World(dict.fromkeys(range(number), granted), 50.0)
    world.run(2 * granted)
    world.hang(hang)
    back = world.now
    overdue = [one for one, at in world.answered.items() if back - at > granted / 2 + NOTICED]
    # What came due meanwhile, at most all, beside what comes due from then on.
    spare = world.cap - number / (granted / 2)
    world.run(min(number, hang * number / (granted / 2)) / spare + 1.0)
    assert all(world.answered[one] >= back for one in overdue)
    world.run(granted)
    assert world.oldest() <= granted / 2 + NOTICED
    assert world.most_in_a_second(back) <= 2 * world.cap


@pytest.mark.parametrize("granted", [10.0, 30.0, 600.0, 3600.0])
def test_a_renewal_that_was_missed_in_a_hang_is_seen_within_two_seconds_after_it(
    granted: float,
) -> None:
    for due_in in (0.3, 1.2, 2.9):
        world = World(dict.fromkeys(range(60), granted), 50.0)
        # Known just before, and due in the hang.
        world.run(20.0)
        world.renewed[7] = world.now - granted / 2 + due_in
        world.sweep.discard(7)
        world.sweep.add(7, world.now)
        world.run(0.25)
        world.dead = {7}
        world.hang(3.0)
        back = world.now
        world.run(5.0)
        assert world.late_at.keys() == {7}
        assert world.late_at[7] <= max(back, world.renewed[7] + granted / 2 + 1.0) + 2.0


def test_the_header_has_nothing_to_say_after_a_hang_nor_in_a_short_one() -> None:
    for number, granted in ((60, 30.0), (300, 30.0), (20, 600.0), (100, 10.0)):
        world = World(dict.fromkeys(range(number), granted), 50.0)
        world.run(3 * granted)
        world.ages.clear()
        world.hang(3.0)
        world.run(granted)
        assert not any(world.ages)
        world.hang(40.0)
        world.ages.clear()
        world.run(granted)
        assert not any(world.ages)


def test_a_store_that_does_not_answer_for_long_makes_old_answers_that_are_told() -> None:
    world = World(dict.fromkeys(range(60), 30.0), 50.0)
    world.run(60.0)
    world.fail(40.0, timeout=5.0)
    assert world.sweep.age(world.now) >= 30.0
    world.run(2.5)
    assert world.sweep.age(world.now) == 0.0
    assert world.oldest() <= 18.0


@pytest.mark.parametrize("timeout", [0.0, 2.0, 5.0])
def test_what_failed_is_asked_again_within_seconds_after_the_store_is_back(timeout: float) -> None:
    world = World(dict.fromkeys(range(300), 30.0), 50.0)
    world.run(60.0)
    world.fail(20.0, timeout=timeout)
    back = world.now
    world.run(300 / (50.0 - 20.0) + 2.5)
    assert min(world.answered.values()) >= back - 1.0
    assert world.most_in_a_second(back) <= 2 * world.cap


def test_where_each_has_its_own_time_to_live_none_is_left_behind() -> None:
    chance = random.Random(1)
    grants = {one: float(chance.choice([10, 12, 30, 45, 60, 600, 3600])) for one in range(150)}
    world = World(grants, 50.0)
    world.run(120.0)
    for hang in (2.0, 5.0, 30.0):
        world.hang(hang)
        world.run(8.0)
        for lease, granted in grants.items():
            assert world.now - world.answered[lease] <= granted / 2 + NOTICED
        assert world.sweep.age(world.now) == 0.0


def test_an_old_answer_is_told_of_also_where_another_lease_is_rarely_renewed() -> None:
    world = World({1: 3600.0, **dict.fromkeys(range(2, 400), 10.0)}, 10.0)
    world.run(120.0)
    assert 20.0 < world.sweep.age(world.now) < 100.0


def test_beyond_the_cap_a_hang_takes_nobody_s_turn() -> None:
    world = World(dict.fromkeys(range(600), 30.0), 10.0)
    world.run(200.0)
    world.hang(20.0)
    back = world.now
    world.run(200.0)
    for lease in range(600):
        assert sum(at >= back and one == lease for at, one in world.asked) >= 1
    # One second's questions may have been saved up.
    assert world.most_in_a_second(back) <= 2 * world.cap
    assert sum(at >= back for at, _ in world.asked) <= world.cap * (world.now - back + 1)


def test_many_that_are_late_at_once_keep_neither_each_other_nor_the_rest_from_their_turn() -> None:
    world = World(dict.fromkeys(range(400), 30.0), 20.0)
    world.run(90.0)
    world.dead = set(range(200))
    since = world.now
    world.run(90.0)
    asked = {lease for at, lease in world.asked if at > since + 20.0}
    assert asked == set(range(400))


def test_with_one_question_in_two_seconds_what_is_off_screen_has_its_turn() -> None:
    world = World(dict.fromkeys(range(40), 30.0), 0.5)
    world.run(160.0, visible=tuple(range(20)))
    assert len({lease for _, lease in world.asked if lease >= 20}) >= 15
    assert len(world.asked) <= 1 + 0.5 * 160


def test_a_dashboard_that_was_stopped_asks_afterwards_what_came_due_meanwhile() -> None:
    world = World(dict.fromkeys(range(500), 30.0), 50.0)
    world.run(60.0)
    # Nothing is asked, nothing fails, and the clock went on.
    world._go_on(600.0)
    back = world.now
    world.run(500 / 50.0 + MOMENT)
    assert min(world.answered.values()) >= back
    world.run(2.0)
    assert world.sweep.age(world.now) == 0.0
