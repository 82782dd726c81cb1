"""A watch tells first everything, then every change, and after a gap only what differs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.discovery import (
    RECORDS_BETWEEN_YIELDS,
    Added,
    Discovery,
    Removed,
    Resynced,
    WatchEvent,
)
from backends.dynamo import queries
from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING, Query
from backends.dynamo.records import AnyRecord
from backends.memory import Keyspace, MemoryStore
from backends.store import (
    Cause,
    Entry,
    Heartbeat,
    Loading,
    Lost,
    Resync,
    Revision,
    StoreEvent,
    Unreachable,
)

DEADLINE = 60.0
"""Seconds within which an awaited event must come: generous, these machines are shared."""

GONE = Unreachable("memory", Cause.LOST)
KEY = b"v1/instances/prod/backend/generate/1a"
OTHER = b"v1/instances/prod/backend/generate/1b"
ELSEWHERE = b"v1/instances/prod2/backend/generate/1a"


class Following:
    """A watch, followed as a consumer must; checks that each event fits what was told before."""

    def __init__(self, events: AsyncIterator[WatchEvent]) -> None:
        self._events = events
        self.records: dict[bytes, AnyRecord] = {}
        self.is_complete = False

    async def next(self) -> WatchEvent:
        async with asyncio.timeout(DEADLINE):
            event: WatchEvent = await anext(self._events)
            while isinstance(event, Heartbeat) and not event.warnings:
                event = await anext(self._events)
        self._apply(event)
        return event

    async def until_known(self, key: bytes) -> None:
        while key not in self.records:
            await self.next()

    def _apply(self, event: WatchEvent) -> None:
        match event:
            case Resynced(removed=removed, added=added):
                self.is_complete = True
                for gone in removed:
                    self._apply(gone)
                for new in added:
                    self._apply(new)
            case Added(record=record, previous=previous):
                assert self.is_complete
                assert previous == self.records.get(record.key)
                assert previous is None or previous.entry != record.entry
                self.records[record.key] = record
            case Removed(record=record):
                assert self.is_complete
                assert self.records.pop(record.key) == record
                assert event.id == record.id


@asynccontextmanager
async def following(discovery: Discovery, query: Query = EVERYTHING) -> AsyncIterator[Following]:
    async with aclosing(discovery.watch(query)) as events:
        yield Following(events)


async def test_a_watch_tells_first_everything_that_is_there(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for key in (OTHER, KEY):
        keyspace.put(key, b"{}")
    async with following(discovery) as watch:
        first = await watch.next()
    assert isinstance(first, Resynced)
    assert [added.record.key for added in first.added] == [KEY, OTHER]
    assert (first.removed, first.revision) == ((), "2")


async def test_a_watch_on_an_empty_store_says_that_it_is_empty(discovery: Discovery) -> None:
    async with following(discovery) as watch:
        assert await watch.next() == Resynced((), (), "0")


async def test_a_watch_tells_changes_in_order_and_what_they_replace(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    async with following(discovery) as watch:
        await watch.next()
        keyspace.put(KEY, b"{}")
        keyspace.put(KEY, b"[]")
        keyspace.delete(KEY)
        created, changed, removed = [await watch.next() for _ in range(3)]

    assert isinstance(created, Added)
    assert isinstance(changed, Added)
    assert isinstance(removed, Removed)
    assert created.previous is None
    assert changed.previous == created.record
    assert changed.record.entry.value == b"[]"
    assert removed.record == changed.record


async def test_a_watch_tells_an_expiry_mark_as_a_change(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    keyspace.put(KEY, b"{}")
    async with following(discovery) as watch:
        await watch.next()
        keyspace.expire(KEY, 1000.0)
        event = await watch.next()
    assert isinstance(event, Added)
    assert event.record.expired_at == 1000.0


async def test_a_watch_tells_nothing_of_what_was_not_asked_for(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    async with following(discovery, queries.namespaced_endpoints("prod")) as watch:
        await watch.next()
        keyspace.put(ELSEWHERE, b"{}")
        keyspace.put(b"v1/mdc/prod/backend/generate/1a", b"{}")
        keyspace.delete(ELSEWHERE)
        keyspace.put(KEY, b"{}")
        event = await watch.next()
    assert isinstance(event, Added)
    assert event.record.key == KEY


async def test_what_was_there_at_the_start_is_not_held_for_as_long_as_a_watch_goes_on() -> None:
    class Tracked(str):
        __slots__ = ("__weakref__",)

    class Two(MemoryStore):
        async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
            revision = Tracked("1")
            followed.append(ref(revision))
            yield Resync((), revision)
            del revision
            yield Heartbeat()
            yield Heartbeat()

    followed: list[ref[Tracked]] = []
    async with aclosing(Discovery(Two(Keyspace())).watch(EVERYTHING)) as events:
        assert await anext(events) == Resynced((), (), "1")
        assert await anext(events) == Heartbeat()
        assert followed[0]() is None


async def test_a_key_that_is_written_again_is_not_kept_twice(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    async with following(discovery) as watch:
        await watch.next()
        keyspace.put(bytes(bytearray(KEY)), b"{}")
        keyspace.put(bytes(bytearray(KEY)), b"[]")
        created, changed = [await watch.next() for _ in range(2)]
    assert isinstance(created, Added)
    assert isinstance(changed, Added)
    assert changed.record.key is created.record.key


async def test_a_watch_tells_when_the_store_is_lost_and_then_only_what_differs(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for key in (KEY, OTHER, ELSEWHERE):
        keyspace.put(key, b"{}")
    async with following(discovery) as watch:
        await watch.next()
        keyspace.break_off(GONE)
        keyspace.put(OTHER, b"[]")
        keyspace.delete(ELSEWHERE)
        keyspace.mend()
        lost, resynced = [await watch.next() for _ in range(2)]

    assert lost == Lost(GONE)
    assert isinstance(resynced, Resynced)
    assert [added.record.key for added in resynced.added] == [OTHER]
    assert [removed.record.key for removed in resynced.removed] == [ELSEWHERE]


async def test_a_watch_that_resyncs_late_tells_each_later_change_once(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    async with following(discovery) as watch:
        await watch.next()
        keyspace.break_off(GONE)
        keyspace.mend()
        keyspace.put(KEY, b"{}")
        keyspace.put(KEY, b"[]")
        events = [await watch.next() for _ in range(4)]
    assert events[:2] == [Lost(GONE), Resynced((), (), "0")]
    assert [e.record.entry.value for e in events[2:] if isinstance(e, Added)] == [b"{}", b"[]"]


async def test_a_watch_begun_while_the_store_is_lost_fills_when_it_is_back(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    keyspace.put(KEY, b"{}")
    keyspace.break_off(GONE)
    async with following(discovery) as watch:
        assert await watch.next() == Lost(GONE)
        assert not watch.is_complete
        keyspace.mend()
        await watch.next()
        assert watch.records.keys() == {KEY}


async def test_a_watch_passes_on_what_the_store_says_of_itself(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    async with following(discovery) as watch:
        await watch.next()
        keyspace.warn("no space")
        assert await watch.next() == Heartbeat(("no space",))


async def test_a_watch_passes_on_how_loading_goes() -> None:
    class Slow(MemoryStore):
        async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
            yield Loading(1, 2)
            yield Resync((Entry(KEY, b"{}", Revision("1")),), "1")

    async with following(Discovery(Slow())) as watch:
        assert await watch.next() == Loading(1, 2)
        assert isinstance(await watch.next(), Resynced)


async def test_what_a_store_tells_while_it_loads_is_read_then_and_the_whole_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, changed = Entry(KEY, b"{}", Revision("1")), Entry(KEY, b"[]", Revision("2"))
    other = Entry(OTHER, b"{}", Revision("1"))
    gone = Entry(ELSEWHERE, b"{}", Revision("1"))

    class Paged(MemoryStore):
        async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
            yield Loading(0, 3, (first, gone))
            yield Loading(2, 3, (other,))
            # Meanwhile all was read anew.
            yield Resync((changed, other), "2")
            yield Loading(0, 2, (other,))
            yield Resync((changed, other), "3")

    was_read: list[Entry] = []

    def noted(entry: Entry) -> AnyRecord:
        was_read.append(entry)
        return read(entry)

    monkeypatch.setattr("backends.discovery.discovery.read", noted)
    async with following(Discovery(Paged())) as watch:
        assert await watch.next() == Loading(0, 3)
        await watch.next()
        assert was_read == [first, gone, other]
        await watch.next()
        assert {key: one.entry for key, one in watch.records.items()} == {
            KEY: changed,
            OTHER: other,
        }
        await watch.next()
        await watch.next()
    assert was_read == [first, gone, other, changed]


async def test_list_and_watch_tells_only_of_records_and_only_what_differs_after_a_gap(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    keyspace.put(KEY, b"{}")
    keyspace.put(OTHER, b"{}")
    async with aclosing(discovery.list_and_watch(EVERYTHING)) as events, asyncio.timeout(DEADLINE):
        told = [await anext(events) for _ in range(2)]
        keyspace.break_off(GONE)
        keyspace.put(KEY, b"[]")
        keyspace.delete(OTHER)
        keyspace.mend()
        told += [await anext(events) for _ in range(2)]
        keyspace.delete(KEY)
        told.append(await anext(events))

    assert [(type(event), event.record.key) for event in told] == [
        (Added, KEY), (Added, OTHER), (Removed, OTHER), (Added, KEY), (Removed, KEY),
    ]  # fmt: skip


async def test_a_record_whose_body_names_another_namespace_now_leaves_the_query(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    keyspace.put(b"models/uuid", old_model("prod"))
    async with following(discovery, queries.namespaced_models("prod")) as watch:
        await watch.next()
        keyspace.put(b"models/uuid", old_model("prod2"))
        assert isinstance(await watch.next(), Removed)
        keyspace.put(b"models/uuid", old_model("prod"))
        assert isinstance(await watch.next(), Added)


async def test_others_get_their_turn_while_a_large_snapshot_is_read(
    discovery: Discovery, keyspace: Keyspace
) -> None:
    for number in range(4 * RECORDS_BETWEEN_YIELDS):
        keyspace.put(b"v1/instances/prod/backend/generate/%x" % number, b"{}")
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    async with following(discovery) as watch:
        await watch.next()
    other.cancel()
    assert turns >= 4


def old_model(namespace: str) -> bytes:
    names = {"namespace": namespace, "component": "backend", "name": "generate"}
    return json.dumps({"name": "acme/tiny", "endpoint": names}).encode()


KEYS = st.sampled_from(
    [
        KEY,
        OTHER,
        ELSEWHERE,
        b"v1/instances/broken",
        b"v1/claims/prod/x",
        b"v1/mdc/prod/backend/generate/1a",
        b"v1/event_channels/namespace/prod/topic/t/1",
        b"models/uuid",
    ]
)
VALUES = st.sampled_from([b"{}", b"\xff", old_model("prod"), old_model("prod2")])
ACTS = st.one_of(
    st.tuples(st.just("put"), KEYS, VALUES),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("expire"), KEYS, st.sampled_from([None, 1.0])),
    st.sampled_from([("break",), ("mend",), ("catch up",)]),
)
MARKER = b"v1/mdc/prod/marker/marker/%x"
"""Matched by each of the queries below: once it is known, all that was before it is."""


QUERIES = [EVERYTHING, Query(frozenset(Kind), "prod"), queries.namespaced_models("prod")]


@given(st.lists(ACTS, max_size=25), st.sampled_from(QUERIES))
async def test_after_any_events_what_a_watch_told_is_exactly_what_is_there(
    acts: list[tuple[Any, ...]], query: Query
) -> None:
    keyspace = Keyspace()
    discovery = Discovery(MemoryStore(keyspace))
    is_broken = False
    async with following(discovery, query) as watch:
        for number, act in enumerate([*acts, ("mend",), ("catch up",)]):
            match act:
                case ("put", key, value):
                    keyspace.put(key, value)
                case ("delete", key):
                    keyspace.delete(key)
                case ("expire", key, at) if keyspace.find(key) is not None:
                    keyspace.expire(key, at)
                case ("break",):
                    keyspace.break_off(GONE)
                    is_broken = True
                case ("mend",):
                    keyspace.mend()
                    is_broken = False
                case ("catch up",) if not is_broken:
                    keyspace.put(MARKER % number, b"{}")
                    await watch.until_known(MARKER % number)
                    listed = await discovery.list(query)
                    assert watch.records == {record.key: record for record in listed}
