"""`NatsPast`: what the messages that are left in Dynamo's buckets prove of the past.

Each bucket counts for itself, so a revision here is a time: microseconds of POSIX time, at which
the servers stored a message. It is of all buckets, and exact in JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from backends.nats.errors import ApiError, refused
from backends.nats_kv.bucket_past import MICROSECONDS, BucketPast, KeptMessage
from backends.nats_kv.jetstream import EXPECTED, JetStreamSession
from backends.nats_kv.names import may_hold
from backends.nats_kv.ordered_consumer import OrderedConsumer
from backends.nats_kv.responses import Bucket, changed_at, is_marker
from backends.nats_kv.sessions import Sessions
from backends.nats_kv.watch import SILENCE, WAITING, unreadable
from backends.store import (
    Cause,
    Compacted,
    Delete,
    Entry,
    NoPast,
    NotYet,
    Put,
    Refused,
    Resync,
    StoreError,
    Unreachable,
)
from backends.store.limited_gather import limited_gather
from backends.store.past import PastChange
from backends.store.resync_loop import PositionLost

if TYPE_CHECKING:
    from nats.aio.msg import Msg

MOST_MESSAGES, MOST_BYTES = 200_000, 256 * 2**20
"""Of all buckets together. If there are more, nothing of the past is read."""

TRIES = 3
"""Times that a bucket is read again when messages were lost on their way."""

ROLLUP = "Nats-Rollup"
"""The header of a message that takes the place of all earlier ones."""

NANOSECONDS_EACH = 1_000

OTHER_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
"""A header that has the condition of `EXPECTED` refer to other subjects."""


class _Read(msgspec.Struct, frozen=True):
    """The pasts of the buckets that may hold the keys that were asked for."""

    buckets: Sequence[BucketPast]
    newest: int
    """The last change of any bucket of Dynamo's."""
    now: int
    """Up to here all is known: the servers' own time, as far as they report it."""


