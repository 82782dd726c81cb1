"""Verdicts follow what a cluster holds and what is told of it."""

from __future__ import annotations

import json

import pytest

from backends.dynamo.records import AnyRecord, ModelCard
from backends.dynamo.registration import EventChannelSpec
from backends.liveness.card_consensus import left_after
from backends.liveness.drained import DrainMark
from backends.liveness.evidence import Evidence
from backends.liveness.evidence_kinds import (
    AddressProbed,
    CardsDiffer,
    CardSort,
    Drained,
    DrainedOrDeleted,
    EvidenceKind,
    Values,
)
from backends.liveness.judge import LeaseTtl, Verdict
from backends.probe.types import NATS_SERVER, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Lifetime, TimeToLive
from tests.liveness.watched import NOW, Watched, life
from tests.support import registered
from tests.support.registered import record

INSTANCE = record(registered.instance(0xA), lease=0xA)
CARD = record(registered.card(0xA), lease=0xA)
OTHER = record(registered.instance(0xB, component="other"), lease=0xB)


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
    assert watched.verdicts.life(INSTANCE) == life(29.0)
    assert watched.lives(a=13.0) == {INSTANCE.key}
    assert watched.of(INSTANCE) is Verdict.LATE


def test_a_worker_whose_address_refuses_is_unreachable_with_all_it_registered() -> None:
    watched = Watched(INSTANCE, CARD, OTHER)
    watched.lives(a=22.0, b=22.0)
    assert watched.probed(INSTANCE, ProbeAnswer.REFUSED) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.of(OTHER) is Verdict.LIVE
    assert watched.probed(INSTANCE, ProbeAnswer.ACCEPTS) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.LIVE


def test_that_a_connection_is_accepted_says_nothing_against_deep_silence() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.SILENT, deep=True)
    watched.probed(INSTANCE, ProbeAnswer.ACCEPTS)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    watched.probed(INSTANCE, ProbeAnswer.ANSWERS, deep=True)
    assert watched.of(INSTANCE) is Verdict.LIVE


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


CHANNEL = record(registered.channel(0xA), lease=0xA)
ADAPTER = record(registered.card(0xA, lora="acme/sql"), lease=0xA)
INTERNAL = record(registered.instance(0xA, endpoint="worker_kv_query_source_1f"), lease=0xA)


def evidence_of(watched: Watched, one: AnyRecord) -> Values:
    return watched.verdicts.judgement(one, NOW).evidence[0].values


def answers_for(watched: Watched, one: AnyRecord) -> list[tuple[str, ProbeAnswer]]:
    """The addresses that the evidence of a record names, each with what came of asking it."""
    shown = [piece.values for piece in watched.verdicts.judgement(one, NOW).evidence]
    return [(one.address, one.answer) for one in shown if isinstance(one, AddressProbed)]


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
    first = watched.verdicts.judgement(CARD, NOW).evidence[0]
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
    watched.verdicts.sees_all(False)
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
    watched.verdicts.heard_lives({0xA: LeaseTtl(TimeToLive(granted=None, remaining=-1.0), NOW)})
    watched.verdicts.update()
    assert watched.of(CARD) is Verdict.ORPHANED


def test_a_brokers_silence_is_evidence_against_its_channel_alone() -> None:
    config = b'{"xsub_endpoints":["tcp://10.0.0.9:5555"],"xpub_endpoints":["tcp://10.0.0.9:5556"]}'
    key, value = registered.channel(0xA)
    start = value.index(b'"transport":')
    # The transport is the last field.
    value = value[:start] + b'"transport":{"kind":"ZmqBroker","config":' + config + b"}}"
    channel = record((key, value), lease=0xA)
    assert channel.transport is not None
    assert channel.transport.kind == "ZmqBroker"
    watched = Watched(INSTANCE, channel)
    watched.lives(a=22.0)
    broker = ProbeTarget(ProbeMethod.ZMTP, "10.0.0.9:5556")
    assert broker in watched.verdicts.targets(channel)
    assert broker not in watched.verdicts.targets(INSTANCE)
    watched.verdicts.heard_readings([ProbeResult(broker, ProbeAnswer.SILENT, NOW, "is silent")])
    assert watched.verdicts.update() == {channel.key}
    assert watched.of(channel) is Verdict.UNREACHABLE
    assert watched.of(INSTANCE) is Verdict.LIVE


