from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from nats.aio.client import Client

from backends.nats.config import NatsConfig
from backends.nats_kv.store import NatsStore
from tests.support.nats_places import Opener, connected
from tests.support.nats_server import NatsServer
from tests.support.tasks import no_task_is_left

__all__ = ["no_task_is_left"]

POLL = 0.25
"""Seconds; what is found by looking must be found without waiting long."""


@pytest.fixture(scope="module")
def shared_server() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@pytest.fixture
async def server(shared_server: NatsServer) -> NatsServer:
    """One for the module, empty at the start of each test."""
    async with connected(shared_server.url) as client:
        stream = client.jetstream()
        for info in await stream.streams_info():
            assert info.config.name is not None
            await stream.delete_stream(info.config.name)
    return shared_server


@pytest.fixture
async def client(server: NatsServer) -> AsyncIterator[Client]:
    """A plain client, as a worker has one."""
    async with connected(server.url) as client:
        yield client


@pytest.fixture
async def open_store(server: NatsServer) -> AsyncIterator[Opener]:
    """Opens stores, and closes them after the test."""
    opened: list[NatsStore] = []

    def open_one(config: NatsConfig | None = None, **limits: float) -> NatsStore:
        config = config or NatsConfig(servers=(server.url,))
        opened.append(NatsStore(config, poll_interval=POLL, **limits))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.aclose()


@pytest.fixture
def store(open_store: Opener) -> NatsStore:
    return open_store()
