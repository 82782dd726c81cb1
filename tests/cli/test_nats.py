"""Commands on a real NATS store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backends.nats_kv.names import location_of, why_not_writable
from tests import corpus
from tests.support.nats_places import connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.registered import instance
from tests.support.running import dyntop

REGISTERED = {
    entry.key.decode(): entry.value
    for release in corpus.load()
    for entry in release.entries
    if why_not_writable(entry.key) is None
}


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


async def written(url: str) -> dict[str, int]:
    """Writes with a plain client what real releases registered; the revision of each key, as that
    client reads it back."""
    found = {}
    async with connected(url) as client:
        buckets = {}
        for key, value in REGISTERED.items():
            location = location_of(key.encode())
            assert location is not None
            if location.bucket not in buckets:
                buckets[location.bucket] = await make_bucket(client, location.bucket)
            await buckets[location.bucket].put(key.split("/", 2)[2], value)
        for name, bucket in buckets.items():
            kind = name.rpartition("_v1_")[2]
            # Not by the bucket's `keys`: on a busy machine it says that there are none, if it asks
            # how many are left to come after the last was sent and before one was taken in.
            stream = f"KV_{name}"
            info = await client.jetstream().stream_info(stream, subjects_filter=f"$KV.{name}.>")
            for subject in info.state.subjects or {}:
                key = subject.removeprefix(f"$KV.{name}.")
                found[f"v1/{kind}/{key}"] = (await bucket.get(key)).revision or 0
    assert len(found) == len(REGISTERED)
    return found


def test_a_list_is_what_a_plain_client_reads(server: NatsServer) -> None:
    expected = asyncio.run(written(server.url))
    ended = dyntop("--backend", "nats", "--nats", server.url, "list", "all", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    found = {one["key"]: int(one["revision"].partition("@")[0]) for one in ended.records}
    assert found == expected
    assert all(one["value"] is not None and one["lease"] is None for one in ended.records)


async def put_one(url: str, key: bytes, value: bytes) -> None:
    location = location_of(key)
    assert location is not None
    async with connected(url) as client:
        bucket = await make_bucket(client, location.bucket)
        await bucket.put(key.decode().split("/", 2)[2], value)


def test_what_is_unknown_is_counted_where_nothing_is_stale(server: NatsServer) -> None:
    """No worker renews what is in a NATS store, and no address is asked."""
    asyncio.run(put_one(server.url, *instance(0xA907)))
    stale = ("unregister", "--stale", "--dry-run", "--probe", "never")
    ended = dyntop("--backend", "nats", "--nats", server.url, *stale)
    assert (ended.code, ended.out) == (0, b"")
    told = "nothing is stale among 1 record, of which 1 is unknown, in nats"
    assert ended.one_sentence().startswith(told)
