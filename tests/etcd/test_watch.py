"""A watch through every way in which it can lose its place: never stuck, never wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from backends.etcd import EtcdStore
from backends.store import Cause, Heartbeat, Loading, Put, Refused, Resync
from tests.support.etcd_places import Opener, stored, until
from tests.support.etcd_server import EtcdServer
from tests.support.forwarders import Forwarder
from tests.support.ports import LOOPBACK
from tests.support.watching import View, watching


@pytest.fixture
async def forwarder(etcd: EtcdServer) -> AsyncIterator[Forwarder]:
    """In front of etcd, to be cut."""
    forwarder = Forwarder(etcd.ports[0])
    await forwarder.open()
    yield forwarder
    await forwarder.cut()


def compact(server: EtcdServer) -> None:
    """Forget all revisions but the last."""
    newest = max(entry.mod_revision for entry in server.entries("").values())
    server.etcdctl("compact", str(newest))


async def fill(store: EtcdStore) -> None:
    """Write until it is refused."""
    for number in range(100):
        await store.put(b"v1/%d" % number, bytes(100_000))


async def settle(view: View, server: EtcdServer) -> None:
    """A change made now arrives, and then the view equals the store."""
    server.etcdctl("put", "v1/last", "last")
    await view.until(lambda: b"v1/last" in view.values)
    assert view.values == stored(server)


async def test_compacted_past_the_watch_while_cut_off(
    open_store: Opener, etcd: EtcdServer, forwarder: Forwarder
) -> None:
    for key in ("v1/a", "v1/b"):
        etcd.etcdctl("put", key, "1")
    async with watching(open_store(f"http://{LOOPBACK}:{forwarder.port}")) as view:
        await view.until_event(Resync)
        await forwarder.cut()
        etcd.etcdctl("del", "v1/a")
        etcd.etcdctl("put", "v1/b", "2")
        compact(etcd)
        await view.until(lambda: not view.connected)
        await forwarder.open()
        await view.until_event(Resync)
        assert view.values == {b"v1/b": b"2"}
        await settle(view, etcd)


async def test_compacted_while_connected(open_store: Opener, etcd: EtcdServer) -> None:
    async with watching(open_store(etcd)) as view:
        await view.until_event(Resync)
        for value in ("1", "2", "3"):
            etcd.etcdctl("put", "v1/a", value)
        compact(etcd)
        await settle(view, etcd)
        assert not view.losses


async def test_restarted_with_its_data(open_store: Opener, etcd: EtcdServer) -> None:
    etcd.etcdctl("put", "v1/a", "1")
    async with watching(open_store(etcd)) as view:
        await view.until_event(Resync)
        etcd.kill()
        await view.until(lambda: Cause.REFUSED in view.causes)
        await asyncio.to_thread(etcd.start)
        await view.until_event(Resync)
        await settle(view, etcd)


async def test_restarted_empty(open_store: Opener, etcd: EtcdServer) -> None:
    for key in ("v1/a", "v1/b", "v1/c"):
        etcd.etcdctl("put", key, "1")
    async with watching(open_store(etcd)) as view:
        before: Resync = await view.until_event(Resync)
        await asyncio.to_thread(etcd.wipe)
        after: Resync = await view.until_event(Resync)
        assert int(after.revision) < int(before.revision)
        assert view.values == {}
        await settle(view, etcd)


async def test_a_stopped_server_is_noticed_and_followed_again(
    open_store: Opener, etcd: EtcdServer
) -> None:
    async with watching(open_store(etcd)) as view:
        await view.until_event(Heartbeat)
        etcd.pause()
        await view.until(lambda: view.losses)
        assert view.causes == [Cause.TIMEOUT]
        etcd.resume()
        await view.until_event(Resync)
        await settle(view, etcd)


async def test_one_cause_is_told_once(open_store: Opener, etcd: EtcdServer) -> None:
    async with watching(open_store(etcd)) as view:
        await view.until_event(Resync)
        etcd.kill()
        again = asyncio.create_task(view.until_event(Resync))
        # Several attempts fail while it starts.
        await asyncio.to_thread(etcd.start)
        await again
    assert 1 <= len(view.causes) == len(set(view.causes))


async def test_not_there_at_first(open_store: Opener, etcd: EtcdServer) -> None:
    etcd.kill()
    async with watching(open_store(etcd)) as view:
        await view.until(lambda: view.losses)
        assert not view.connected
        await asyncio.to_thread(etcd.start)
        await view.until_event(Resync)


async def test_loading_is_told_with_the_total(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd, page_size=3)
    for number in range(8):
        await store.put(b"v1/%d" % number, b"1")
    async with watching(store) as view:
        await view.until_event(Resync)
    assert view.seen[:-1] == [Loading(0, 8), Loading(3, 8), Loading(6, 8)]


async def test_overlapping_prefixes_tell_a_change_once(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    async with watching(store, (b"v1/a", b"v1/", b"instances/", b"v1/")) as view:
        await view.until_event(Resync)
        await store.put(b"v1/a", b"1")
        await store.put(b"instances/x", b"1")
        await view.until(lambda: len(view.values) == 2)
        await view.until_event(Heartbeat)
    assert len([event for event in view.seen if isinstance(event, Put)]) == 2


async def test_a_flood_of_changes_arrives_in_order(open_store: Opener, etcd: EtcdServer) -> None:
    writer = open_store(etcd)
    async with watching(open_store(etcd)) as view:
        await view.until_event(Resync)
        for number in range(1000):
            await writer.put(b"v1/a", b"%d" % number)
        await view.until(lambda: view.values.get(b"v1/a") == b"999")
    told = [int(event.entry.value) for event in view.seen if isinstance(event, Put)]
    assert told == list(range(1000))


async def test_large_values_pass(open_store: Opener, etcd: EtcdServer) -> None:
    large = bytes(1_400_000)
    store = open_store(etcd)
    for number in range(5):
        await store.put(b"v1/%d" % number, large)
    async with watching(store) as view:
        # One page of 7 MB; gRPC's own limit is 4 MB.
        await view.until_event(Resync)
        assert list(view.values.values()) == [large] * 5
        await store.put(b"v1/new", large)
        await view.until(lambda: b"v1/new" in view.values)


async def test_an_alarm_is_heard(open_store: Opener) -> None:
    quota = "--quota-backend-bytes=1000000"
    with EtcdServer("--heartbeat-interval=20", "--election-timeout=200", quota) as etcd:
        writer = open_store(etcd)
        async with watching(open_store(etcd)) as view:
            assert await view.until_event(Heartbeat) == Heartbeat()
            with pytest.raises(Refused, match="database space exceeded"):
                await fill(writer)
            await view.until(
                lambda: isinstance(view.seen[-1], Heartbeat) and view.seen[-1].warnings
            )
            (warning,) = view.seen[-1].warnings  # type: ignore[union-attr]
            assert warning.startswith("alarm NOSPACE on member ")
            etcd.etcdctl("alarm", "disarm")
            await view.until(lambda: view.seen[-1] == Heartbeat())


async def test_closing_the_store_ends_its_watches(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await store.aclose()
        with pytest.raises(StopAsyncIteration):
            await view.until(lambda: False)
        assert not view.losses


async def test_closing_the_store_closes_its_sockets(
    open_store: Opener, forwarder: Forwarder
) -> None:
    store = open_store(f"http://{LOOPBACK}:{forwarder.port}")
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await store.put(b"v1/a", b"1")
    assert forwarder.connections
    await store.aclose()

    async def closed() -> bool:
        return not forwarder.connections

    await until(closed)