def card_of(worker: int, context_length: int) -> AnyRecord:
    key, value = registered.card(worker)
    changed = json.loads(value)
    changed["card_json"]["context_length"] = context_length
    return record((key, json.dumps(changed).encode()), lease=worker)


def instance_of(worker: int) -> AnyRecord:
    return record(registered.instance(worker), lease=worker)


def test_all_cards_of_a_worker_set_that_differ_are_in_conflict_whichever_has_more() -> None:
    alike = [card_of(worker, 4096) for worker in (1, 2)]
    other = card_of(3, 2048)
    watched = Watched(*alike, other, *map(instance_of, (1, 2, 3)))
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    assert {watched.of(one) for one in (*alike, other)} == {Verdict.CONFLICT}

    def sort(workers: int, *differs_in: str) -> CardSort:
        return CardSort(workers, workers, 40.0, was_there=False, differs_in=differs_in)

    first = watched.verdicts.judgement(other, NOW + 40).evidence[0]
    differs = sort(2, "context_length 2048 (theirs: 4096)")
    assert first.values == CardsDiffer(2, (sort(1), differs))
    first = watched.verdicts.judgement(alike[0], NOW + 40).evidence[0]
    differs = sort(1, "context_length 4096 (theirs: 2048)")
    assert first.values == CardsDiffer(2, (sort(2), differs))
    assert watched.discard(*alike) == {other.key}
    assert watched.of(other) is Verdict.LIVE


def test_dead_outranks_conflict_and_a_dead_worker_is_no_party_to_it() -> None:
    dead, alive = card_of(1, 2048), card_of(2, 4096)
    its_instance = instance_of(1)
    watched = Watched(dead, alive, its_instance, instance_of(2))
    watched.lives(**{"1": 22.0, "2": 22.0})
    assert watched.of(dead) is watched.of(alive) is Verdict.CONFLICT
    watched.probed(its_instance, ProbeAnswer.REFUSED)
    assert watched.of(dead) is Verdict.UNREACHABLE
    assert watched.of(alive) is Verdict.LIVE
    watched.probed(its_instance, ProbeAnswer.ACCEPTS)
    assert watched.of(dead) is watched.of(alive) is Verdict.CONFLICT
    assert watched.lives(**{"1": -1.0}) == {dead.key, its_instance.key, alive.key}
    assert watched.of(dead) is Verdict.ORPHANED
    assert watched.of(alive) is Verdict.LIVE


def test_acting_on_one_sort_says_what_each_is_left_with() -> None:
    cards = [card_of(1, 4096), card_of(2, 4096), card_of(3, 2048)]
    watched = Watched(*cards, *map(instance_of, (1, 2, 3)))
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    mine = cards[0]
    assert isinstance(mine, ModelCard)
    sorts = watched.verdicts.conflict(mine)
    assert [(one.routable, len(one.keys)) for one in sorts] == [(2, 2), (1, 1)]
    left = watched.verdicts.serving.left_with(mine.key, [instance_of(2).key])
    assert left_after(sorts, left) == (
        "1 of 2 workers with this card stay routable, 1 of 1 with another"
    )
    left = watched.verdicts.serving.left_with(mine.key, [cards[2].key])
    assert left_after(sorts, left) == (
        "2 of 2 workers with this card stay routable, 0 of 1 with another"
    )


def test_only_what_bears_on_a_verdict_is_still_to_be_judged() -> None:
    watched = Watched(INSTANCE)
    watched.verdicts.heard_lives({0xA: life(22.0)})
    assert watched.verdicts.is_behind
    watched.verdicts.update()
    assert not watched.verdicts.is_behind
    watched.verdicts.heard_lives({0xA: life(20.0)})
    assert not watched.verdicts.is_behind
    watched.verdicts.heard_lives({0xA: life(1.0)})
    assert watched.verdicts.is_behind


