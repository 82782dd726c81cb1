"""One watch stream from a known revision: changes, heartbeats, and all ways it can break."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import aclosing, suppress

import msgspec

from backends.aio.common_moments import until_next
from backends.etcd import rpc
from backends.etcd.client import Client
from backends.etcd.connection import Connection, Stream
from backends.etcd.key_ranges import KeyRange
from backends.etcd.put_back import no_puts
from backends.etcd.snapshot import Snapshot
from backends.store import (
    Cause,
    Delete,
    Heartbeat,
    NoPuts,
    Put,
    StoreError,
    StoreEvent,
    Unreachable,
)
from backends.store.resync_loop import PositionLost


class WatchLimits(msgspec.Struct, frozen=True):
    """Limits of one watch stream."""

    heartbeat_interval: float = 2.0
    """Seconds from one heartbeat to the next request for one."""
    silence: float = 7.0
    """Seconds without a response after which the server counts as lost. A stopped server must be
    noticed within 10 s, and a slow one answers the two requests of a heartbeat after 2 s each.
    """
    parts: int = 3
    """Parts in which `silence` is waited for. Each counts once, however long this process was busy
    or stopped in it: meanwhile it neither read a response nor requested a heartbeat.
    """
    read_ahead: int = 1000
    """Events read ahead of the consumer; then the server has to wait. A single response may have
    more.
    """


DEFAULT_LIMITS = WatchLimits()


class Watcher:
    """Watches some ranges on one stream. Make it with `start`, and close it with `aclose`."""

    def __init__(
        self,
        client: Client,
        connection: Connection,
        stream: Stream[rpc.WatchRequest, rpc.WatchResponse],
        snapshot: Snapshot,
        limits: WatchLimits,
    ) -> None:
        self._client = client
        self._limits = limits
        self._connection = connection
        self._stream = stream
        self._cluster_id = snapshot.cluster_id
        self._revision = snapshot.revision
        self._unread = (snapshot.permissions.unread,) if snapshot.permissions.unread else ()
        self._warnings = self._unread
        self._no_puts: tuple[NoPuts, ...] = ()
        self._waiting: deque[rpc.WatchResponse] = deque()
        """Responses that were read and not processed yet."""
        self._ahead = 0
        """The number of events in them."""
        self._news = asyncio.Event()
        """Set when a response came, or the stream ended."""
        self._room = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, client: Client, snapshot: Snapshot, limits: WatchLimits = DEFAULT_LIMITS
    ) -> Watcher:
        """Watch everything after the snapshot, in the ranges it was read from.

        Raises `StoreError`.
        """
        connection, stream = await client.stream(rpc.WATCH)
        watcher = cls(client, connection, stream, snapshot, limits)
        try:
            await watcher._create(snapshot.permissions.ranges)
        except BaseException:
            await watcher.aclose()
            raise
        return watcher

    async def changes(self) -> Iterable[StoreEvent]:
        """Wait for the next response with events and return them: at least one.

        Raises `PositionLost` if a new snapshot is needed, and `StoreError` if the stream broke.
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
        # Their exceptions refer to this object. Without the cycle the socket closes at once.
        self._reading = self._beating = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._stream.close()

    async def _create(self, ranges: Sequence[KeyRange]) -> None:
        try:
            for watched in ranges:
                create = rpc.WatchCreateRequest(
                    key=watched.start,
                    range_end=watched.end,
                    start_revision=self._revision + 1,
                    # Splits many changes into responses of about 2 MB. Without it, changes that a
                    # slow watch missed may come as one response of 20 MB.
                    fragment=True,
                )
                await self._stream.write(rpc.WatchRequest(create_request=create))
        except Unreachable as failure:
            await self._client.leave(self._connection, failure)
            raise
        self._reading = self._begin(self._read_all(), "etcd watch")
        # Changes in the first range may arrive before the last range is watched.
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
                if self._ahead >= self._limits.read_ahead:
                    self._room.clear()
                    await self._room.wait()

    async def _more(self) -> None:
        """Wait for another response on the stream."""
        limits = self._limits
        self._news.clear()
        try:
            self._raise_what_ended()
            # Only the time spent waiting here counts: a slow consumer is not a silent server.
            for _ in range(limits.parts):
                with suppress(TimeoutError):
                    async with asyncio.timeout(limits.silence / limits.parts):
                        await self._news.wait()
                        break
            else:
                address = str(self._connection.endpoint)
                raise Unreachable(address, Cause.TIMEOUT, f"silent for {limits.silence:g} s")
            if not self._waiting:
                self._raise_what_ended()
        except Unreachable as failure:
            await self._client.leave(self._connection, failure)
            raise

    def _raise_what_ended(self) -> None:
        for task in (self._beating, self._reading):
            # A task ends only by an error.
            if task is not None and task.done():
                task.result()

    async def _beat(self) -> None:
        """Request heartbeats at intervals. The answers come on the stream.

        An answer comes after the changes before it. etcd before 3.4.25 and 3.5.8 may send it some
        milliseconds ahead of them; later releases do not answer while a watch catches up.
        """
        address = str(self._connection.endpoint)
        while True:
            status = await self._client.call_on(self._connection, rpc.STATUS, rpc.StatusRequest())
            if not status.leader:
                raise Unreachable(address, Cause.NO_LEADER)
            self._warnings = (*self._unread, *rpc.alarms(status))
            self._no_puts = no_puts(status)
            await self._stream.write(rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()))
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(until_next(self._limits.heartbeat_interval, now))

    def _read(self, response: rpc.WatchResponse) -> Iterable[StoreEvent]:
        """Return the events in a response. Empty: it has none."""
        if response.canceled:
            raise self._cancelled(response)
        if response.events:
            # Converted one by one: there may be tens of thousands, with a hundred times the bytes.
            return map(_change, response.events)
        header = response.header
        if header.cluster_id != self._cluster_id or header.revision < self._revision:
            raise PositionLost(f"the store went back to revision {header.revision}")
        self._revision = header.revision
        return [] if response.created else [Heartbeat(self._warnings, self._no_puts)]

    def _cancelled(self, response: rpc.WatchResponse) -> StoreError:
        if response.compact_revision or not response.cancel_reason:
            return PositionLost(f"compacted up to revision {response.compact_revision}")
        # As Go prints it: `rpc error: code = PermissionDenied desc = etcdserver: …`.
        reason = response.cancel_reason.rpartition("desc = ")[2]
        return self._connection.error_for(reason)


def _size(response: rpc.WatchResponse) -> int:
    """Return a response's size in events. One without events counts as one."""
    return len(response.events) or 1


def _change(event: rpc.Event) -> Put | Delete:
    if event.type == rpc.EVENT_DELETE:
        return Delete(event.kv.key, str(event.kv.mod_revision))
    return Put(rpc.entry(event.kv))
