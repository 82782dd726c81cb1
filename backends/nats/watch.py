"""The endless watch: all buckets, then every change, and again from the start after a gap."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from backends.followed import LostPlace, followed
from backends.nats.answers import Bucket, Buckets
from backends.nats.errors import ApiError, refused
from backends.nats.feed import Feed
from backends.nats.jetstream import HEARTBEAT, Session
from backends.nats.names import may_hold
from backends.nats.sessions import Sessions
from backends.store import (
    Cause,
    Delete,
    Entry,
    Heard,
    Loading,
    NotAuthorised,
    Put,
    Resync,
    StoreError,
    StoreEvent,
    Unreachable,
)

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

POLL_INTERVAL = 2.0
"""Seconds between two looks at the list of buckets: for new ones, and for what expired."""

ADVISORIES = "$JS.EVENT.ADVISORY.STREAM.*.*"
"""Where the server tells of streams that are made, changed and deleted."""

ADVISED = 0.05
"""Seconds from such a word to the next look."""

OPENING = 16
"""Consumers that are asked for at a time."""

WAITING = 1000
"""Messages read ahead; more wait in the client and, by flow control, in the server."""

SILENCE = 3 * HEARTBEAT
"""Seconds without a word, while everything is read, after which the server is taken for lost."""

PAGE = 500
"""Messages between two words of how far the start is."""

SAID = 3
"""Buckets that are named where none can be read."""


def watch(
    sessions: Sessions, prefixes: Sequence[bytes], poll_interval: float
) -> AsyncGenerator[StoreEvent, None]:
    """As `followed`: ends when the store is closed.

    Each key's changes come in order; those of keys in different buckets may come in another order
    than they were made.
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

    return followed(once, lambda: sessions.is_closed)


async def read_all(session: Session, prefixes: Sequence[bytes]) -> tuple[Entry, ...]:
    """Everything there is now, in the order of the keys. Raises `LostPlace`, `StoreError`."""
    async with aclosing(_Follower(session, prefixes)) as follower:
        await follower.open()
        while await follower.load():
            pass
        return follower.entries()


def _unreadable(buckets: Sequence[str]) -> str:
    """For a person."""
    named = ", ".join(buckets[:SAID])
    more = len(buckets) - SAID
    if more > 0:
        named += f" and {more} more"
    one = len(buckets) == 1
    return f"no server tells of the bucket{'' if one else 's'} {named}"


def _is_of_the_connection(error: StoreError) -> bool:
    """Whether another one might help. What was not allowed may be allowed to the next."""
    if isinstance(error, Unreachable):
        return error.cause is not Cause.NO_LEADER
    return isinstance(error, NotAuthorised)


async def _follow(
    session: Session, prefixes: Sequence[bytes], poll_interval: float
) -> AsyncGenerator[StoreEvent, None]:
    """Everything and what comes after it, until something breaks: raises `StoreError` then."""
    async with aclosing(_Follower(session, prefixes)) as follower:
        await follower.open()
        while step := await follower.load():
            yield step
        await follower.follow(poll_interval)
        yield Resync(follower.entries(), "")
        yield Heard()
        while True:
            for event in await follower.changes():
                yield event


_Item = tuple[Feed, "Msg"] | Buckets | StoreError
"""A message, the buckets as they are now, or why there is nothing more."""


