"""Verdicts on a cluster equal those made from scratch, whatever came in whichever order."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.cluster import Cluster, FirstSeen
from backends.ids import Kind
from backends.liveness import FINDINGS, Life, Verdict
from backends.probe.types import Answer, Method, Reading, Target
from backends.records import AnyRecord
from backends.store import TimeToLive
from backends.verdicts import Handle, Verdicts, handle_of
from tests import registered
from tests.registered import record
from tests.unit.events import Event, contents, events

NOW = 1000.0
SEEN = FirstSeen(NOW, was_there=False)


class Watched:
    """A cluster with its verdicts, amended by hand."""

    def __init__(self, *records: AnyRecord, has_leases: bool = True) -> None:
        self.cluster = Cluster()
        self.verdicts = Verdicts(self.cluster, has_leases=has_leases)
        self.put(*records)

    def put(self, *records: AnyRecord) -> set[bytes]:
        for one in records:
            self.cluster.put(one, SEEN)
        return self.verdicts.update(self.cluster.take_changes().keys)

    def discard(self, *records: AnyRecord) -> set[bytes]:
        for one in records:
            self.cluster.discard(one.key)
        return self.verdicts.update(self.cluster.take_changes().keys)

    def lives(self, **remaining: float) -> set[bytes]:
        """Of leases, by their ids in hex."""
        self.verdicts.heard_lives(
            {int(lease, 16): life(seconds) for lease, seconds in remaining.items()}
        )
        return self.verdicts.update()

    def probed(self, one: AnyRecord, answer: Answer, *, deep: bool = False) -> set[bytes]:
        (target,) = self.verdicts.targets(one)
        self.verdicts.heard_readings([Reading(target, answer, NOW, answer.value, deep)])
        return self.verdicts.update()

    def of(self, one: AnyRecord) -> Verdict:
        return self.verdicts.of(one.key)


def life(remaining: float) -> Life:
    granted = None if remaining < 0 else 30.0
    return Life(TimeToLive(granted, remaining), NOW)


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
    assert watched.probed(INSTANCE, Answer.REFUSED) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.UNREACHABLE
    assert watched.of(OTHER) is Verdict.LIVE
    assert watched.probed(INSTANCE, Answer.ACCEPTS) == {INSTANCE.key, CARD.key}
    assert watched.of(CARD) is Verdict.LIVE


def test_that_a_connection_is_accepted_says_nothing_against_deep_silence() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    watched.probed(INSTANCE, Answer.SILENT, deep=True)
    watched.probed(INSTANCE, Answer.ACCEPTS)
    assert watched.of(INSTANCE) is Verdict.UNREACHABLE
    watched.probed(INSTANCE, Answer.ANSWERS, deep=True)
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


def test_the_cards_of_a_drained_worker_are_drained_until_its_instance_is_back() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=22.0)
    watched.discard(INSTANCE)
    watched.verdicts.drained({0xA: NOW})
    assert watched.verdicts.update() == {CARD.key}
    assert watched.of(CARD) is Verdict.DRAINED
    watched.put(INSTANCE)
    assert watched.of(CARD) is Verdict.LIVE
    watched.verdicts.drained({})
    watched.discard(INSTANCE)
    assert watched.of(CARD) is Verdict.LIVE


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
    broker = Target(Method.ZMTP, "10.0.0.9:5556")
    assert broker in watched.verdicts.targets(channel)
    assert broker not in watched.verdicts.targets(INSTANCE)
    watched.verdicts.heard_readings([Reading(broker, Answer.SILENT, NOW, "is silent")])
    assert watched.verdicts.update() == {channel.key}
    assert watched.of(channel) is Verdict.UNREACHABLE
    assert watched.of(INSTANCE) is Verdict.LIVE


def card_of(worker: int, context_length: int) -> AnyRecord:
    key, value = registered.card(worker)
    changed = json.loads(value)
    changed["card_json"]["context_length"] = context_length
    return record((key, json.dumps(changed).encode()), lease=worker)


def test_a_card_that_differs_from_most_of_its_model_is_in_conflict_and_says_in_what() -> None:
    alike = [card_of(worker, 4096) for worker in (1, 2)]
    odd = card_of(3, 2048)
    watched = Watched(*alike, odd)
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    assert watched.of(odd) is Verdict.CONFLICT
    assert watched.of(alike[0]) is Verdict.LIVE
    first = watched.verdicts.judgement(odd, NOW).evidence[0].text
    assert first == (
        "its card differs from most of its model in context_length 2048 (theirs: 4096): "
        "a frontend takes one sort or the other, not both"
    )
    assert watched.discard(*alike) == {odd.key}
    assert watched.of(odd) is Verdict.LIVE


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
    watched.verdicts.heard_readings([Reading(target, Answer.REFUSED, NOW, "refused")])
    watched.lives(a=22.0, c=1.0)
    watched.put(INSTANCE)
    assert watched.of(INSTANCE) is Verdict.UNKNOWN
    assert watched.verdicts.take_new_handles() == {0xA}


def test_one_failed_probe_is_not_enough_to_propose_a_removal() -> None:
    unleased = record(registered.instance(0xA))
    watched = Watched(unleased)
    (target,) = watched.verdicts.targets(unleased)

    def probed(answer: Answer, at: float) -> bool:
        watched.verdicts.heard_readings([Reading(target, answer, at, answer.value)])
        watched.verdicts.update()
        return watched.verdicts.is_stale(unleased)

    assert not probed(Answer.REFUSED, NOW)
    assert watched.of(unleased) is Verdict.UNREACHABLE
    assert not probed(Answer.ACCEPTS, NOW + 1)
    assert not probed(Answer.REFUSED, NOW + 3)
    assert probed(Answer.REFUSED, NOW + 5)


def test_a_changed_value_on_the_same_lease_keeps_what_is_known_of_the_lease() -> None:
    watched = Watched(INSTANCE)
    watched.lives(a=22.0)
    again = record(registered.instance(0xA, address="10.9.9.9:1"), lease=0xA, revision="2")
    watched.put(again)
    assert watched.of(again) is Verdict.LIVE


def test_the_evidence_names_what_decides_first() -> None:
    watched = Watched(INSTANCE, CARD)
    watched.lives(a=11.0)
    watched.probed(INSTANCE, Answer.REFUSED)
    judgement = watched.verdicts.judgement(CARD, NOW)
    assert judgement.verdict is Verdict.UNREACHABLE
    assert [piece.text for piece in judgement.evidence] == [
        "10.0.0.10:9000 refused",
        "its lease has 11 of 30 s left: the keep-alive at 15 s was missed",
    ]


_evidence = st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1.0, 5.0, 22.0])), max_size=4)


@settings(deadline=None, max_examples=60)
@given(events, st.booleans(), st.data())
def test_verdicts_follow_from_what_is_there_now_and_not_from_the_way_there(
    told: list[Event], has_leases: bool, data: st.DataObject
) -> None:
    followed = Watched(has_leases=has_leases)
    last: dict[Handle, Life] = {}
    for event in told:
        followed.cluster.apply(event, NOW)
        followed.verdicts.update(followed.cluster.take_changes().keys)
        lives: dict[Handle, Life] = {
            lease: life(remaining) for lease, remaining in data.draw(_evidence)
        }
        followed.verdicts.heard_lives(lives)
        there = {handle_of(one) for one in followed.cluster.records.values()}
        last = {handle: one for handle, one in (last | lives).items() if handle in there}
        followed.verdicts.update()
        fresh = Watched(has_leases=has_leases)
        fresh.put(*followed.cluster.records.values())
        fresh.verdicts.heard_lives(last)
        fresh.verdicts.update()
        assert_same(followed, fresh)
    assert followed.cluster.records == contents(told)


def assert_same(one: Watched, other: Watched) -> None:
    keys = one.cluster.records
    assert {key: one.verdicts.of(key) for key in keys} == {
        key: other.verdicts.of(key) for key in keys
    }
    assert one.verdicts.findings == other.verdicts.findings
    for scope in ((), ("prod",), ("a",), ("a", "b")):
        assert set(one.verdicts.not_live(scope)) == set(other.verdicts.not_live(scope))
    counted = {
        key
        for key, record in one.cluster.records.items()
        if record.kind is Kind.ENDPOINT and one.verdicts.of(key) in FINDINGS
    }
    assert set(one.verdicts.not_live()) == counted


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
