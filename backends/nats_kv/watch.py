"""Watch without end: all buckets, then every change, and again from the start after a gap."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from backends.nats.errors import ApiError, refused
from backends.nats_kv.delete import no_puts
from backends.nats_kv.jetstream import HEARTBEAT, JetStreamSession
from backends.nats_kv.names import may_hold
from backends.nats_kv.ordered_consumer import OrderedConsumer
from backends.nats_kv.responses import Bucket, Buckets, changed_at
from backends.nats_kv.sessions import Sessions
from backends.store import (
    Cause,
    Delete,
    Entry,
    Heartbeat,
    Loading,
    NoPuts,
    NotAuthorised,
    Put,
    Resync,
    StoreError,
    StoreEvent,
    Unreachable,
)
from backends.store.resync_loop import PositionLost, repeat_watch

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

POLL_INTERVAL = 2.0
"""Seconds between two lists of the buckets: for new buckets and expired keys."""

ADVISORIES = "$JS.EVENT.ADVISORY.STREAM.*.*"
"""The subjects of the server's advisories on created, changed and deleted streams."""

ADVISED = 0.05
"""Seconds from an advisory to the next list."""

OPENING = 16
"""Consumers that are created at a time."""

WAITING = 1000
"""Messages read ahead. More wait in the client and, by flow control, in the server."""

SILENCE = 3 * HEARTBEAT
"""Seconds without a message, while everything is read, after which the server counts as lost."""

CLOSE_LIMIT = 1.0
"""Seconds for ending a subscription."""

PAGE = 500
"""Messages between two reports of progress at the start."""

ORIGIN_SILENT = 30.0
"""Seconds without contact to a mirror's origin, which sends something every few seconds."""

MOST_NAMED = 3
"""Buckets that a warning names."""


def watch(
    sessions: Sessions, prefixes: Sequence[bytes], poll_interval: float
) -> AsyncGenerator[StoreEvent, None]:
    """Watch as `repeat_watch`. Ends when the store is closed.

    Each key's changes come in order. Changes of keys in different buckets may come out of order.
    """

    async def once() -> AsyncGenerator[StoreEvent, None]:
        session = await sessions.session()
        try:
            async with aclosing(_follow(session, prefixes, poll_interval)) as events:
                async for event in events:
                    yield event
        except StoreError as error:
            if _is_of_the_connection(error):
                await sessions.give_up(session)
            raise

    return repeat_watch(once, lambda: sessions.is_closed)


async def read_all(session: JetStreamSession, prefixes: Sequence[bytes]) -> Resync:
    """Return all entries now, sorted by key. Raises `PositionLost`, `StoreError`."""
    async with aclosing(_Follower(session, prefixes)) as follower:
        await follower.open()
        while await follower.load():
            pass
        return Resync(follower.entries(), follower.revision)


def unreadable(buckets: Sequence[str]) -> str:
    """Return the warning about these buckets."""
    named = ", ".join(buckets[:MOST_NAMED])
    more = len(buckets) - MOST_NAMED
    if more > 0:
        named += f" and {more} more"
    one = len(buckets) == 1
    return f"no server reports the bucket{'' if one else 's'} {named}"


def _silent(buckets: Iterable[Bucket]) -> tuple[str, ...]:
    """Return the warning about mirrors without contact to their origin."""
    names = sorted(f"{one.name} (of {one.origin})" for one in buckets if one.silent > ORIGIN_SILENT)
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    which = ", ".join(names[:MOST_NAMED]) + more
    if len(names) == 1:
        return (f"the mirror {which} has no contact to its origin: its keys may be out of date",)
    return (f"the mirrors {which} have no contact to their origins: their keys may be out of date",)


def _is_of_the_connection(error: StoreError) -> bool:
    """Return whether another connection might help. A denial may be lifted for the next one."""
    if isinstance(error, Unreachable):
        return error.cause is not Cause.NO_LEADER
    return isinstance(error, NotAuthorised)