class NatsPast:
    """The past of JetStream's buckets, as `backends.store.past.Past` says.

    It is that of the buckets that are there: one that was deleted leaves no trace.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def time_of(self, revision: int) -> float | None:
        return revision / MICROSECONDS

    def revision_at(self, at: float) -> int | None:
        return max(1, int(at * MICROSECONDS))

    async def newest(self) -> int:
        session = await self._sessions.session()
        return _newest((await session.buckets()).present)

    async def oldest(self, prefixes: Sequence[bytes]) -> int:
        """Return the first moment of which everything is known, in all buckets of these keys."""
        return _oldest(await self._read(prefixes)).oldest

    async def at(self, prefixes: Sequence[bytes], revision: int) -> Resync:
        _check(revision)
        read = await self._read(prefixes)
        self._check_known(read, revision, revision)
        entries: list[Entry] = []
        for bucket in read.buckets:
            entries += bucket.entries(revision, tuple(prefixes))
        return Resync(tuple(sorted(entries, key=lambda one: one.key)), str(revision))

    async def changes(
        self, prefixes: Sequence[bytes], after: int, until: int
    ) -> tuple[PastChange, ...]:
        _check(after)
        read = await self._read(prefixes)
        self._check_known(read, after, max(after, until))
        return _changes(read, after, until, prefixes)

    async def recent(
        self, prefixes: Sequence[bytes], until: int, most: int
    ) -> tuple[PastChange, ...]:
        read = await self._read(prefixes)
        changes = _changes(read, _oldest(read).oldest, until, prefixes)
        revisions = sorted({one.revision for one in changes})[-most:]
        return tuple(one for one in changes if one.revision in frozenset(revisions))

    def _check_known(self, read: _Read, oldest: int, newest: int) -> None:
        """Raise `NotYet` or `Compacted` if not all is known between two moments."""
        if newest > read.now:
            raise NotYet(self._sessions.address, newest, read.newest)
        last = _oldest(read)
        if oldest < last.oldest:
            at = last.oldest / MICROSECONDS
            raise Compacted(self._sessions.address, oldest, last.oldest, at, _why(last))

    async def _read(self, prefixes: Sequence[bytes]) -> _Read:
        """Read all messages of the buckets that may hold such keys."""
        session = await self._sessions.session()
        listed = await session.buckets()
        missing = sorted(name for name in listed.missing if may_hold(name, prefixes))
        if missing:
            raise Unreachable(session.address, Cause.NO_LEADER, unreadable(missing))
        newest = _newest(listed.present)
        wanted = sorted(
            (one for one in listed.present if may_hold(one.name, prefixes)),
            key=lambda one: one.name,
        )
        if not wanted:
            raise NoPast("nats", "no bucket here holds such keys, and a deleted one left no trace")
        _check_size(session, wanted)

        async def one(bucket: Bucket) -> BucketPast:
            return BucketPast(bucket, await _messages_of(session, bucket))

        pasts: list[BucketPast] = []
        for past in await limited_gather(wanted, one):
            if isinstance(past, StoreError):
                raise past
            if past.why_lost:
                raise NoPast("nats", f"the bucket {past.bucket.name} {past.why_lost}")
            pasts.append(past)
        times = [int(one.now * MICROSECONDS) for one in wanted if one.now is not None]
        return _Read(pasts, newest, max(newest, min(times, default=0)))


class _EveryMessage(OrderedConsumer):
    """Collects every message that a bucket has."""

    reads_every = True

    def __init__(self, session: JetStreamSession, bucket: Bucket) -> None:
        super().__init__(session, bucket, ())
        self.messages: list[KeptMessage] = []

    def _apply(
        self, subject: bytes, sequence: int, stored_at: int, value: bytes, headers: dict[str, str]
    ) -> list[Put | Delete]:
        self.messages.append(
            KeptMessage(
                subject,
                sequence,
                stored_at // NANOSECONDS_EACH,
                value,
                is_marker(headers),
                is_first=headers.get(EXPECTED) == "0" and OTHER_SUBJECT not in headers,
                is_rollup=ROLLUP in headers,
            )
        )
        return []


async def _messages_of(session: JetStreamSession, bucket: Bucket) -> Sequence[KeptMessage]:
    """Return every message of a bucket, in their order. Raises `StoreError`."""
    for _ in range(TRIES - 1):
        try:
            return await _read_once(session, bucket)
        except PositionLost:
            continue
    try:
        return await _read_once(session, bucket)
    except PositionLost:
        problem = f"the bucket {bucket.name} comes and goes while it is read"
        raise Unreachable(session.address, Cause.LOST, problem) from None


async def _read_once(session: JetStreamSession, bucket: Bucket) -> Sequence[KeptMessage]:
    """Do as `_messages_of`. Raises `PositionLost` if messages were lost on their way."""
    consumer = _EveryMessage(session, bucket)
    queue: asyncio.Queue[Msg | None] = asyncio.Queue(WAITING)

    async def take(_: OrderedConsumer, message: Msg) -> None:
        await queue.put(message)

    async def await_end() -> None:
        await session.ended.wait()
        await queue.put(None)

    end = asyncio.create_task(await_end(), name="nats end")
    try:
        await consumer.open(take)
        while not consumer.is_complete:
            async with asyncio.timeout(SILENCE):
                message = await queue.get()
            if message is None:
                raise Unreachable(session.address, Cause.LOST)
            await consumer.read(message)
    except ApiError as error:
        if error.is_absence:
            raise PositionLost(f"{bucket.name} is gone") from None
        raise refused(session.address, error) from None
    except TimeoutError:
        raise Unreachable(session.address, Cause.TIMEOUT) from None
    finally:
        end.cancel()
        await asyncio.gather(end, return_exceptions=True)
        await consumer.aclose()
    return consumer.messages


def _newest(buckets: Sequence[Bucket]) -> int:
    if not buckets:
        raise NoPast("nats", "there is no bucket of Dynamo's here, and a deleted one left no trace")
    return max(map(changed_at, buckets))


def _oldest(read: _Read) -> BucketPast:
    """Return the bucket that reaches back least."""
    return max(read.buckets, key=lambda one: one.oldest)


def _changes(
    read: _Read, after: int, until: int, prefixes: Sequence[bytes]
) -> tuple[PastChange, ...]:
    changes: list[PastChange] = []
    for bucket in read.buckets:
        changes += bucket.changes(after, until, tuple(prefixes))
    return tuple(sorted(changes, key=lambda one: one.revision))


def _why(past: BucketPast) -> str:
    """Return why a bucket does not reach back further."""
    bucket = past.bucket
    if past.is_whole:
        return f"the bucket {bucket.name} was made then"
    if bucket.history == 1:
        return (
            f"the bucket {bucket.name} keeps one value of each key (nats stream edit "
            f"{bucket.stream} --max-msgs-per-subject 64 has it keep more from then on)"
        )
    return f"the bucket {bucket.name} dropped messages of before"


def _check(revision: int) -> None:
    if revision < 1:
        raise ValueError(f"no revision is {revision}")


def _check_size(session: JetStreamSession, buckets: Sequence[Bucket]) -> None:
    messages, size = sum(one.messages for one in buckets), sum(one.size for one in buckets)
    if messages > MOST_MESSAGES or size > MOST_BYTES:
        problem = (
            f"the past is read of {MOST_MESSAGES:,} messages and {MOST_BYTES // 2**20} MiB at most,"
            f" and these buckets have {messages:,} with {size / 2**20:.0f} MiB: name a namespace"
        )
        raise Refused(session.address, problem)
