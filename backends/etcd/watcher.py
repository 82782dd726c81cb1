"""One watch stream from a known revision: changes, signs of life, and every way it can break."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import aclosing

from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.connection import Connection, Stream
from backends.etcd.ranges import KeyRange
from backends.etcd.rpc import Message
from backends.etcd.snapshot import Snapshot
from backends.followed import LostPlace
from backends.store import Cause, Delete, Heard, Put, StoreError, StoreEvent, Unreachable

HEARTBEAT_INTERVAL = 2.0
"""Seconds from one sign of life to the next question."""
SILENCE = 7.0
"""Seconds without a word after which the server is taken for lost. A stopped server must be noticed
within 10, and a slow one answers the two questions of a heartbeat after 2 s each."""

MOST_WAITING = 1000
"""Events that are read ahead of who looks at them; then the server has to wait. Where much happens,
one response has more than that."""


class Watcher:
    """Watches some ranges on one stream. `start` makes it; close it (`aclose`)."""

    def __init__(
        self, client: Client, connection: Connection, stream: Stream, snapshot: Snapshot
    ) -> None:
        self._client = client
        self._connection = connection
        self._stream = stream
        self._cluster_id = snapshot.cluster_id
        self._revision = snapshot.revision
        self._unread = (snapshot.sight.unread,) if snapshot.sight.unread else ()
        self._warnings = self._unread
        self._waiting: deque[Message] = deque()
        """Responses that were read, and not looked at yet."""
        self._ahead = 0
        """How many events they tell of."""
        self._news = asyncio.Event()
        """A response came, or there will be none any more."""
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, client: Client, snapshot: Snapshot) -> Watcher:
        """Watch everything that comes after the snapshot, where that was read.

        Raises `StoreError`.
        """
        connection, stream = await client.stream(rpc.WATCH)
        watcher = cls(client, connection, stream, snapshot)
        try:
            await watcher._create(snapshot.sight.ranges)
        except BaseException:
            await watcher.aclose()
            raise
        return watcher

    async def changes(self) -> Iterable[StoreEvent]:
        """What the next response tells, at least one event: waits for it.

        Raises `LostPlace` when a new snapshot is needed, and `StoreError` when the stream broke.
        """
        events: Iterable[StoreEvent] = ()
        while not events:
            if not self._waiting:
                await self._more()
            response = self._waiting.popleft()
            self._ahead -= _size(response)
            self._room.set()
            events = self._read(response)
        return events

    async def aclose(self) -> None:
        tasks = [task for task in (self._reading, self._beating) if task is not None]
        # What ended them refers to us; without this circle the socket goes at once.
        self._reading = self._beating = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stream.close()

    async def _create(self, ranges: Sequence[KeyRange]) -> None:
        try:
            for watched in ranges:
                create = rpc.WatchCreateRequest(
                    key=watched.start, range_end=watched.end, start_revision=self._revision + 1
                )
                create.MergeFromString(rpc.FRAGMENT)
                await self._stream.write(rpc.WatchRequest(create_request=create))
        except Unreachable as failure:
            await self._client.leave(self._connection, failure)
            raise
        self._reading = self._begin(self._read_all(), "etcd watch")
        # Changes in the first range may come before the last range is watched.
        while sum(response.created for response in self._waiting) < len(ranges):
            await self._more()
        self._beating = self._begin(self._beat(), "etcd heartbeat")

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(lambda _: self._news.set())
        return task

    async def _read_all(self) -> None:
        async with aclosing(self._stream.answers()) as answers:
            async for response in answers:
                self._waiting.append(response)
                self._news.set()
                self._ahead += _size(response)
                if self._ahead >= MOST_WAITING:
                    self._room.clear()
                    await self._room.wait()

    async def _more(self) -> None:
        """Wait for another response on the stream."""
        self._news.clear()
        try:
            self._raise_what_ended()
            try:
                # Only the time spent waiting here counts: a slow consumer is no silent server.
                async with asyncio.timeout(SILENCE):
                    await self._news.wait()
            except TimeoutError:
                address = str(self._connection.endpoint)
                raise Unreachable(address, Cause.TIMEOUT, f"silent for {SILENCE:g} s") from None
            if not self._waiting:
                self._raise_what_ended()
        except Unreachable as failure:
            await self._client.leave(self._connection, failure)
            raise

    def _raise_what_ended(self) -> None:
        for task in (self._beating, self._reading):
            # It never ends but by an error.
            if task is not None and task.done():
                task.result()

    async def _beat(self) -> None:
        """Ask for a sign of life again and again; the answer comes on the stream.

        It comes behind the changes that happened before it. etcd before 3.4.25 and 3.5.8 may send
        it some milliseconds ahead of them; later ones do not answer while a watch catches up.
        """
        address = str(self._connection.endpoint)
        while True:
            status = await self._client.call_on(self._connection, rpc.STATUS, rpc.StatusRequest())
            if not status.leader:
                raise Unreachable(address, Cause.NO_LEADER)
            self._warnings = (*self._unread, *rpc.alarms(status))
            await self._stream.write(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))
            await asyncio.sleep(HEARTBEAT_INTERVAL)

    def _read(self, response: Message) -> Iterable[StoreEvent]:
        """What a response tells; empty if that is nothing."""
        if response.canceled:
            raise self._cancelled(response)
        if response.events:
            # Each when it is asked for: there may be tens of thousands, a hundred times the bytes.
            return map(_change, response.events)
        header = response.header
        if header.cluster_id != self._cluster_id or header.revision < self._revision:
            raise LostPlace(f"the store went back to revision {header.revision}")
        self._revision = header.revision
        return [] if response.created else [Heard(self._warnings)]

    def _cancelled(self, response: Message) -> StoreError:
        if response.compact_revision or not response.cancel_reason:
            return LostPlace(f"compacted up to revision {response.compact_revision}")
        # As Go prints it: `rpc error: code = PermissionDenied desc = etcdserver: …`.
        reason = response.cancel_reason.rpartition("desc = ")[2]
        return self._connection.said(reason)


def _size(response: Message) -> int:
    """In events. One that tells of none takes room too."""
    return len(response.events) or 1


def _change(event: Message) -> Put | Delete:
    if event.type == rpc.EVENT_DELETE:
        return Delete(event.kv.key)
    return Put(rpc.entry(event.kv))
