"""Commands on a real NATS store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backends.nats.names import place_of, why_not_writable
from tests import corpus
from tests.cli.running import dyntop
from tests.nats.places import connected, make_bucket
from tests.servers import NatsServer

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
            place = place_of(key.encode())
            assert place is not None
            if place.bucket not in buckets:
                buckets[place.bucket] = await make_bucket(client, place.bucket)
            await buckets[place.bucket].put(key.split("/", 2)[2], value)
        for name, bucket in buckets.items():
            kind = name.rpartition("_v1_")[2]
            for key in await bucket.keys():
                found[f"v1/{kind}/{key}"] = (await bucket.get(key)).revision or 0
    return found


def test_a_list_is_what_a_plain_client_reads(server: NatsServer) -> None:
    expected = asyncio.run(written(server.url))
    ended = dyntop("--backend", "nats", "--nats", server.url, "list", "all", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    found = {one["key"]: int(one["revision"].partition("@")[0]) for one in ended.records}
    assert found == expected
    assert all(one["value"] is not None and one["lease"] is None for one in ended.records)
