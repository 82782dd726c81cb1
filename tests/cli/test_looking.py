"""What the commands see of a store that changes while they look."""

from __future__ import annotations

from backends.discovery import Discovery
from backends.ids import Kind
from backends.liveness import Verdict
from backends.memory import Keyspace, MemoryStore
from backends.queries import EVERYTHING, Query
from tests.registered import KeyAndValue, card, channel, instance, record, source
from tui.commands.looking import Publishers, list_with_publishers, look, with_sources

WORKER, OTHER, PUBLISHER = 0xA907, 0xA908, 0x51
CHANNELS = Query(frozenset({Kind.EVENT_CHANNEL}))


def world(*unleased: KeyAndValue) -> tuple[Keyspace, Discovery]:
    """Two workers on leases, and what hangs on none."""
    keyspace = Keyspace(lambda: 1000.0)
    for worker in (WORKER, OTHER):
        keyspace.grant(worker, 10.0)
        for key, value in (instance(worker), card(worker)):
            keyspace.put(key, value, worker)
    for key, value in unleased:
        keyspace.put(key, value)
    return keyspace, Discovery(MemoryStore(keyspace))


async def test_a_worker_that_leaves_while_leases_are_asked_is_no_finding() -> None:
    keyspace, discovery = world()
    sight = await look(discovery, EVERYTHING, lambda: 1000.0)
    keyspace.end_lease(WORKER)
    await sight.ask_leases(discovery)
    assert {one.lease for one in sight.records} == {OTHER}
    assert {sight.verdict(one) for one in sight.records} == {Verdict.LIVE}
    assert not sight.verdicts.findings


async def test_the_repr_of_a_sight_does_not_grow_with_what_is_in_it() -> None:
    _, discovery = world()
    sight = await look(discovery, EVERYTHING)
    assert "EndpointInstance" not in repr(sight)


async def test_only_leases_of_what_was_asked_for_are_asked() -> None:
    keyspace, discovery = world()
    endpoint = record(instance(OTHER)).id
    keyspace.put(*instance(OTHER, component="router"), OTHER)
    sight = await look(discovery, Query(frozenset(Kind), component="router"), lambda: 1000.0)
    await sight.ask_leases(discovery)
    assert [one.id.component for one in sight.records] == ["router"]
    assert sight.judgement(sight.records[0]).verdict is Verdict.LIVE
    well, unknown = (
        next(one for one in sight.cluster.records.values() if one.id.instance_id == worker)
        for worker in (endpoint.instance_id, WORKER)
    )
    assert sight.verdict(well) is Verdict.LIVE
    assert sight.verdict(unknown) is Verdict.UNKNOWN


async def test_sources_are_read_only_where_a_channel_needs_them() -> None:
    keyspace, discovery = world(channel(PUBLISHER), source(PUBLISHER, WORKER))
    records, publishers, _ = await list_with_publishers(discovery, CHANNELS)
    assert [one.kind for one in records] == [Kind.EVENT_CHANNEL]
    assert publishers.worker_of(records[0]) == WORKER
    key, value = channel(PUBLISHER)
    # On a lease a channel is its lease's, whatever its source says.
    keyspace.put(key, value, OTHER)
    records, publishers, _ = await list_with_publishers(discovery, CHANNELS)
    assert publishers.worker_of(records[0]) == OTHER
    assert with_sources(EVERYTHING) == EVERYTHING


def test_whose_a_channel_is_changes_with_its_sources() -> None:
    publishers, its_channel = Publishers(), record(channel(PUBLISHER))
    assert publishers.worker_of(its_channel) is None
    publishers.add(record(source(PUBLISHER, WORKER)))
    assert publishers.worker_of(its_channel) == WORKER
    publishers.add(record(source(PUBLISHER, OTHER), revision="2"))
    assert publishers.worker_of(its_channel) == OTHER
    publishers.remove(record(source(PUBLISHER, OTHER)))
    assert publishers.worker_of(its_channel) is None
