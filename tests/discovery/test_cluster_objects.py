"""In Kubernetes one object is one worker, whatever ids its records have."""

from __future__ import annotations

from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, EventChannel, EventSource
from backends.store import Entry, Revision
from backends.store.owner import qualify
from tests.support import registered
from tests.support.owned import NOT_READY, READY, WORKER, owned

INSTANCE = owned(registered.instance(WORKER))
CARD = owned(registered.card(WORKER))
CHANNEL = owned(registered.channel(0x77))
SOURCE = owned(registered.source(0x77, worker=0))
ALL = [INSTANCE, CARD, CHANNEL, SOURCE]
STAGING = replace(READY, namespace="staging", uid="object-2")


def cluster_of(*records: AnyRecord) -> Cluster:
    cluster = Cluster()
    for one in records:
        cluster.put(one, FirstSeen(0.0, was_there=True))
    return cluster


def test_all_records_of_an_object_belong_to_the_worker_of_its_name() -> None:
    cluster = cluster_of(*ALL)
    assert {cluster.worker_of(one) for one in ALL} == {WORKER}
    assert list(cluster.workers()) == [WORKER]
    assert {one.key for one in cluster.registered_by(WORKER)} == {one.key for one in ALL}
    assert len(cluster.registered_by(WORKER)) == len(ALL)


def test_a_channel_without_a_source_is_its_objects() -> None:
    assert cluster_of(CHANNEL).worker_of(CHANNEL) == WORKER


def test_another_owner_of_the_same_value_replaces_a_record_and_keeps_its_age() -> None:
    cluster = cluster_of(*ALL)
    cluster.take_changes()
    cluster.put(owned(registered.instance(WORKER), NOT_READY), FirstSeen(9.0, was_there=False))
    owner = cluster.records[INSTANCE.key].entry.owner
    assert owner == NOT_READY
    assert cluster.first_seen(INSTANCE.key).at == 0.0
    assert cluster.take_changes().keys == {INSTANCE.key}


def test_an_object_whose_ids_are_not_its_own_is_one_worker_by_the_id_that_is_routed_to() -> None:
    records = [owned(registered.instance(5)), owned(registered.card(5)), CHANNEL]
    cluster = cluster_of(*records)
    assert {cluster.worker_of(one) for one in records} == {5}
    assert cluster.worker_id(WORKER) == 5
    for one in records[:2]:
        cluster.discard(one.key)
    assert cluster.worker_of(CHANNEL) == WORKER


def test_objects_of_one_name_in_two_namespaces_are_one_id_and_stay_apart() -> None:
    key, value = registered.instance(WORKER)
    other = read(Entry(qualify(key, STAGING), value, Revision("1"), owner=STAGING))
    cluster = cluster_of(*ALL, other)
    assert list(cluster.workers()) == [WORKER]
    assert len(cluster.registered_by(WORKER)) == 5
    assert cluster.siblings(other) == []
    assert other not in cluster.siblings(CARD)
    assert cluster.instance_of(CARD) == INSTANCE
    key, value = registered.card(WORKER)
    card = read(Entry(qualify(key, STAGING), value, Revision("1"), owner=STAGING))
    assert cluster_of(*ALL, other, card).instance_of(card) == other


def test_a_source_in_an_object_is_joined_to_its_channel() -> None:
    cluster = cluster_of(*ALL)
    assert isinstance(CHANNEL, EventChannel)
    assert isinstance(SOURCE, EventSource)
    assert cluster.channel_of(SOURCE) == CHANNEL
    assert cluster.sources_of(CHANNEL) == [SOURCE]
