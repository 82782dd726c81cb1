"""A verdict follows from evidence alone: from leases, files, and who is still there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.dynamo.records import AnyRecord
from backends.liveness import evidence_kinds as kinds
from backends.liveness.failure import CONFIRMED, weigh
from backends.liveness.judge import JudgeInput, LeaseTtl, Verdict, is_late, judge
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.liveness.judging import (
    ACCEPTS,
    ALONE,
    CARD,
    DRAINED,
    HEALTHY,
    INSTANCE,
    NOW,
    TRANSPORT,
    UNLEASED_CARD,
    explain,
    is_stale,
    life,
    reading,
    shown,
)
from tests.support import registered
from tests.support.registered import record


def test_what_is_renewed_is_live() -> None:
    assert judge(HEALTHY) is Verdict.LIVE


def test_without_any_evidence_it_says_so() -> None:
    facts = replace(HEALTHY, lease_ttl=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert shown(facts) == [kinds.NothingAsked()]


@pytest.mark.parametrize(
    ("granted", "remaining", "late"),
    [
        (30.0, 15.0, False),
        # Whole seconds, rounded down: a renewal that comes at half may be seen as 14.
        (30.0, 14.0, False),
        (30.0, 13.0, True),
        (30.0, 0.0, True),
        (10.0, 4.0, False),
        (10.0, 3.0, True),
        (None, -1.0, False),
    ],
)
def test_late_is_a_renewal_at_half_that_was_missed_by_a_second(
    granted: float | None, remaining: float, late: bool
) -> None:
    assert is_late(TimeToLive(granted, remaining)) is late


def test_a_missed_keep_alive_is_late_and_says_which() -> None:
    facts = replace(HEALTHY, lease_ttl=life(11.0))
    assert judge(facts) is Verdict.LATE
    (told,) = explain(facts)
    assert told.values == kinds.LeaseLate(11.0, 30.0, reset_ago=None)
    assert told.at == NOW


@pytest.mark.parametrize(
    ("one", "verdict"), [(INSTANCE, Verdict.EXPIRED), (CARD, Verdict.ORPHANED)]
)
def test_what_hangs_on_a_lease_that_does_not_exist_is_over(
    one: AnyRecord, verdict: Verdict
) -> None:
    facts = replace(HEALTHY, record=one, lease_ttl=life(-1.0, None))
    assert judge(facts) is verdict
    assert kinds.LeaseGone() in shown(facts)


def test_a_card_without_a_lease_is_orphaned_once_its_worker_is_gone() -> None:
    there = JudgeInput(UNLEASED_CARD, Lifetime.LEASED, NOW, worker=0x1A, worker_is_there=True)
    assert judge(there) is Verdict.UNLEASED
    gone = replace(there, worker_is_there=False)
    assert judge(gone) is Verdict.ORPHANED
    assert shown(gone) == [kinds.WorkerGone(0x1A, has_leases=True), kinds.NoLease()]


def test_a_card_that_cannot_be_joined_to_a_worker_is_not_called_orphaned() -> None:
    facts = JudgeInput(UNLEASED_CARD, Lifetime.LEASED, NOW, worker=None)
    assert judge(facts) is Verdict.UNLEASED


def test_an_instance_without_a_lease_is_unleased_until_it_does_not_answer() -> None:
    facts = JudgeInput(record(registered.instance(1)), Lifetime.LEASED, NOW, worker=1)
    assert judge(facts) is Verdict.UNLEASED
    refused = replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)))
    assert judge(refused) is Verdict.UNREACHABLE


def test_only_cards_channels_and_sources_of_a_drained_worker_are_drained() -> None:
    assert judge(replace(HEALTHY, record=CARD, drained=DRAINED)) is Verdict.DRAINED
    assert judge(replace(HEALTHY, drained=DRAINED)) is Verdict.LIVE


def test_in_a_store_without_leases_what_has_not_expired_is_kept_alive() -> None:
    file = JudgeInput(record(registered.instance(1)), Lifetime.TOUCHED, NOW, worker=1)
    assert judge(file) is Verdict.LIVE
    touched = replace(file, lease_ttl=life(3.0, 10.0))
    assert judge(touched) is Verdict.LATE
    assert shown(touched)[0] == kinds.FileLate(7.0, 10.0)


def test_where_no_worker_renews_anything_only_an_answer_shows_that_it_lives() -> None:
    facts = replace(HEALTHY, record=ALONE, lifetime=Lifetime.UNBOUNDED, lease_ttl=None)
    assert judge(facts) is Verdict.UNKNOWN
    assert shown(facts)[0] == kinds.NotRenewed()
    assert judge(replace(facts, probed=weigh((ACCEPTS,)))) is Verdict.UNKNOWN
    assert (
        judge(replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.ANSWERS),))))
        is Verdict.LIVE
    )
    # What is left of a bucket's time to live is no missed keep-alive.
    old = replace(facts, lease_ttl=LeaseTtl(TimeToLive(60.0, 1.0), NOW))
    assert judge(old) is Verdict.UNKNOWN
    assert shown(old)[0] == kinds.BucketKeeps(1.0, 60.0)
    refused = replace(facts, probed=weigh((reading(TRANSPORT, ProbeAnswer.REFUSED),)))
    assert judge(refused) is Verdict.UNREACHABLE
    assert not is_stale(refused)
    again = reading(TRANSPORT, ProbeAnswer.REFUSED, NOW + CONFIRMED)
    assert is_stale(replace(refused, probed=weigh((again,), (), {TRANSPORT: NOW})))


def test_where_no_worker_renews_a_card_without_an_instance_is_not_called_orphaned() -> None:
    """Its instance may have been drained by somebody: the worker lives, and would not register the
    card again."""
    card = record(registered.card(1))
    facts = JudgeInput(card, Lifetime.UNBOUNDED, 0.0, worker=1, worker_is_there=False)
    assert judge(facts) is Verdict.UNKNOWN
    assert judge(replace(facts, drained=DRAINED)) is Verdict.DRAINED
    refused = ProbeResult(
        ProbeTarget(ProbeMethod.HEALTH, "http://a:1"), ProbeAnswer.REFUSED, 1.0, "refuses"
    )
    assert judge(replace(facts, probed=weigh((refused,)))) is Verdict.UNREACHABLE
