"""One watch stream: what it read ahead is told in order, before what broke it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.key_ranges import key_ranges
from backends.etcd.permissions import Permissions
from backends.etcd.snapshot import Snapshot
from backends.etcd.watch_stream import DEFAULT_LIMITS, Watcher, WatchLimits
from backends.store import Cause, Delete, StoreEvent, Unreachable
from backends.store.resync_loop import PositionLost

DEADLINE = 60.0
"""Seconds within which an awaited state must come."""

BROKEN = Unreachable("etcd", Cause.LOST)


def response(*deleted: bytes, created: bool = False, compacted: int = 0) -> SimpleNamespace:
    """As etcd's WatchResponse."""
    return SimpleNamespace(
        created=created,
        canceled=bool(compacted),
        compact_revision=compacted,
        cancel_reason="",
        header=SimpleNamespace(cluster_id=1, revision=7),
        events=[
            SimpleNamespace(type=1, kv=SimpleNamespace(key=key, mod_revision=7)) for key in deleted
        ],
    )


class Server:
    """A stream that answers what it was told to, and then breaks, or is silent."""

    def __init__(self, *responses: SimpleNamespace, breaks: bool = False) -> None:
        self._responses = responses
        self._breaks = breaks
        self.read = 0
        self.asked: list[rpc.Message] = []
        self.endpoint = "etcd"

    async def answers(self) -> AsyncGenerator[SimpleNamespace, None]:
        for one in (response(created=True), *self._responses):
            self.read += 1
            yield one
        if self._breaks:
            raise BROKEN
        await asyncio.Event().wait()

    async def write(self, request: rpc.Message) -> None:
        """Whatever it is asked, it answers what it was told to."""
        self.asked.append(request)

    def close(self) -> None:
        """There is nothing to end."""

    # As a client.

    async def stream(self, _method: object) -> tuple[Server, Server]:
        return self, self

    async def call_on(self, *_: object) -> SimpleNamespace:
        await asyncio.Event().wait()
        raise AssertionError

    async def leave(self, *_: object) -> None:
        """There is no other one."""


@asynccontextmanager
async def watching(server: Server, limits: WatchLimits = DEFAULT_LIMITS) -> AsyncIterator[Watcher]:
    client = cast("Client", server)
    snapshot = Snapshot((), 7, 1, Permissions(key_ranges([b"v1/"])))
    async with (
        asyncio.timeout(DEADLINE),
        aclosing(await Watcher.start(client, snapshot, limits)) as watched,
    ):
        yield watched


async def deleted(watched: Watcher, number: int) -> list[bytes]:
    found: list[StoreEvent] = []
    while len(found) < number:
        found += await watched.changes()
    return [event.key for event in found if isinstance(event, Delete)]


async def test_what_came_before_the_stream_broke_is_told_first() -> None:
    async with watching(Server(response(b"a"), response(b"b", b"c"), breaks=True)) as watched:
        assert await deleted(watched, 3) == [b"a", b"b", b"c"]
        with pytest.raises(Unreachable):
            await watched.changes()


async def test_what_came_before_the_place_was_lost_is_told_first() -> None:
    async with watching(Server(response(b"a"), response(compacted=5))) as watched:
        assert await deleted(watched, 1) == [b"a"]
        with pytest.raises(PositionLost):
            await watched.changes()


async def test_it_reads_ahead_only_so_far_and_loses_nothing() -> None:
    keys = [b"%d" % number for number in range(10)]
    server: Any = Server(*(response(key) for key in keys))
    async with watching(server, WatchLimits(read_ahead=3)) as watched:
        for _ in range(5):
            await asyncio.sleep(0)
        assert server.read == 3
        assert await deleted(watched, 10) == keys


async def test_a_response_with_much_in_it_is_all_that_is_read_ahead() -> None:
    keys = [b"%d" % number for number in range(8)]
    server: Any = Server(response(*keys), response(b"8"))
    async with watching(server, WatchLimits(read_ahead=5)) as watched:
        for _ in range(5):
            await asyncio.sleep(0)
        assert server.read == 2
        assert await deleted(watched, 9) == [*keys, b"8"]


async def test_it_asks_that_what_tells_of_many_changes_is_cut() -> None:
    server: Any = Server()
    async with watching(server):
        (create,) = (one.create_request for one in server.asked if one.HasField("create_request"))
    assert create.fragment


async def test_a_silent_server_is_taken_for_lost() -> None:
    limits = WatchLimits(silence=0.01)
    async with watching(Server(response(b"a")), limits) as watched:
        assert await deleted(watched, 1) == [b"a"]
        with pytest.raises(Unreachable, match="silent"):
            await watched.changes()


async def test_a_server_is_not_silent_where_this_process_had_no_time_to_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = WatchLimits(silence=DEADLINE / 4)
    loop = asyncio.get_running_loop()
    clock = loop.time
    read = asyncio.Event()

    class Stopped(Server):
        async def answers(self) -> AsyncGenerator[SimpleNamespace, None]:
            yield response(created=True)
            await read.wait()
            yield response(b"a")
            await asyncio.Event().wait()

    def stop() -> None:
        # As SIGSTOP does, or much to show: nothing runs for longer than a server may be silent, and
        # it is asked for a heartbeat only afterwards.
        monkeypatch.setattr(loop, "time", lambda: clock() + 2 * limits.silence)
        steps(20)

    def steps(left: int) -> None:
        if left:
            loop.call_soon(steps, left - 1)
        else:
            monkeypatch.setattr(loop, "time", lambda: clock() + 2.1 * limits.silence)
            loop.call_later(0.01, read.set)

    async with watching(Stopped(), limits) as stream:
        loop.call_soon(stop)
        (gone,) = await stream.changes()
        assert isinstance(gone, Delete)
        assert (gone.key, gone.revision) == (b"a", "7")