def test_what_is_told_of_leases_and_addresses_that_nobody_has_is_not_kept() -> None:
    watched = Watched(INSTANCE)
    (target,) = watched.verdicts.targets(INSTANCE)
    watched.lives(a=22.0)
    watched.discard(INSTANCE)
    watched.verdicts.heard_readings([ProbeResult(target, ProbeAnswer.REFUSED, NOW, "refused")])
    watched.lives(a=22.0, c=1.0)
    watched.put(INSTANCE)
    assert watched.of(INSTANCE) is Verdict.UNKNOWN
    assert watched.verdicts.take_new_handles() == {0xA}


def test_what_nothing_hangs_on_any_more_is_told_to_whoever_took_it_as_new() -> None:
    watched = Watched(INSTANCE)
    watched.discard(INSTANCE)
    assert watched.verdicts.take_gone_handles() == set()
    watched.put(INSTANCE)
    assert watched.verdicts.take_new_handles() == {0xA}
    watched.discard(INSTANCE)
    watched.put(INSTANCE)
    assert watched.verdicts.take_gone_handles() == {0xA}
    assert watched.verdicts.take_new_handles() == {0xA}
    assert watched.verdicts.take_gone_handles() == set()


def test_one_failed_probe_is_not_enough_to_propose_a_removal() -> None:
    unleased = record(registered.instance(0xA))
    watched = Watched(unleased)
    (target,) = watched.verdicts.targets(unleased)

    def probed(answer: ProbeAnswer, at: float) -> bool:
        watched.verdicts.heard_readings([ProbeResult(target, answer, at, answer.value)])
        watched.verdicts.update()
        return watched.verdicts.is_stale(unleased)

    assert not probed(ProbeAnswer.REFUSED, NOW)
    assert watched.of(unleased) is Verdict.UNREACHABLE
    assert not probed(ProbeAnswer.ACCEPTS, NOW + 1)
    assert not probed(ProbeAnswer.REFUSED, NOW + 3)
    assert probed(ProbeAnswer.REFUSED, NOW + 5)


def test_a_changed_value_on_the_same_lease_keeps_what_is_known_of_the_lease() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    again = record(registered.instance(0xA, address="10.9.9.9:1"), lease=0xA, revision="2")
    watched.put(again)
    assert watched.of(again) is Verdict.LIVE


def test_the_evidence_names_what_decides_first() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=11.0)
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    judgement = watched.verdicts.judgement(CARD, NOW)
    assert judgement.verdict is Verdict.UNREACHABLE
    assert [piece.kind for piece in judgement.evidence] == [
        EvidenceKind.PROBED,
        EvidenceKind.LEASE_LATE,
    ]


def sixteen_ranks(worker: int, address: str = "10.0.0.1") -> list[AnyRecord]:
    """A worker with as many data-parallel ranks: an endpoint and a channel with its source each."""
    made = [record(registered.instance(worker, address=f"{address}:9000"), lease=worker)]
    for rank in range(16):
        publisher = worker * 0x100 + rank
        of_rank = registered.instance(
            worker, endpoint=f"worker_kv_query_{rank}", address=f"{address}:9000"
        )
        of_channel = registered.channel(publisher, port=5000 + rank)
        key, value = of_channel[0], of_channel[1].replace(b"10.0.0.1", address.encode())
        source = registered.source(publisher, worker)
        made += [record(one, lease=worker) for one in (of_rank, (key, value), source)]
    return made


def greeting(rank: int) -> ProbeTarget:
    return ProbeTarget(ProbeMethod.ZMTP, f"10.0.0.1:{5000 + rank}")


PLANE = ProbeTarget(ProbeMethod.TCP, "10.0.0.1:9000")


def test_of_one_process_one_greeting_and_the_held_connection_are_watched() -> None:
    one, other = sixteen_ranks(0x1), sixteen_ranks(0x2, "10.0.0.2")
    watched = Watched(*one, *other)
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}
    of_both = watched.verdicts.watched([*one, *other])
    assert len(of_both) == 4
    # What a person asks for is asked of all.
    assert len(watched.verdicts.targets(one[0])) == 17
    # However many of its records are on screen.
    assert watched.verdicts.watched(one[:1]) == watched.verdicts.watched(one[5:6])


