"""Verdicts on workers whose lease is not their instance id, as other programs register."""

from __future__ import annotations

import json

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added
from backends.discovery.history import EventType, History
from backends.discovery.tombstones import Tombstones
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence_kinds import InstancesUnusable, WorkerGone
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.tracker import LivenessTracker
from backends.store import Lifetime, TimeToLive
from tests.support import registered
from tests.support.registered import record

INSTANCE_ID, LEASE, NEXT_LEASE = 0x1234567890ABC1, 0x7865A225462BD50A, 0x7865A225462BD5FF


def judged(*records: AnyRecord) -> tuple[Cluster, LivenessTracker]:
    cluster = Cluster()
    tracker = LivenessTracker(cluster, Lifetime.LEASED)
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    tracker.update(cluster.records)
    return cluster, tracker


def test_a_new_lease_for_the_same_key_is_one_change_and_never_unleased() -> None:
    """After a failed keep-alive such a server puts the same keys under another lease."""
    instance = record(registered.instance(INSTANCE_ID), lease=LEASE)
    card = record(registered.card(INSTANCE_ID), lease=LEASE)
    cluster, tracker = judged(instance, card)
    history, stones = History(), Tombstones()
    tracker.observe_ttls({LEASE: LeaseTtl(TimeToLive(10.0, 9.0), 0.0)})
    seen = []
    for before in (instance, card):
        again = record((before.key, before.entry.value), lease=NEXT_LEASE, revision="2")
        cluster.apply(Added(again, before), 1.0)
        noted = history.apply(Added(again, before), 1.0)
        stones.note(noted)
        tracker.update(cluster.take_changes().keys)
        assert [one.type for one in noted] == [EventType.CHANGED]
        seen += [tracker.of(one.key) for one in (instance, card)]
    # The old lease runs out by itself, with nothing on it.
    tracker.observe_ttls({NEXT_LEASE: LeaseTtl(TimeToLive(10.0, 9.0), 12.0)})
    tracker.update()
    assert set(seen).isdisjoint({Verdict.UNLEASED, Verdict.ORPHANED, Verdict.EXPIRED})
    assert len(stones) == 0
    assert stones.restarts(instance, 12.0) == 0
    assert LEASE not in {one.lease for one in cluster.registered_by(INSTANCE_ID)}


def test_a_card_that_somebody_put_by_hand_beside_it_has_a_worker() -> None:
    instance = record(registered.instance(INSTANCE_ID), lease=LEASE)
    by_hand = record(registered.card(INSTANCE_ID))
    _, tracker = judged(instance, by_hand)
    assert tracker.of(by_hand.key) is Verdict.UNLEASED


def test_evidence_does_not_say_that_an_instance_is_missing_that_is_only_unusable() -> None:
    key, value = registered.instance(5)
    malformed = record((key, value.replace(b'"Endpoint"', b'"Other"')))
    card = record(registered.card(5))
    _, tracker = judged(malformed, card)
    assert tracker.of(card.key) is Verdict.ORPHANED
    shown = [one.values for one in tracker.assessment(card, 0.0).evidence]
    assert InstancesUnusable(5, 1) in shown
    assert not any(isinstance(one, WorkerGone) for one in shown)


def test_a_card_of_0_5_belongs_to_what_is_on_its_lease() -> None:
    """Its key and value have no id, as `models/{uuid}` to 0.5 has none."""
    names = {"namespace": "prod", "component": "backend"}
    instance = record(
        (
            b"instances/prod/backend/generate:%x" % INSTANCE_ID,
            json.dumps(
                {
                    **names,
                    "endpoint": "generate",
                    "instance_id": INSTANCE_ID,
                    "transport": {"nats_tcp": "prod_backend.generate-1"},
                }
            ).encode(),
        ),
        lease=LEASE,
    )
    entry = {"name": "acme/tiny", "endpoint": {**names, "name": "generate"}, "model_type": "Chat"}
    card = record((b"models/5ecfbbe8", json.dumps(entry).encode()), lease=LEASE)
    cluster, tracker = judged(instance, card)
    tracker.observe_ttls({LEASE: LeaseTtl(TimeToLive(10.0, 9.0), 0.0)})
    tracker.update()
    assert cluster.worker_of(card) == cluster.worker_of(instance)
    assert tracker.of(card.key) is Verdict.LIVE
    cluster.discard(instance.key)
    tracker.update(cluster.take_changes().keys)
    assert tracker.of(card.key) is Verdict.DRAINED
