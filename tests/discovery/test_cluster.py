"""A cluster is what is registered now, however it came to be so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.record_index import RecordIndex, Scope, Selection, own_worker, scopes_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EventChannel, EventSource, ModelCard
from backends.dynamo.roles import role_of
from tests.support import events, registered
from tests.support.events import Event
from tests.support.registered import record


def cluster_of(records: Iterable[AnyRecord]) -> Cluster:
    cluster = Cluster()
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    return cluster


def after(told: list[Event]) -> Cluster:
    cluster = Cluster()
    for number, event in enumerate(told):
        cluster.apply(event, float(number))
    return cluster


def answers_on_places(places: RecordIndex, scopes: Iterable[Scope]) -> dict[str, Any]:
    """All that can be asked of places."""
    found: dict[str, Any] = {"records": places.records}
    for scope in scopes:
        found[f"has {scope}"] = places.has(scope)
        found[f"children {scope}"] = places.children(scope)
        found[f"workers {scope}"] = set(places.workers(scope))
        found[f"instances {scope}"] = places.count_instances(scope), places.count_all(scope)
        for kind in Kind:
            found[f"{kind} {scope}"] = set(places.keys(kind, scope)), places.count(kind, scope)
    return found


def answers(cluster: Cluster, scopes: Iterable[Scope]) -> dict[str, Any]:
    """All that can be asked of a cluster."""
    found = answers_on_places(cluster, scopes)
    found["no workers"] = dict(cluster.no_workers())
    for worker in cluster.workers():
        found[f"by {worker}"] = cluster.registered_by(worker)
    for key, one in cluster.records.items():
        found[f"around {key!r}"] = (
            cluster.worker_of(one),
            cluster.siblings(one),
            cluster.instance_of(one),
            cluster.base_of(one) if isinstance(one, ModelCard) else None,
            cluster.sources_of(one) if isinstance(one, EventChannel) else None,
            cluster.channel_of(one) if isinstance(one, EventSource) else None,
        )
    return found


def scopes_in(told: list[Event]) -> set[Scope]:
    scopes: set[Scope] = {(), ("nowhere",)}
    changes: list[Added | Removed] = []
    for event in told:
        changes += [*event.removed, *event.added] if isinstance(event, Resynced) else [event]
    for change in changes:
        scopes |= set(scopes_of(change.record))
    return scopes


@given(events.events)
def test_after_any_events_it_equals_one_built_from_what_is_there(told: list[Event]) -> None:
    scopes = scopes_in(told)
    there = events.contents(told)
    # In another order than it came, too.
    built = cluster_of(there[key] for key in sorted(there))
    assert answers(after(told), scopes) == answers(built, scopes)


@given(events.events)
def test_the_workers_of_a_place_that_was_asked_about_stay_right(told: list[Event]) -> None:
    scopes, cluster = scopes_in(told), Cluster()
    for number, event in enumerate(told):
        cluster.apply(event, float(number))
        there = cluster.records.values()
        for scope in scopes:
            inside = {own_worker(one) for one in there if scope in scopes_of(one)}
            assert set(cluster.workers(scope)) == {
                cluster.worker_id(one) for one in inside if one is not None
            }


@given(events.events, st.data())
def test_the_role_of_a_process_is_that_of_all_its_records(
    told: list[Event], data: st.DataObject
) -> None:
    cluster = Cluster()
    for number, event in enumerate(told):
        cluster.apply(event, float(number))
        if data.draw(st.booleans()):
            cluster.no_workers()
    for worker in cluster.workers():
        assert cluster.role(worker) is role_of(cluster.registered_by(worker))


@given(events.events)
def test_what_is_in_a_place_is_what_names_that_place(told: list[Event]) -> None:
    there, cluster = events.contents(told), after(told)
    for scope in scopes_in(told):
        inside = {key for key, one in there.items() if scope in scopes_of(one)}
        for kind in Kind:
            of_kind = {key for key in inside if there[key].kind == kind}
            assert set(cluster.keys(kind, scope)) == of_kind
        below = {place for one in there.values() for place in scopes_of(one)}
        names = {place[-1] for place in below if place and place[:-1] == scope}
        assert cluster.children(scope) == sorted(names)
        assert cluster.has(scope) == (scope == () or bool(inside))


@given(events.events, st.booleans())
def test_nothing_is_left_behind_when_everything_went(told: list[Event], asked: bool) -> None:
    """`asked`: what the processes are, before and after; else never."""
    cluster = after(told)
    if asked:
        cluster.no_workers()
    for one in list(cluster.records.values()):
        cluster.apply(Removed(one), 0.0)
    cluster.take_changes()
    if asked:
        cluster.no_workers()
    left = {name: value for name, value in vars(cluster).items() if value}
    del left["_changes"]
    assert left == {}


@given(events.events)
def test_the_changes_name_each_key_and_place_that_differs(told: list[Event]) -> None:
    cluster = Cluster()
    for number, event in enumerate(told):
        before = dict(cluster.records)
        cluster.apply(event, float(number))
        changes = cluster.take_changes()
        now = cluster.records
        differing = {key for key in before | now if before.get(key) != now.get(key)}
        assert differing <= changes.keys
        for key in differing:
            for one in (before.get(key), now.get(key)):
                assert one is None or set(scopes_of(one)) <= changes.scopes
    assert not cluster.take_changes().keys


def test_a_change_keeps_since_when_a_record_is_known_and_a_return_does_not() -> None:
    cluster = Cluster()
    key, _ = registered.instance(1)
    one, other = record(registered.instance(1)), record(registered.instance(1), revision="2")
    cluster.apply(Added(one), 10.0)
    cluster.apply(Added(other, one), 20.0)
    assert cluster.first_seen(key) == FirstSeen(10.0, was_there=False)
    cluster.apply(Removed(other), 30.0)
    with pytest.raises(KeyError):
        cluster.first_seen(key)
    cluster.apply(Added(one), 40.0)
    assert cluster.first_seen(key) == FirstSeen(40.0, was_there=False)


def test_another_value_of_a_key_is_known_since_it_came() -> None:
    cluster = Cluster()
    key, _ = registered.card(1)
    one, same = record(registered.card(1)), record(registered.card(1), revision="2")
    other = record((key, registered.card(1, "acme/other")[1]), revision="3")
    of_another_worker = record((key, registered.card(2)[1]), revision="4")
    cluster.apply(Added(one), 10.0)
    cluster.apply(Added(same, one), 20.0)
    assert cluster.value_seen(key) == FirstSeen(10.0, was_there=False)
    cluster.apply(Added(other, same), 30.0)
    assert cluster.value_seen(key) == FirstSeen(30.0, was_there=False)
    assert cluster.first_seen(key) == FirstSeen(10.0, was_there=False)
    # In a gap: it is at least that old.
    cluster.apply(Resynced((), (Added(of_another_worker, other),), "5"), 40.0)
    assert cluster.value_seen(key) == FirstSeen(40.0, was_there=True)
    cluster.apply(Removed(of_another_worker), 50.0)
    cluster.apply(Added(one), 60.0)
    assert cluster.value_seen(key) == FirstSeen(60.0, was_there=False)


def test_what_a_whole_reading_finds_may_be_older_at_the_start_and_after_a_gap() -> None:
    cluster = Cluster()
    one, other = record(registered.instance(1)), record(registered.instance(2))
    cluster.apply(Resynced((), (Added(one),), "1"), 10.0)
    cluster.apply(Resynced((), (Added(other),), "2"), 20.0)
    assert cluster.first_seen(one.key) == FirstSeen(10.0, was_there=True)
    assert cluster.first_seen(other.key) == FirstSeen(20.0, was_there=True)


def test_one_reading_is_taken_in_as_its_records_one_by_one_also_where_a_key_comes_twice() -> None:
    known, other = record(registered.instance(1)), record(registered.card(1))
    coming = [
        record(registered.instance(1), revision="2"),
        record(registered.instance(2)),
        other,
        record(registered.instance(2), revision="2"),
    ]
    at_once, one_by_one = cluster_of([known]), cluster_of([known])
    for _ in at_once.resync(Resynced((), tuple(map(Added, coming)), "1"), 10.0, 3):
        pass
    for one in coming:
        one_by_one.put(one, FirstSeen(10.0, was_there=True))
    scopes = scopes_of(known)
    assert answers(at_once, scopes) == answers(one_by_one, scopes)
    for key in at_once.records:
        assert at_once.first_seen(key) == one_by_one.first_seen(key)


def test_what_is_in_a_place_comes_in_the_order_of_the_store() -> None:
    there = [record(registered.instance(one)) for one in (*range(100, 150), *range(1, 50))]
    cluster = Cluster()
    cluster.apply(Resynced((), tuple(map(Added, there)), "1"), 10.0)
    in_order = [one.key for one in there]
    assert list(cluster.records) == list(cluster.keys(Kind.ENDPOINT)) == in_order
    assert list(cluster.keys(Kind.ENDPOINT, ("prod", "backend"))) == in_order


def test_unknown_keys_are_counted_in_everything_and_nowhere_else() -> None:
    cluster = cluster_of([record(registered.UNKNOWN)])
    assert cluster.count(Kind.UNKNOWN) == 1
    assert cluster.children(()) == []


def test_a_record_without_a_namespace_is_somewhere() -> None:
    cluster = cluster_of([record((b"v1/instances/lonely", b"{}"))])
    assert cluster.children(()) == [""]
    assert cluster.count(Kind.ENDPOINT, ("",)) == 1


def test_what_belongs_together_is_found_by_lease_and_by_id() -> None:
    instance = record(registered.instance(1), lease=1)
    card = record(registered.card(1), lease=1)
    channel, source = record(registered.channel(77)), record(registered.source(77, 1))
    cluster = cluster_of([instance, card, channel, source])
    assert isinstance(channel, EventChannel)
    assert isinstance(source, EventSource)
    assert [cluster.worker_of(one) for one in (instance, card, channel, source)] == [1, 1, 1, 1]
    assert cluster.siblings(instance) == [channel, source, card]
    assert {cluster.instance_of(one) for one in (card, channel, source)} == {instance}
    assert cluster.sources_of(channel) == [source]
    assert cluster.channel_of(source) == channel


def test_a_source_that_says_worker_0_does_not_tell_whose_a_channel_is() -> None:
    channel, source = record(registered.channel(77)), record(registered.source(77, 0))
    cluster = cluster_of([channel, source])
    assert cluster.worker_of(channel) is None
    assert cluster.siblings(source) == []
    assert cluster.instance_of(channel) is None


def test_the_instance_of_a_card_is_that_of_the_same_endpoint() -> None:
    first, same = registered.instance(1, endpoint="aaa"), registered.instance(1)
    card = record(registered.card(1), lease=1)
    cluster = cluster_of([record(first, lease=1), record(same, lease=1), card])
    assert cluster.instance_of(card) == record(same, lease=1)


@given(events.events, st.data())
def test_a_selection_is_as_if_nothing_else_were_registered_however_much_is_left_out(
    told: list[Event], data: st.DataObject
) -> None:
    cluster = after(told)
    scopes = {scope for one in cluster.records.values() for scope in scopes_of(one)}
    for scope in data.draw(st.sets(st.sampled_from(sorted(scopes)))) if scopes else ():
        cluster.workers(scope)  # what was counted once is kept
    chosen = [one for one in cluster.records.values() if data.draw(st.integers(0, 9)) > 2]

    selection = Selection(cluster, [one.key for one in chosen])

    alone = Selection(cluster_of(chosen), [one.key for one in chosen])
    assert answers_on_places(selection, scopes) == answers_on_places(alone, scopes)


THIRD_PARTY, LEASE, NEXT_LEASE = 0x1234567890ABC1, 0x7865A225462BD50A, 0x7865A225462BD5FF
"""As a public server registers itself: its instance id is not its lease."""


def test_a_lease_that_is_not_the_instance_id_is_known_by_the_id() -> None:
    instance = record(registered.instance(THIRD_PARTY), lease=LEASE)
    card = record(registered.card(THIRD_PARTY), lease=LEASE)
    channel = record(registered.channel(77), lease=LEASE)
    cluster = cluster_of([instance, card, channel])
    assert {cluster.worker_of(one) for one in (instance, card, channel)} == {THIRD_PARTY}
    assert set(cluster.workers()) == set(cluster.workers(("prod", "backend"))) == {THIRD_PARTY}
    everything = sorted([instance, card, channel], key=lambda one: one.key)
    assert cluster.registered_by(THIRD_PARTY) == cluster.registered_by(LEASE) == everything
    assert cluster.instance_of(card) == cluster.instance_of(channel) == instance
    assert cluster.instance_ids(THIRD_PARTY) == [THIRD_PARTY]
    assert cluster.worker_id(LEASE) == cluster.worker_id(THIRD_PARTY) == THIRD_PARTY


def test_between_two_leases_it_stays_one_worker() -> None:
    instance = record(registered.instance(THIRD_PARTY), lease=LEASE)
    card = record(registered.card(THIRD_PARTY), lease=LEASE)
    cluster = cluster_of([instance, card])
    again = record(registered.instance(THIRD_PARTY), lease=NEXT_LEASE, revision="2")
    cluster.apply(Added(again, instance), 1.0)
    assert cluster.siblings(card) == [again]
    assert set(cluster.workers()) == {THIRD_PARTY}
    assert cluster.first_seen(again.key) == FirstSeen(0.0, was_there=True)
    by_hand = record(registered.card(THIRD_PARTY, endpoint="other"))
    cluster.apply(Added(by_hand), 2.0)
    assert cluster.worker_of(by_hand) == THIRD_PARTY
    assert by_hand in cluster.registered_by(THIRD_PARTY)


def test_several_ids_on_one_lease_are_one_process_that_has_them_all() -> None:
    ids = [0x30, 0x10, 0x20]
    cluster = cluster_of(
        [record(registered.instance(one), lease=LEASE) for one in ids]
        + [record(registered.instance(LEASE, endpoint="own"), lease=LEASE)]
    )
    assert cluster.workers() == {0x10}
    assert cluster.instance_ids(0x10) == [0x10, 0x20, 0x30, LEASE]
    assert len(cluster.registered_by(0x20)) == 4