class _Follower:
    """The feeds of all buckets on one session, in one queue. Close it (`aclose`)."""

    def __init__(self, session: Session, prefixes: Sequence[bytes]) -> None:
        self._session = session
        self._prefixes = tuple(prefixes)
        self._feeds: dict[str, Feed] = {}
        self._queue: asyncio.Queue[_Item] = asyncio.Queue(WAITING)
        self._missing: Sequence[str] = ()
        """Buckets of which no server can tell at the moment."""
        self._entries: dict[bytes, Entry] = {}
        """Only until the start is told."""
        self._unsaid = PAGE
        self._advisories: Subscription | None = None
        self._look_now = asyncio.Event()
        self._owes_heard = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Ask for all buckets. Raises `LostPlace`, `StoreError`."""
        self._tasks.append(asyncio.create_task(self._await_end(), name="nats end"))
        buckets = await self._session.buckets()
        if missing := self._wanted_names(buckets.missing):
            # Without the keys that are in it, others would be taken for what they are not.
            raise Unreachable(self._session.address, Cause.NO_LEADER, _unreadable(missing))
        for bucket in self._wanted(buckets):
            self._feeds[bucket.name] = Feed(self._session, bucket, self._prefixes)
        free = asyncio.Semaphore(OPENING)

        async def one(feed: Feed) -> None:
            async with free:
                await self._begin(feed)

        failed = await asyncio.gather(
            *(one(feed) for feed in self._feeds.values()), return_exceptions=True
        )
        for failure in failed:
            if failure is not None:
                raise failure

    async def load(self) -> Loading | None:
        """Read on; how far it is from time to time, None once all is read.

        Raises `LostPlace`, `StoreError`.
        """
        while not all(feed.is_complete for feed in self._feeds.values()):
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
            done = sum(feed.done for feed in self._feeds.values())
            if done >= self._unsaid:
                self._unsaid = done + PAGE
                return Loading(done, sum(feed.total for feed in self._feeds.values()))
        return None

    def entries(self) -> tuple[Entry, ...]:
        """What was read, in the order of the keys. Once."""
        entries, self._entries = self._entries, {}
        return tuple(sorted(entries.values(), key=lambda entry: entry.key))

    async def follow(self, poll_interval: float) -> None:
        """Begin to look for new buckets and for what went without a word. Raises `StoreError`."""
        # Whoever may not listen to these goes by the interval alone.
        self._advisories = await self._session.subscribe(ADVISORIES, self._look)
        self._tasks.append(asyncio.create_task(self._poll(poll_interval), name="nats poll"))

    async def changes(self) -> list[StoreEvent]:
        """What came next, at least one event: waits for it. Raises `LostPlace`, `StoreError`."""
        while True:
            events = await self._events(await self._queue.get())
            if self._owes_heard and all(
                feed.is_up_to_date or name in self._missing for name, feed in self._feeds.items()
            ):
                self._owes_heard = False
                events.append(Heard(self._warnings()))
            if events:
                return events

    def _warnings(self) -> tuple[str, ...]:
        if not self._missing:
            return ()
        return (f"{_unreadable(self._missing)}: what is in there is as it was last seen",)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(feed.aclose() for feed in self._feeds.values()))
        if self._advisories is not None:
            with contextlib.suppress(Exception):
                await self._advisories.unsubscribe()

    def _wanted(self, buckets: Buckets) -> list[Bucket]:
        return [bucket for bucket in buckets.there if may_hold(bucket.name, self._prefixes)]

    def _wanted_names(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if may_hold(name, self._prefixes))

    async def _begin(self, feed: Feed) -> None:
        try:
            await feed.open(self._take)
        except ApiError as error:
            if error.is_absence:
                # It went between being listed and being asked for.
                raise LostPlace(f"{feed.bucket.name} is gone") from None
            raise refused(self._session.address, error) from None

    async def _take(self, feed: Feed, message: Msg) -> None:
        await self._queue.put((feed, message))

    async def _events(self, item: _Item) -> list[StoreEvent]:
        match item:
            case StoreError():
                raise item
            case Buckets():
                return await self._compare(item)
            case (feed, message):
                # A feed that was ended may have left something behind it.
                there = self._feeds.get(feed.bucket.name) is feed
                return list(await feed.read(message)) if there else []
        raise AssertionError(item)

    async def _compare(self, buckets: Buckets) -> list[StoreEvent]:
        """What follows from the list of buckets as it is now."""
        events: list[StoreEvent] = []
        listed = {bucket.name: bucket for bucket in self._wanted(buckets)}
        self._missing = self._wanted_names(buckets.missing)
        for name, feed in list(self._feeds.items()):
            if name in self._missing:
                # What is known of it is all that can be said.
                continue
            bucket = listed.pop(name, None)
            if bucket is None:
                events += feed.mirror.deletes()
                del self._feeds[name]
                await feed.aclose()
            elif bucket.created != feed.bucket.created:
                raise LostPlace(f"{name} was deleted and made again")
            else:
                feed.check_alive()
                if feed.is_complete:
                    events += feed.mirror.counts(bucket)
        for name, bucket in listed.items():
            self._feeds[name] = Feed(self._session, bucket, self._prefixes)
            await self._begin(self._feeds[name])
        self._owes_heard = True
        return events

    async def _look(self, advisory: Msg) -> None:
        self._look_now.set()

    async def _poll(self, interval: float) -> None:
        """Ends with what keeps it from going on, for whoever reads."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(interval):
                        await self._look_now.wait()
                # Many buckets are often made or deleted together.
                await asyncio.sleep(min(interval, ADVISED))
                self._look_now.clear()
                await self._queue.put(await self._session.buckets())
        except Exception as error:
            await self._queue.put(self._session.translated(error))

    async def _await_end(self) -> None:
        await self._session.ended.wait()
        await self._queue.put(Unreachable(self._session.address, Cause.LOST))
