"""What a new leader gave a lease is not taken for a renewal by its worker."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from backends.discovery.lease_ttl import LeaseStanding
from backends.etcd.raft_terms import Terms
from backends.liveness.evidence_kinds import LeaseLate, LeaseLeft, LeaseUnproved, Values
from backends.liveness.explain import assess
from backends.liveness.judge import JudgeInput, LeaseTtl, Verdict, judge
from backends.liveness.lease_schedule import LeaseSchedule
from backends.store import Lifetime, TimeToLive
from tests.support import registered
from tests.support.registered import record

INSTANCE = record(registered.instance(0x1A), lease=0x1A)
SEED = range(40)


class Lessor:
    """An etcd's leases over its terms, by etcd's own rules."""

    def __init__(self, granted: float, extension: float = 1.0) -> None:
        self.now = 100.0
        self.term = 2
        self.granted = granted
        self._extension = extension
        self.ends: dict[int, float] = {}

    def renew(self, lease: int) -> None:
        self.ends[lease] = self.now + self.granted

    def promote(self) -> None:
        """A new leader: each lease has its full time again, and more."""
        self.term += 1
        for lease in self.ends:
            self.ends[lease] = self.now + self.granted + self._extension

    def ask(self, terms: Terms, lease: int) -> TimeToLive:
        terms.observe(self.term, self.now)
        # Some of it has always passed by now.
        remaining = float(math.ceil(self.ends[lease] - self.now) - 1)
        return terms.time_to_live(self.granted, remaining, self.now)


@pytest.mark.parametrize("extension", [0.2, 1.0])
@pytest.mark.parametrize("granted", [10.0, 30.0, 600.0])
def test_a_lease_that_nobody_renewed_is_never_taken_for_renewed_in_a_new_term(
    granted: float, extension: float
) -> None:
    for seed in SEED:
        chance = random.Random(seed)
        lessor, terms = Lessor(granted, extension), Terms()
        lessor.renew(1)
        lessor.now += chance.uniform(0, granted)
        assert lessor.ask(terms, 1).reset_ago is None
        lessor.now += chance.uniform(0, 60)
        lessor.promote()
        while True:
            lessor.now += chance.uniform(0, granted / 5)
            if lessor.now >= lessor.ends[1]:
                break
            assert lessor.ask(terms, 1).reset_ago is not None


@pytest.mark.parametrize("extension", [0.2, 1.0, 5.0])
def test_a_renewal_in_the_new_term_is_seen_by_the_second_one_at_the_latest(
    extension: float,
) -> None:
    for seed in SEED:
        chance = random.Random(seed)
        lessor, terms = Lessor(30.0, extension), Terms()
        lessor.renew(1)
        lessor.ask(terms, 1)
        lessor.promote()
        lessor.now += chance.uniform(0, 2)
        lessor.ask(terms, 1)
        for _ in range(2):
            lessor.now += 15.0
            lessor.renew(1)
        lessor.now += chance.uniform(0, 2)
        assert lessor.ask(terms, 1).reset_ago is None


def test_a_longer_election_timeout_is_learnt_from_a_lease_with_more_than_its_full_time() -> None:
    lessor, terms = Lessor(30.0, 5.0), Terms()
    lessor.renew(1)
    lessor.renew(2)
    lessor.ask(terms, 1)
    lessor.promote()
    assert lessor.ask(terms, 2).remaining == 34.0
    while lessor.now + 0.7 < lessor.ends[1]:
        lessor.now += 0.7
        assert lessor.ask(terms, 1).reset_ago is not None


def test_by_the_first_term_that_is_heard_of_nothing_is_told() -> None:
    lessor, terms = Lessor(30.0), Terms()
    lessor.renew(1)
    lessor.promote()
    assert lessor.ask(terms, 1).reset_ago is None
    terms.observe(0, lessor.now)
    assert lessor.ask(terms, 1).reset_ago is None


def test_a_term_that_is_lower_is_a_new_one_too() -> None:
    """That of a member that was cut off, or of a cluster that lost its data."""
    lessor, terms = Lessor(30.0), Terms()
    lessor.renew(1)
    lessor.ask(terms, 1)
    lessor.term = 1
    assert lessor.ask(terms, 1).reset_ago == 0.0


# --- what follows for its worker ----------------------------------------------------------------


def judged(*told: tuple[float, float, float | None]) -> LeaseTtl:
    """Of a lease of 30 s: pairs of when, what remained, and since when the term is known."""
    life = None
    for at, remaining, reset_ago in told:
        life = LeaseTtl(TimeToLive(30.0, remaining, reset_ago), at).after(life)
    assert life is not None
    return life


def verdict(life: LeaseTtl | None) -> Verdict:
    return judge(JudgeInput(INSTANCE, Lifetime.LEASED, 1000.0, lease_ttl=life, worker=0x1A))


@pytest.mark.parametrize(
    ("told", "wanted", "shows"),
    [
        # Renewed 10 s ago, the next is due in 5: the new leader changes nothing of that.
        (((100, 20, None), (102, 30, 1)), Verdict.LIVE, LeaseLeft(30, 30, 1)),
        # It was due 3 s ago, and etcd was there.
        (((100, 16, None), (104, 27, 4)), Verdict.LATE, LeaseLate(27, 30, 4)),
        # It was due while etcd was away: nobody could renew.
        (((100, 16, None), (120, 29, 2)), Verdict.UNKNOWN, LeaseUnproved(29, 30, 2)),
        (
            ((100, 16, None), (120, 29, 2), (130, 19, 12)),
            Verdict.UNKNOWN,
            LeaseUnproved(19, 30, 12),
        ),
        # What was late stays late.
        (((100, 5, None), (102, 30, 1)), Verdict.LATE, LeaseLate(30, 30, 1)),
        (((100, 5, None), (102, 30, 1), (110, 22, 9)), Verdict.LATE, LeaseLate(22, 30, 9)),
        # By what the leader gave it, it is late in any case.
        (((100, 16, None), (120, 30, 2), (137, 13, 19)), Verdict.LATE, LeaseLate(13, 30, None)),
        # Renewed in the new term.
        (((100, 5, None), (102, 30, 1), (110, 28, None)), Verdict.LIVE, LeaseLeft(28, 30, None)),
        # The next term comes before that.
        (((100, 16, None), (120, 30, 2), (125, 30, 1)), Verdict.UNKNOWN, LeaseUnproved(30, 30, 1)),
        # Nothing was known of it before.
        (((102, 30, 1),), Verdict.UNKNOWN, LeaseUnproved(30, 30, 1)),
    ],
)
def test_after_a_new_leader_the_verdict_is_what_was_known_before_until_a_renewal_is_seen(
    told: tuple[tuple[float, float, float | None], ...], wanted: Verdict, shows: Values
) -> None:
    life = judged(*told)
    assert verdict(life) is wanted
    facts = JudgeInput(INSTANCE, Lifetime.LEASED, 1000.0, lease_ttl=life, worker=0x1A)
    assert assess(facts).evidence[0].values == shows
    assert (life.standing is LeaseStanding.UNPROVED) is (wanted is Verdict.UNKNOWN)


@pytest.mark.parametrize("renews", [True, False])
def test_the_collector_s_questions_show_within_seconds_who_renews_after_a_restart(
    renews: bool,
) -> None:
    for seed in SEED:
        chance = random.Random(seed)
        seen = follow(chance, renews=renews, away=chance.choice([0.5, 2.0, 10.0]))
        # After its own renewal was due, by the margin and the time between two questions.
        after = [one for at, one in seen if at > 4.5]
        if renews:
            assert after[-1] is Verdict.LIVE
        else:
            assert Verdict.LIVE not in after


def follow(chance: random.Random, *, renews: bool, away: float) -> list[tuple[float, Verdict]]:
    """The verdicts on a worker by the time since its renewal was due and etcd was there, after it
    was away; it renews then every 15 s or never."""
    lessor, terms, sweep = Lessor(30.0), Terms(), LeaseSchedule[int](50.0)
    lessor.renew(1)
    due = lessor.now + 15.0
    sweep.add(1, lessor.now)
    life: LeaseTtl | None = None
    until: Callable[[float], bool] = lambda end: lessor.now < end  # noqa: E731

    def ask() -> None:
        nonlocal life
        for lease in sweep.take_due(lessor.now):
            ttl = lessor.ask(terms, lease)
            sweep.answered(lease, ttl, lessor.now)
            life = LeaseTtl(ttl, lessor.now).after(life)

    start = lessor.now + chance.uniform(0.5, 14.5)
    while until(start):
        ask()
        lessor.now += 0.25
    lessor.now += away
    lessor.promote()
    back = lessor.now
    seen: list[tuple[float, Verdict]] = []
    lessor.now += chance.uniform(0, 0.5)
    while until(back + 32.0 if renews else lessor.ends[1]):
        if renews and lessor.now >= due:
            lessor.renew(1)
            due = lessor.now + 15.0
        ask()
        seen.append((lessor.now - max(back, start + away, 115.0), verdict(life)))
        lessor.now += 0.25
    return seen
