"""A snapshot is what was there at one revision, however many pages it takes."""

from __future__ import annotations

import asyncio

import pytest

from backends.dynamo.queries import EVERYTHING, Query
from backends.etcd import EtcdConfig
from backends.etcd.client import Client
from backends.etcd.key_ranges import key_ranges, range_end
from backends.etcd.snapshot import Snapshot, read_snapshot
from backends.store import Entry, Loading, Revision
from tests.support.etcd_places import QUICK, Opener, Spy
from tests.support.etcd_server import EtcdServer
from tests.support.watching import V1


@pytest.mark.parametrize(
    ("prefix", "end"),
    [(b"v1/", b"v10"), (b"a\xff", b"b"), (b"a\x00", b"a\x01"), (b"\xff\xff", b"\0"), (b"", b"\0")],
)
def test_the_end_of_a_prefix(prefix: bytes, end: bytes) -> None:
    assert range_end(prefix) == end


def test_prefixes_within_others_are_dropped() -> None:
    found = key_ranges([b"v1/mdc/", b"mdc/", b"v1/", b"v1/", b"v10"])
    assert [str(asked) for asked in found] == ["mdc/", "v1/", "v10"]
    assert [str(asked) for asked in key_ranges([b"v1/", b""])] == ["all keys"]


async def test_every_key_of_the_store(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    keys = [b"\x00", b"\x00\x00", b"a", b"\xff", b"\xff\xff"]
    for key in keys:
        await store.put(key, b"1")
    assert [entry.key for entry in (await store.snapshot([b""])).entries] == keys
    assert [entry.key for entry in (await store.snapshot([b"\xff"])).entries] == keys[3:]
    assert (await store.snapshot([])).entries == ()


async def test_five_thousand_keys_in_pages_at_one_revision(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    free = asyncio.Semaphore(64)

    async def put(key: bytes) -> Revision:
        async with free:
            return await store.put(key, b"1")

    keys = [b"v1/instances/prod/backend/generate/%04x" % number for number in range(5000)]
    revisions = dict(zip(keys, await asyncio.gather(*map(put, keys)), strict=True))
    client = Client(EtcdConfig(endpoints=[etcd.endpoint]))
    loading = 0
    read: list[Entry] = []
    try:
        async for step in read_snapshot(client, key_ranges(V1), page_size=700):
            match step:
                case Loading(done=done, total=total):
                    read += step.read
                    assert len(read) == done
                    # The first page finds out how large the values are.
                    assert (done, total) == (100 + 700 * (loading - 1) if loading else 0, 5000)
                    loading += 1
                    # What happens while it is read is not part of it.
                    await store.put(b"v1/instances/%d" % loading, b"new")
                    await store.put(b"v1/instances/prod/backend/generate/0fff", b"changed")
                case Snapshot(entries=entries):
                    snapshot = entries
    finally:
        await client.aclose()
    assert loading == 8
    assert [one is other for one, other in zip(read, snapshot, strict=False)] == [True] * 4300
    assert {entry.key: entry.revision for entry in snapshot} == revisions
    assert [entry.key for entry in snapshot] == sorted(revisions)


async def test_a_revision_that_is_compacted_meanwhile_is_read_anew(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    for number in range(6):
        await store.put(b"v1/%d" % number, b"1")
    client = Client(EtcdConfig(endpoints=[etcd.endpoint]))
    told: list[int] = []
    try:
        async for step in read_snapshot(client, key_ranges(V1), page_size=2):
            match step:
                case Loading(done=done):
                    told.append(done)
                    # The page behind this one is asked for already, and came.
                    if told == [0, 2]:
                        asked = [
                            one for one in asyncio.all_tasks() if one.get_name() == "etcd page"
                        ]
                        await asyncio.wait(asked)
                        newest = await store.put(b"v1/new", b"1")
                        etcd.etcdctl("compact", newest)
                case Snapshot(entries=entries):
                    snapshot = entries
    finally:
        await client.aclose()
    assert told == [0, 2, 4, 0, 2, 4, 6]
    assert len(snapshot) == 7


async def test_pages_of_large_values_have_fewer_keys(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    for prefix in (b"v1/a/", b"v1/b/"):
        for number in range(120):
            await store.put(prefix + b"%03d" % number, bytes(200_000))
    client = Client(EtcdConfig(endpoints=[etcd.endpoint]))
    ranges = key_ranges([b"v1/a/", b"v1/b/"])
    try:
        steps = [step async for step in read_snapshot(client, ranges, page_size=2000)]
    finally:
        await client.aclose()
    # The first page finds out how large they are; a later one may have the end of one range and the
    # beginning of another.
    assert steps[:-1] == [Loading(done, 240) for done in (0, 200, 219, 238)]
    assert isinstance(steps[-1], Snapshot)
    keys = [entry.key for entry in steps[-1].entries]
    assert keys == sorted(keys)
    assert len(keys) == 240


async def test_a_namespace_is_read_in_two_round_trips_at_one_revision(
    open_store: Opener, etcd: EtcdServer, bursts: list[Spy]
) -> None:
    store = open_store(etcd)
    for key in (b"v1/instances/prod/a/b/1", b"v1/mdc/prod/a/b/1", b"v1/instances/test/a/b/1"):
        await store.put(key, b"1")
    bursts.clear()
    whole = Query(EVERYTHING.kinds, namespace="prod", nested=True)
    snapshot = await store.snapshot(whole.prefixes)
    assert [entry.key for entry in snapshot.entries] == [
        b"v1/instances/prod/a/b/1",
        b"v1/mdc/prod/a/b/1",
    ]
    first, others = bursts
    assert len(others) == len(key_ranges(whole.prefixes)) - 1 > 10
    assert [request.revision for request in first] == [0]
    assert {request.revision for request in others} == {int(snapshot.revision)}


async def test_many_ranges_are_read_at_one_revision(
    open_store: Opener, etcd: EtcdServer, bursts: list[Spy]
) -> None:
    store = open_store(etcd)
    prefixes = [b"%03d/" % number for number in range(250)]
    revisions = {prefix: await store.put(prefix, b"1") for prefix in prefixes}
    bursts.clear()
    snapshot = await store.snapshot(prefixes)
    assert {entry.key: entry.revision for entry in snapshot.entries} == revisions
    assert [len(burst) for burst in bursts] == [1, 64, 64, 64, 57]


async def test_an_etcd_that_takes_no_transactions_is_read_in_pages_of_many_ranges(
    open_store: Opener,
) -> None:
    with EtcdServer(*QUICK, "--max-txn-ops=1") as etcd:
        store = open_store(etcd, page_size=2)
        keys = [b"%s/%d" % (prefix, number) for prefix in (b"a", b"b", b"c") for number in range(5)]
        for key in keys:
            await store.put(key, b"1")
        snapshot = await store.snapshot([b"a/", b"b/", b"c/"])
        assert [entry.key for entry in snapshot.entries] == keys


async def test_nothing_is_read_in_a_transaction(
    open_store: Opener, etcd: EtcdServer, transactions: Spy, bursts: list[Spy]
) -> None:
    # etcd 3.5.1 ended in the course of one.
    store = open_store(etcd)
    for number in range(5):
        await store.put(b"v1/instances/%d" % number, b"1")
        await store.put(b"v1/mdc/%d" % number, b"1")
    prefixes = [b"v1/instances/", b"v1/mdc/"]
    now = await store.snapshot(prefixes)
    assert len(await store.get([entry.key for entry in now.entries])) == 10
    newest = await store.past.newest()
    assert len((await store.past.at(prefixes, newest - 1)).entries) == 9
    assert len(await store.past.changes(prefixes, newest - 3, newest)) == 3
    assert bursts
    assert transactions == []
