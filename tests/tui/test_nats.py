"""The dashboard on a real NATS store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from backends.dynamo.keys import spell
from backends.nats.config import NatsConfig
from backends.nats_kv.names import location_of, why_not_writable
from backends.nats_kv.store import NatsStore
from tests import corpus
from tests.support.nats_places import connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.operating import dashboard
from tui.text.errors import WHERE_NATS

NEWEST = next(release for release in corpus.load() if release.name == "1.6.1-tcp")
REGISTERED = {
    entry.key: entry.value for entry in NEWEST.entries if why_not_writable(entry.key) is None
}
"""By a real worker; as Dynamo's NATS store would write it."""


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@pytest.fixture
async def store(server: NatsServer) -> AsyncIterator[NatsStore]:
    async with connected(server.url) as client:
        buckets = {}
        for key, value in REGISTERED.items():
            location = location_of(key)
            assert location is not None
            if location.bucket not in buckets:
                buckets[location.bucket] = await make_bucket(client, location.bucket)
            await buckets[location.bucket].put(key.decode().split("/", 2)[2], value)
    store = NatsStore(NatsConfig(servers=(server.url,)), poll_interval=0.25)
    yield store
    await store.aclose()


async def test_what_is_registered_is_shown_and_stays_while_the_server_is_away(
    server: NatsServer, store: NatsStore
) -> None:
    async with dashboard(store=store, size=(120, 40)) as operator:
        shown = operator.dashboard.view.cluster.records
        assert {key: record.entry.value for key, record in shown.items()} == REGISTERED
        assert f"connected  nats {server.url}" in operator.header()
        assert operator.pane.rows
        instances = operator.rows("id")

        server.kill()
        await operator.until(lambda: "disconnected since" in operator.header(), "the loss")
        await operator.until_shown(f"Set {WHERE_NATS}")
        assert operator.rows("id") == instances

        server.start()
        await operator.until(lambda: "● connected" in operator.header(), "the way back")
        assert operator.dashboard.view.cluster.records.keys() == REGISTERED.keys()


async def test_what_is_removed_goes_and_what_follows_is_said_for_nats(store: NatsStore) -> None:
    async with dashboard(store=store, size=(120, 40)) as operator:
        before = operator.rows("id")
        key = operator.pane.row.key  # type: ignore[union-attr]
        await operator.unregister()
        text = operator.text()
        assert "it stays, unless its bucket has a time to live" in " ".join(text.split())
        assert "it misses its file" not in text
        # It may live, so it is a drain.
        await operator.type(before[0])
        await operator.press("enter")
        await operator.until(lambda: len(operator.rows("id")) < len(before), "it gone")
        assert key in REGISTERED, spell(key)
        assert await store.get([key]) == {}