def test_a_publisher_that_failed_is_watched_on_with_others_that_may_answer() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}
    for failed in range(3):
        silent = ProbeResult(greeting(failed), ProbeAnswer.SILENT, NOW + failed, "is silent")
        watched.verdicts.heard_readings([silent])
        watched.verdicts.update()
        asked = {greeting(rank) for rank in range(min(failed + 2, 3))}
        assert watched.verdicts.watched(one) == {PLANE, *asked}
    # One that answers is enough, and those that failed are no longer asked once they answer.
    watched.verdicts.heard_readings(
        [ProbeResult(greeting(rank), ProbeAnswer.ANSWERS, NOW + 5, "greets") for rank in range(3)]
    )
    assert watched.verdicts.watched(one) == {PLANE, greeting(0)}


def test_a_source_goes_with_its_channel() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    channel, source = one[2], one[3]
    watched.verdicts.targets(one[0])
    watched.verdicts.heard_readings(
        [
            ProbeResult(PLANE, ProbeAnswer.ACCEPTS, NOW, "accepts connections"),
            ProbeResult(greeting(0), ProbeAnswer.REFUSED, NOW, "refuses connections"),
            ProbeResult(greeting(1), ProbeAnswer.ANSWERS, NOW, "greets"),
        ]
    )
    watched.verdicts.update()
    assert watched.of(channel) is watched.of(source) is Verdict.UNREACHABLE
    assert {watched.of(other) for other in one if other not in (channel, source)} == {Verdict.LIVE}


def test_a_lease_that_goes_on_being_renewed_takes_back_what_a_refusal_said() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.verdicts.may_live(CARD)
    assert set(watched.verdicts.refused) == {INSTANCE.key, CARD.key}
    renewed = LeaseTtl(TimeToLive(30.0, 29.0), NOW + 10)
    watched.verdicts.heard_lives({0xA: renewed})
    assert watched.verdicts.update() == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.UNREACHABLE_FROM_HERE
    assert watched.verdicts.may_live(CARD)
    assert not watched.verdicts.refused
    assert set(watched.verdicts.failed) == {INSTANCE.key, CARD.key}
    # Then it stops.
    watched.verdicts.heard_lives({0xA: LeaseTtl(TimeToLive(30.0, 12.0), NOW + 27)})
    watched.verdicts.heard_readings(
        [
            ProbeResult(one, ProbeAnswer.REFUSED, NOW + 27, "x")
            for one in watched.verdicts.targets(CARD)
        ]
    )
    watched.verdicts.update()
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.verdicts.is_stale(CARD)
    assert not watched.verdicts.may_live(CARD)
    watched.discard(INSTANCE, CARD)
    assert not watched.verdicts.failed
    assert not watched.verdicts.awaited


def test_a_full_queue_takes_nothing_back_of_the_silence_before() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, ProbeAnswer.SILENT)
    watched.probed(INSTANCE, ProbeAnswer.UNREACHED)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    assert len(watched.verdicts.judgement(INSTANCE, NOW).evidence) == 3
    watched.probed(INSTANCE, ProbeAnswer.ANSWERS)
    watched.probed(INSTANCE, ProbeAnswer.UNREACHED)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE_FROM_HERE


def test_where_not_all_may_be_seen_nothing_is_taken_for_left_behind() -> None:
    alone = record(registered.card(1))
    world = Watched(alone)
    assert world.of(alone) is Verdict.ORPHANED
    world.verdicts.sees_all(False)
    assert world.verdicts.update() == {alone.key}
    assert world.of(alone) is Verdict.UNLEASED
    assert not world.verdicts.is_stale(alone)
    world.verdicts.sees_all(True)
    world.verdicts.update()
    assert world.of(alone) is Verdict.ORPHANED


# --- NATS is away -------------------------------------------------------------------------------


def over_nats(publisher: int, lease: int) -> AnyRecord:
    spec = EventChannelSpec(
        namespace="prod",
        component="backend",
        topic="kv_metrics",
        transport="Nats",
        config={"subject_prefix": "namespace.prod"},
    )
    return record(spec.entry(publisher), lease=lease)


def of_nats(answer: ProbeAnswer, text: str) -> ProbeResult:
    return ProbeResult(NATS_SERVER, answer, NOW, text)


