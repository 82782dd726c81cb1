from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backends.discovery.discovery import Discovery
from backends.dynamo.queries import EVERYTHING
from backends.nats.config import NatsConfig
from backends.nats_kv.store import NatsStore
from backends.timeline.known_times import KnownTimes
from backends.timeline.revisions import RevisionTimeline
from tests.etcd.conftest import etcd, open_store
from tests.support.nats_places import connected, make_as_dynamo
from tests.support.nats_server import NatsServer
from tests.support.registered import instance

__all__ = ["etcd", "open_store"]


@pytest.fixture
async def nats_timeline() -> AsyncIterator[RevisionTimeline]:
    """That of a NATS store in which two workers came, and the first went."""
    with NatsServer() as server:
        async with connected(server.url) as client:
            bucket = await make_as_dynamo(client, history=5)
            names = [key.decode().split("/", 2)[2] for key, _ in (instance(1), instance(2))]
            for name, (_, value) in zip(names, (instance(1), instance(2)), strict=True):
                await bucket.create(name, value)
            await bucket.delete(names[0])
        store = NatsStore(NatsConfig(servers=(server.url,)))
        try:
            yield RevisionTimeline(Discovery(store), EVERYTHING, KnownTimes("nats"))
        finally:
            await store.aclose()
