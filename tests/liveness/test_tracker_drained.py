"""Verdicts on what a worker keeps that has no instance any more."""

from __future__ import annotations

import pytest

from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import Drained, DrainedOrDeleted
from backends.liveness.judge import LeaseTtl, Verdict
from backends.store import Lifetime, TimeToLive
from tests.liveness.watched import ADAPTER, CARD, CHANNEL, INSTANCE, NOW, Watched, evidence_of
from tests.support import registered
from tests.support.registered import record

INTERNAL = record(registered.instance(0xA, endpoint="worker_kv_query_source_1f"), lease=0xA)


def test_what_a_worker_without_its_instance_keeps_is_drained_until_that_is_back() -> None:
    watched = Watched(INSTANCE, CARD, ADAPTER, CHANNEL)
    watched.lives(a=22.0)
    assert watched.discard(INSTANCE) == {CARD.key, ADAPTER.key, CHANNEL.key}
    for one in (CARD, ADAPTER, CHANNEL):
        assert watched.of(one) is Verdict.DRAINED
        assert evidence_of(watched, one) == DrainedOrDeleted(has_leases=True)
    assert watched.put(INSTANCE) >= {CARD.key, ADAPTER.key, CHANNEL.key}
    assert {watched.of(one) for one in (CARD, ADAPTER, CHANNEL)} == {Verdict.LIVE}


def test_it_is_drained_before_anything_was_asked_and_with_an_internal_endpoint_left() -> None:
    watched = Watched(INTERNAL, CARD, CHANNEL)
    assert watched.of(CARD) is watched.of(CHANNEL) is Verdict.DRAINED
    assert watched.of(INTERNAL) is Verdict.UNKNOWN


def test_who_drained_it_is_told_where_that_is_known() -> None:
    watched, by_joe = Watched(CARD), Drained("joe", "node-1", "20261121-1")
    watched.verdicts.drained({0xA: DrainMark(NOW - 5, by_joe)})
    watched.verdicts.update()
    first = watched.verdicts.assessment(CARD, NOW).evidence[0]
    assert first == Evidence(by_joe, NOW - 5)


def test_the_channel_of_a_frontend_which_has_no_card_is_not_drained() -> None:
    watched = Watched(CHANNEL)
    watched.lives(a=22.0)
    assert watched.of(CHANNEL) is Verdict.LIVE


def test_of_one_process_with_two_ids_the_card_of_the_drained_one_alone_is_drained() -> None:
    both = [record(registered.card(number), lease=9) for number in (1, 2)]
    watched = Watched(*both, record(registered.instance(2), lease=9))
    assert [watched.of(one) for one in both] == [Verdict.DRAINED, Verdict.UNKNOWN]


def test_without_a_lease_it_is_not_drained_and_where_not_all_can_be_read_nothing_is() -> None:
    left = record(registered.card(0xA))
    assert Watched(left).of(left) is Verdict.ORPHANED
    watched = Watched()
    watched.verdicts.set_complete(False)
    watched.put(CARD)
    assert watched.of(CARD) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("lifetime", "verdict"),
    [(Lifetime.TOUCHED, Verdict.DRAINED), (Lifetime.UNBOUNDED, Verdict.UNROUTABLE)],
)
def test_a_file_that_is_touched_lives_on_and_a_key_that_nobody_renews_tells_nothing(
    lifetime: Lifetime, verdict: Verdict
) -> None:
    left = record(registered.card(0xA))
    watched = Watched(left, lifetime=lifetime)
    assert watched.of(left) is verdict
    if verdict is Verdict.DRAINED:
        assert evidence_of(watched, left) == DrainedOrDeleted(has_leases=False)


def test_a_lease_that_is_gone_outranks_it() -> None:
    watched = Watched(CARD)
    watched.verdicts.observe_ttls({0xA: LeaseTtl(TimeToLive(granted=None, remaining=-1.0), NOW)})
    watched.verdicts.update()
    assert watched.of(CARD) is Verdict.ORPHANED


def test_what_a_card_on_anothers_lease_joined_is_judged_apart_once_that_is_gone() -> None:
    joins = record(registered.card(0xB), lease=0xA)
    channel = record(registered.channel(0x9), lease=0xB)
    watched = Watched(joins, channel)
    assert watched.of(channel) is Verdict.DRAINED
    watched.discard(joins)
    assert watched.of(channel) is Verdict.UNKNOWN
