"""Verdicts follow what a cluster holds, and its leases."""

from __future__ import annotations

from backends.liveness.judge import Verdict
from backends.probe.types import ProbeAnswer, ProbeResult
from tests.liveness.watched import CARD, INSTANCE, NOW, OTHER, SEEN, Watched, life
from tests.support import registered
from tests.support.registered import record


def test_nothing_is_known_until_the_lease_was_read_then_all_on_it_is_live() -> None:
    watched = Watched(INSTANCE, CARD, OTHER)
    assert watched.of(INSTANCE) is Verdict.UNKNOWN
    assert watched.lives(a=22.0) == {INSTANCE.key, CARD.key}
    assert watched.of(INSTANCE) is watched.of(CARD) is Verdict.LIVE
    assert watched.of(OTHER) is Verdict.UNKNOWN


def test_evidence_that_changes_no_verdict_changes_nothing_on_screen() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=22.0)
    assert watched.lives(a=21.0) == set()


def test_a_lease_that_was_renewed_is_known_anew_though_its_records_are_not_judged_again() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    assert watched.lives(a=29.0) == set()
    assert watched.verdicts.lease_ttl(INSTANCE) == life(29.0)
    assert watched.lives(a=13.0) == {INSTANCE.key}
    assert watched.of(INSTANCE) is Verdict.LATE


def test_what_is_not_live_counts_in_every_place_above_it_and_only_instances_do() -> None:
    watched = Watched(INSTANCE, CARD, OTHER)
    watched.lives(a=11.0, b=22.0)
    assert set(watched.verdicts.not_live()) == {INSTANCE.key}
    assert set(watched.verdicts.not_live(("prod", "backend"))) == {INSTANCE.key}
    assert not watched.verdicts.not_live(("prod", "other"))
    assert watched.verdicts.findings == {INSTANCE.key, CARD.key}
    watched.discard(INSTANCE)
    assert not watched.verdicts.not_live()
    assert watched.verdicts.findings == {CARD.key}


def test_an_unleased_card_is_orphaned_when_its_workers_instance_goes() -> None:
    left = record(registered.card(0xA))
    watched = Watched(INSTANCE, left)
    assert watched.of(left) is Verdict.UNLEASED
    assert watched.discard(INSTANCE) == {left.key}
    assert watched.of(left) is Verdict.ORPHANED
    watched.put(INSTANCE)
    assert watched.of(left) is Verdict.UNLEASED


def test_only_what_bears_on_a_verdict_is_still_to_be_judged() -> None:
    watched = Watched(INSTANCE)
    watched.verdicts.observe_ttls({0xA: life(22.0)})
    assert watched.verdicts.is_behind
    watched.verdicts.update()
    assert not watched.verdicts.is_behind
    watched.verdicts.observe_ttls({0xA: life(20.0)})
    assert not watched.verdicts.is_behind
    watched.verdicts.observe_ttls({0xA: life(1.0)})
    assert watched.verdicts.is_behind


def test_a_first_reading_is_judged_in_the_order_of_the_store() -> None:
    """In the order of a set each record would be fetched from the far end of the memory."""
    ids = (*range(100, 150), *range(1, 50))
    there = [record(registered.instance(one), lease=one) for one in ids]
    watched = Watched()
    for one in there:
        watched.cluster.put(one, SEEN)
    judged: dict[bytes, Verdict | None] = {}
    for _ in watched.verdicts.update_in_steps(watched.cluster.records, judged, 7):
        pass
    assert list(judged) == [one.key for one in there]


def test_what_is_told_of_leases_and_addresses_that_nobody_has_is_not_kept() -> None:
    watched = Watched(INSTANCE)
    (target,) = watched.verdicts.targets([INSTANCE])
    watched.lives(a=22.0)
    watched.discard(INSTANCE)
    watched.verdicts.observe_readings([ProbeResult(target, ProbeAnswer.REFUSED, NOW, "refused")])
    watched.lives(a=22.0, c=1.0)
    watched.put(INSTANCE)
    assert watched.of(INSTANCE) is Verdict.UNKNOWN
    assert watched.verdicts.take_new_leases() == {0xA}


def test_what_nothing_hangs_on_any_more_is_told_to_whoever_took_it_as_new() -> None:
    watched = Watched(INSTANCE)
    watched.discard(INSTANCE)
    assert watched.verdicts.take_gone_leases() == set()
    watched.put(INSTANCE)
    assert watched.verdicts.take_new_leases() == {0xA}
    watched.discard(INSTANCE)
    watched.put(INSTANCE)
    assert watched.verdicts.take_gone_leases() == {0xA}
    assert watched.verdicts.take_new_leases() == {0xA}
    assert watched.verdicts.take_gone_leases() == set()


def test_a_changed_value_on_the_same_lease_keeps_what_is_known_of_the_lease() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    again = record(registered.instance(0xA, address="10.9.9.9:1"), lease=0xA, revision="2")
    watched.put(again)
    assert watched.of(again) is Verdict.LIVE


def test_where_not_all_may_be_seen_nothing_is_taken_for_left_behind() -> None:
    alone = record(registered.card(1))
    world = Watched(alone)
    assert world.of(alone) is Verdict.ORPHANED
    world.verdicts.set_complete(False)
    assert world.verdicts.update() == {alone.key}
    assert world.of(alone) is Verdict.UNLEASED
    assert not world.verdicts.is_stale(alone)
    world.verdicts.set_complete(True)
    world.verdicts.update()
    assert world.of(alone) is Verdict.ORPHANED


def test_the_evidence_of_a_worker_with_many_records_follows_whether_all_may_be_seen() -> None:
    cards = [record(registered.card(1, lora=f"adapter-{number}")) for number in range(20)]
    world, other = Watched(*cards), Watched(*cards)
    before = world.verdicts.assessment(cards[0], NOW)
    world.verdicts.set_complete(False)
    other.verdicts.set_complete(False)
    assert world.verdicts.assessment(cards[0], NOW) == other.verdicts.assessment(cards[0], NOW)
    assert world.verdicts.assessment(cards[0], NOW) != before


def test_an_id_of_which_only_orphans_are_registered_counts_as_no_worker() -> None:
    left = record(registered.card(0xC))
    source = record(registered.source(0x51, 0xC))
    router = record(registered.channel(0x52, topic="active_sequences"), lease=0x52)
    watched = Watched(INSTANCE, CARD, left, source, router)
    assert (set(watched.verdicts.left_behind), watched.verdicts.count_workers()) == ({0xC}, 1)
    # One of two orphans that goes leaves the other.
    watched.discard(left)
    assert set(watched.verdicts.left_behind) == {0xC}
    watched.discard(source)
    assert (set(watched.verdicts.left_behind), watched.verdicts.count_workers()) == (set(), 1)
    watched.put(left)
    assert (set(watched.verdicts.left_behind), watched.verdicts.count_workers()) == ({0xC}, 1)
    # Its worker comes, and registers what is not orphaned.
    watched.put(record(registered.instance(0xC), lease=0xC))
    assert (set(watched.verdicts.left_behind), watched.verdicts.count_workers()) == (set(), 2)
    assert watched.verdicts.count_workers(("none",)) == 0


def test_where_not_all_may_be_read_nothing_counts_as_left_behind() -> None:
    watched = Watched(record(registered.card(0xC)))
    assert set(watched.verdicts.left_behind) == {0xC}
    watched.verdicts.set_complete(False)
    watched.verdicts.update()
    assert (set(watched.verdicts.left_behind), watched.verdicts.count_workers()) == (set(), 1)