async def _follow(
    session: JetStreamSession, prefixes: Sequence[bytes], poll_interval: float
) -> AsyncGenerator[StoreEvent, None]:
    """Yield a resync and the changes after it. Raises `StoreError` when the watch breaks."""
    async with aclosing(_Follower(session, prefixes)) as follower:
        await follower.open()
        while step := await follower.load():
            yield step
        await follower.follow(poll_interval)
        yield Resync(follower.entries(), follower.revision)
        yield Heartbeat()
        while True:
            for event in await follower.changes():
                yield event


_Item = tuple[OrderedConsumer, "Msg"] | Buckets | StoreError
"""A message, the current buckets, or the error that ended the watch."""


class _Follower:
    """The feeds of all buckets on one session, in one queue. Close it with `aclose`."""

    def __init__(self, session: JetStreamSession, prefixes: Sequence[bytes]) -> None:
        self._session = session
        self._prefixes = tuple(prefixes)
        self._consumers: dict[str, OrderedConsumer] = {}
        self._queue: asyncio.Queue[_Item] = asyncio.Queue(WAITING)
        self._missing: Sequence[str] = ()
        """Buckets that no server can report at the moment."""
        self._no_puts: tuple[NoPuts, ...] = ()
        self._silent: tuple[str, ...] = ()
        """The warning about mirrors without contact to their origin."""
        self._entries: dict[bytes, Entry] = {}
        """Used only while the start is read."""
        self.revision = ""
        """The moment of the last change when the buckets were listed, as `NatsPast` counts. What
        came while they were read is in the entries, too. Empty: there is no bucket."""
        self._next_progress = PAGE
        self._advisories: Subscription | None = None
        self._poll_now = asyncio.Event()
        self._heartbeat_due = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Create the consumers of all buckets. Raises `PositionLost`, `StoreError`."""
        self._tasks.append(asyncio.create_task(self._await_end(), name="nats end"))
        buckets = await self._session.buckets()
        if missing := self._wanted_names(buckets.missing):
            # Without this bucket's keys, other keys would be judged wrongly.
            raise Unreachable(self._session.address, Cause.NO_LEADER, unreadable(missing))
        wanted = self._wanted(buckets)
        for bucket in wanted:
            self._consumers[bucket.name] = OrderedConsumer(self._session, bucket, self._prefixes)
        self.revision = str(max(map(changed_at, wanted), default=""))
        free = asyncio.Semaphore(OPENING)

        async def one(consumer: OrderedConsumer) -> None:
            async with free:
                await self._begin(consumer)

        failed = await asyncio.gather(
            *(one(consumer) for consumer in self._consumers.values()), return_exceptions=True
        )
        for failure in failed:
            if failure is not None:
                raise failure

    async def load(self) -> Loading | None:
        """Read on. Return the progress from time to time, and None once all is read.

        Raises `PositionLost`, `StoreError`.
        """
        while not all(consumer.is_complete for consumer in self._consumers.values()):
            try:
                async with asyncio.timeout(SILENCE):
                    item = await self._queue.get()
            except TimeoutError:
                raise Unreachable(self._session.address, Cause.TIMEOUT) from None
            for event in await self._events(item):
                match event:
                    case Put(entry=entry):
                        self._entries[entry.key] = entry
                    case Delete(key=key):
                        self._entries.pop(key, None)
            done = sum(consumer.done for consumer in self._consumers.values())
            if done >= self._next_progress:
                self._next_progress = done + PAGE
                return Loading(done, sum(consumer.total for consumer in self._consumers.values()))
        return None

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries read, sorted by key. Call it once."""
        entries, self._entries = self._entries, {}
        return tuple(sorted(entries.values(), key=lambda entry: entry.key))

    async def follow(self, poll_interval: float) -> None:
        """Start to look for new buckets, and for removals without a message. Raises
        `StoreError`.
        """
        # Without permission for these only the interval counts.
        self._advisories = await self._session.subscribe(ADVISORIES, self._on_advisory)
        self._tasks.append(asyncio.create_task(self._poll(poll_interval), name="nats poll"))

    async def changes(self) -> list[StoreEvent]:
        """Wait for the next events and return them: at least one. Raises `PositionLost`,
        `StoreError`.
        """
        while True:
            events = await self._events(await self._queue.get())
            if self._heartbeat_due and all(
                consumer.is_up_to_date or name in self._missing
                for name, consumer in self._consumers.items()
            ):
                self._heartbeat_due = False
                events.append(Heartbeat(self._warnings(), self._no_puts))
            if events:
                return events

    def _warnings(self) -> tuple[str, ...]:
        warnings = []
        if self._missing:
            warnings.append(f"{unreadable(self._missing)}: its keys are shown as last seen")
        return (*warnings, *self._silent)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(consumer.aclose() for consumer in self._consumers.values()))
        if self._advisories is not None:
            with contextlib.suppress(Exception):
                # A server that accepts nothing any more must not delay the next watch.
                async with asyncio.timeout(CLOSE_LIMIT):
                    await self._advisories.unsubscribe()

    def _wanted(self, buckets: Buckets) -> list[Bucket]:
        return [bucket for bucket in buckets.present if may_hold(bucket.name, self._prefixes)]

    def _wanted_names(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if may_hold(name, self._prefixes))

    async def _begin(self, consumer: OrderedConsumer) -> None:
        try:
            await consumer.open(self._take)
        except ApiError as error:
            if error.is_absence:
                # It was deleted after it was listed.
                raise PositionLost(f"{consumer.bucket.name} is gone") from None
            raise refused(self._session.address, error) from None

    async def _take(self, consumer: OrderedConsumer, message: Msg) -> None:
        await self._queue.put((consumer, message))

    async def _events(self, item: _Item) -> list[StoreEvent]:
        match item:
            case StoreError():
                raise item
            case Buckets():
                return await self._compare(item)
            case (consumer, message):
                # An ended consumer may have left messages in the queue.
                there = self._consumers.get(consumer.bucket.name) is consumer
                return list(await consumer.read(message)) if there else []
        raise AssertionError(item)

    async def _compare(self, buckets: Buckets) -> list[StoreEvent]:
        """Apply a new list of buckets and return its events."""
        events: list[StoreEvent] = []
        listed = {bucket.name: bucket for bucket in self._wanted(buckets)}
        self._missing = self._wanted_names(buckets.missing)
        self._no_puts = no_puts(buckets.present)
        self._silent = _silent(listed.values())
        for name, consumer in list(self._consumers.items()):
            if name in self._missing:
                # The known keys are the best information there is.
                continue
            bucket = listed.pop(name, None)
            if bucket is None:
                events += consumer.state.deletes()
                del self._consumers[name]
                await consumer.aclose()
            elif bucket.created != consumer.bucket.created:
                raise PositionLost(f"{name} was deleted and made again")
            else:
                consumer.check_alive()
                if consumer.is_complete:
                    events += consumer.state.counts(bucket)
        for name, bucket in listed.items():
            self._consumers[name] = OrderedConsumer(self._session, bucket, self._prefixes)
            await self._begin(self._consumers[name])
        self._heartbeat_due = True
        return events

    async def _on_advisory(self, advisory: Msg) -> None:
        self._poll_now.set()

    async def _poll(self, interval: float) -> None:
        """List the buckets at intervals. An error is put into the queue and ends the watch."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval):
                        await self._poll_now.wait()
                # Many buckets are often created or deleted together.
                await asyncio.sleep(min(interval, ADVISED))
                self._poll_now.clear()
                await self._queue.put(await self._session.buckets())
        except Exception as error:
            await self._queue.put(self._session.translated(error))

    async def _await_end(self) -> None:
        await self._session.ended.wait()
        await self._queue.put(Unreachable(self._session.address, Cause.LOST))
