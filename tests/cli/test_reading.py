"""What the commands see of a store that changes while they look."""

from __future__ import annotations

from backends.discovery.discovery import Discovery
from backends.dynamo.ids import Kind
from backends.dynamo.queries import EVERYTHING, Query
from backends.memory import Keyspace, MemoryStore
from tests.support.registered import KeyAndValue, card, channel, instance, record, source
from tui.cli.shared.reading import Publishers, list_with_publishers, with_sources

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