def test_what_nats_carries_is_not_live_by_its_lease_alone_while_nats_is_away() -> None:
    seen, unseen = over_nats(0x1, 0xA), over_nats(0x2, 0xB)
    watched = Watched(INSTANCE, seen, unseen)
    watched.lives(a=22.0, b=22.0)
    assert {watched.of(one) for one in (INSTANCE, seen, unseen)} == {Verdict.LIVE}
    assert NATS_SERVER in watched.verdicts.targets(seen)
    assert NATS_SERVER not in watched.verdicts.targets(INSTANCE)
    why = "cannot be asked: NATS refuses connections"
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.AWAY, why)])
    # Whether it was on screen, and asked for, or not.
    assert watched.verdicts.update() == {seen.key, unseen.key}
    assert watched.of(INSTANCE) is Verdict.LIVE
    assert watched.of(seen) is watched.of(unseen) is Verdict.UNKNOWN
    assert (NATS_SERVER.address, ProbeAnswer.AWAY) in answers_for(watched, unseen)
    # Also what comes meanwhile.
    later = over_nats(0x3, 0xA)
    watched.put(later)
    assert watched.of(later) is Verdict.UNKNOWN
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.ACCEPTS, "is there")])
    watched.verdicts.update()
    assert {watched.of(one) for one in (seen, unseen, later)} == {Verdict.LIVE}


def test_what_nats_carries_is_late_or_unreachable_as_its_worker_is() -> None:
    one = over_nats(0x1, 0xA)
    watched = Watched(INSTANCE, one)
    watched.lives(a=22.0)
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.ACCEPTS, "is there")])
    # That NATS is there takes nothing back of what the worker's own address says.
    watched.probed(INSTANCE, ProbeAnswer.REFUSED)
    assert watched.of(one) is Verdict.UNREACHABLE
    watched.probed(INSTANCE, ProbeAnswer.ACCEPTS)
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.AWAY, "cannot be asked")])
    watched.lives(a=5.0)
    assert watched.of(one) is Verdict.LATE


def test_without_a_nats_server_the_lease_is_what_there_is_and_that_is_said() -> None:
    one = over_nats(0x1, 0xA)
    watched = Watched(one)
    watched.lives(a=22.0)
    kinds = [piece.kind for piece in watched.verdicts.judgement(one, NOW).evidence]
    assert EvidenceKind.NATS_NOT_ASKED in kinds
    none_set = "cannot be asked: no NATS server is set"
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.UNTRIED, none_set)])
    watched.verdicts.update()
    assert watched.of(one) is Verdict.LIVE
    assert (NATS_SERVER.address, ProbeAnswer.UNTRIED) in answers_for(watched, one)


# --- what is judged anew ------------------------------------------------------------------------


def test_a_reading_that_says_what_the_one_before_it_said_leaves_nothing_to_judge() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    watched.verdicts.watched(one)

    def heard(target: ProbeTarget, answer: ProbeAnswer, at: float) -> bool:
        watched.verdicts.heard_readings([ProbeResult(target, answer, at, answer.value)])
        is_behind = watched.verdicts.is_behind
        watched.verdicts.update()
        return is_behind

    assert heard(PLANE, ProbeAnswer.ACCEPTS, NOW)
    assert heard(greeting(0), ProbeAnswer.ANSWERS, NOW)
    assert not heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 2)
    assert not heard(greeting(0), ProbeAnswer.ANSWERS, NOW + 2)
    # What is seen of it is as new as the last look all the same.
    assert ("10.0.0.1:5000", ProbeAnswer.ANSWERS) in answers_for(watched, one[2])
    assert watched.verdicts.judgement(one[2], NOW + 2).evidence[0].at == NOW + 2
    # Where anything of a process fails, each moment counts.
    assert heard(greeting(0), ProbeAnswer.SILENT, NOW + 4)
    assert heard(greeting(0), ProbeAnswer.SILENT, NOW + 6)
    assert heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 6)
    assert watched.of(one[0]) is Verdict.UNREACHABLE
    assert heard(greeting(0), ProbeAnswer.ANSWERS, NOW + 8)
    assert not heard(PLANE, ProbeAnswer.ACCEPTS, NOW + 8)
    assert watched.of(one[0]) is Verdict.LIVE


