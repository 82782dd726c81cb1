"""A server that goes, hangs, and comes back; here each test has one of its own, or a forwarder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from backends.nats import connection
from backends.nats.config import NatsConfig
from backends.nats_kv.jetstream import LIST_DEADLINE
from backends.nats_kv.store import NatsStore
from backends.nats_kv.watch import POLL_INTERVAL, SILENCE
from backends.store import Cause, Heartbeat, Lost, Unreachable
from tests.support.listening import listening
from tests.support.nats_places import KEY, RELATIVE, Opener, connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.peers import refusing
from tests.support.watching import DEADLINE, V1, watching

NOTICED = 10.0
"""Seconds within which it must be noticed that nobody answers."""


def test_whatever_is_under_way_a_server_that_hangs_is_noticed_within_10_seconds() -> None:
    # Nothing comes, and the list of buckets is asked for: by their own limits, since how long it
    # takes this machine to act on them is another matter.
    assert max(SILENCE, POLL_INTERVAL + LIST_DEADLINE) < NOTICED


@pytest.fixture(scope="module")
def own() -> Iterator[NatsServer]:
    """For this module: each test leaves it running."""
    with NatsServer() as server:
        yield server


@pytest.fixture
async def store(own: NatsServer) -> AsyncIterator[NatsStore]:
    store = NatsStore(NatsConfig(servers=(own.url,)), poll_interval=0.25)
    yield store
    await store.aclose()


async def test_a_server_that_is_stopped_and_started_is_lost_and_read_again(
    own: NatsServer, store: NatsStore
) -> None:
    async with connected(own.url) as client:
        bucket = await make_bucket(client)
        await bucket.put(RELATIVE, b"1")
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        own.kill()
        await view.until(lambda: bool(view.losses))
        causes = {loss.cause for loss in view.losses if isinstance(loss, Unreachable)}
        assert causes <= {Cause.LOST, Cause.REFUSED}
        # Not in a thread, with which it would end.
        own.start()
        before = view.resyncs
        await view.until(lambda: view.resyncs > before)
        assert view.entries[KEY].value == b"1"
        revision = view.entries[KEY].revision
        async with connected(own.url) as client:
            await (await client.jetstream().key_value("prod_v1_instances")).put(RELATIVE, b"2")
        await view.until(lambda: view.entries[KEY].value == b"2")
        # The stream is the same, and so is its birth.
        assert view.entries[KEY].revision.partition("@")[2] == revision.partition("@")[2]


async def test_a_server_that_hangs_is_noticed_and_heard_again_when_it_goes_on(
    own: NatsServer, store: NatsStore
) -> None:
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        own.pause()
        try:
            await view.until_event(Lost)
            (loss,) = view.losses
            assert isinstance(loss, Unreachable)
            assert loss.cause is Cause.TIMEOUT
        finally:
            own.resume()
        await view.until_event(Heartbeat)


ATTEMPTS = 3
"""To connect again, after which a loss that is told once more would have been told."""


async def test_one_loss_is_told_once(open_store: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, attempts = connection._connect, 0

    async def counting(*arguments: Any) -> None:
        nonlocal attempts
        attempts += 1
        await connect(*arguments)

    monkeypatch.setattr(connection, "_connect", counting)
    with refusing() as address:
        store = open_store(NatsConfig(servers=(f"nats://{address}",)))
        async with watching(store) as view:
            await view.until_event(Lost)
            before, again = attempts, asyncio.create_task(view.until_event(Lost))
            async with asyncio.timeout(DEADLINE):
                while attempts <= before + ATTEMPTS:  # noqa: ASYNC110 - they are the store's
                    await asyncio.sleep(0.01)
            assert not again.done()
            again.cancel()
            with pytest.raises(asyncio.CancelledError):
                await again
            assert isinstance(view.losses[0], Unreachable)
            assert view.losses[0].cause is Cause.REFUSED


async def test_what_is_no_nats_is_said_to_be_none(open_store: Opener) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(answer) as port:
        store = open_store(NatsConfig(servers=(f"nats://127.0.0.1:{port}",)))
        with pytest.raises(Unreachable) as raised:
            await store.snapshot(V1)
        assert raised.value.cause is Cause.NOT_THIS_STORE


async def test_a_closed_store_ends_its_watches(open_store: Opener) -> None:
    store = open_store()
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await store.aclose()
        with pytest.raises(StopAsyncIteration):
            await view.until(lambda: False)