def test_an_old_answer_stops_counting_by_a_reading_elsewhere_that_says_the_same_again() -> None:
    one = sixteen_ranks(0x1)
    watched = Watched(*one)
    watched.lives(**{"1": 22.0})
    watched.verdicts.targets(one[0])
    channel = one[5]
    told = [
        ProbeResult(PLANE, ProbeAnswer.ACCEPTS, NOW, "accepts"),
        ProbeResult(greeting(0), ProbeAnswer.SILENT, NOW, "is silent"),
        ProbeResult(greeting(1), ProbeAnswer.ANSWERS, NOW, "greets"),
    ]
    watched.verdicts.heard_readings(told)
    watched.verdicts.update()
    assert watched.of(channel) is Verdict.LIVE
    for at in (NOW + 3, NOW + 6):
        watched.verdicts.heard_readings([ProbeResult(PLANE, ProbeAnswer.ACCEPTS, at, "accepts")])
        watched.verdicts.update()
    assert watched.of(channel) is Verdict.UNREACHABLE


def test_a_renewal_that_tells_the_same_of_a_lease_takes_back_what_this_host_refused() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    (target,) = watched.verdicts.targets(INSTANCE)
    refused = ProbeResult(target, ProbeAnswer.REFUSED, NOW, "refuses connections", local=True)
    watched.verdicts.heard_readings([refused])
    watched.verdicts.update()
    assert watched.verdicts.is_stale(INSTANCE)
    watched.verdicts.heard_lives({0xA: LeaseTtl(TimeToLive(30.0, 29.0), NOW + 8)})
    watched.verdicts.update()
    assert not watched.verdicts.is_stale(INSTANCE)


def test_a_source_of_another_process_than_its_channel_follows_the_channels_address() -> None:
    channel = record(registered.channel(0x9), lease=0xA)
    source = record(registered.source(0x9, 0xB), lease=0xB)
    watched = Watched(channel, source)
    watched.lives(a=22.0, b=22.0)
    watched.probed(channel, ProbeAnswer.SILENT)
    assert watched.of(channel) is watched.of(source) is Verdict.UNREACHABLE
    watched.discard(channel)
    assert watched.of(source) is Verdict.LIVE


def test_a_source_of_another_process_than_its_channel_follows_nats() -> None:
    channel = over_nats(0x9, 0xA)
    key, value = registered.source(0x9, 0xB, "kv_metrics")
    source = record((key, value), lease=0xB)
    watched = Watched(channel, source)
    watched.lives(a=22.0, b=22.0)
    watched.verdicts.heard_readings([of_nats(ProbeAnswer.AWAY, "cannot be asked")])
    assert watched.verdicts.update() == {channel.key, source.key}


def test_what_a_card_on_anothers_lease_joined_is_judged_apart_once_that_is_gone() -> None:
    joins = record(registered.card(0xB), lease=0xA)
    channel = record(registered.channel(0x9), lease=0xB)
    watched = Watched(joins, channel)
    assert watched.of(channel) is Verdict.DRAINED
    watched.discard(joins)
    assert watched.of(channel) is Verdict.UNKNOWN


def test_an_address_that_is_asked_for_late_counts_with_what_was_found_there_before() -> None:
    beside = record(registered.instance(0xA, endpoint="embed", address="10.0.0.10:9000"), lease=0xA)
    watched = Watched(INSTANCE, CHANNEL)
    watched.lives(a=22.0)
    (plane, greets) = sorted(watched.verdicts.targets(INSTANCE))
    watched.verdicts.heard_readings(
        [
            ProbeResult(plane, ProbeAnswer.REFUSED, NOW, "refuses connections"),
            ProbeResult(greets, ProbeAnswer.ANSWERS, NOW, "greets"),
        ]
    )
    watched.put(beside)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    assert watched.of(beside) is Verdict.LIVE
    watched.verdicts.targets(beside)
    assert watched.verdicts.update() == {beside.key}
    assert watched.of(beside) is Verdict.UNREACHABLE
