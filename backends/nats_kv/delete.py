"""Remove and restore keys, each with a message that is stored only if the last one is unchanged."""

from __future__ import annotations

from collections.abc import Iterable

from backends.nats.errors import WRONG_LAST_SEQUENCE, ApiError, refused
from backends.nats.requests import NoResponders
from backends.nats_kv.bucket_state import sequence_of
from backends.nats_kv.jetstream import JetStreamSession
from backends.nats_kv.names import KeyLocation, is_sendable, location_of
from backends.nats_kv.responses import Bucket, StoredMessage
from backends.store import Entry, NoPuts, PutBack, Refused, Removal

NOT_SENDABLE = "no NATS client can publish under its name"
FOR_GOOD = "it could not be put back: with a header it is larger than one message may be"
NO_BUCKET = "its bucket no longer exists"
NOT_TAKEN = "its bucket no longer accepts such keys"

FULL = 256
"""Bytes of room below which a bucket counts as full: a removal marker and a header take less, and
an instance takes more.
"""


class _FullBucket(NoPuts, frozen=True):
    """A bucket without room for another message."""

    bucket: str

    def concerns(self, key: bytes) -> bool:
        location = location_of(key)
        return location is not None and location.bucket == self.bucket


async def remove(
    session: JetStreamSession, location: KeyLocation, seen: Entry, created: str | None
) -> Removal:
    """Store a removal marker, as KV clients do, if the message is unchanged. `created`: the
    bucket's creation time. None: there is no bucket.

    JetStream compares only the sequence number. A stream that was restored from a backup, or
    recreated within the tick of its clock, assigns numbers a second time. So the value is read and
    compared directly before. What remains is the time between these two requests, in which the
    stream would have to be replaced and written up to the same number.

    Raises `StoreError`.
    """
    if created is None:
        return Removal.GONE
    if not is_sendable(location):
        raise Refused(session.address, NOT_SENDABLE)
    if not session.could_put_back(seen.value):
        # A client could still publish it without the header that this needs.
        raise Refused(session.address, FOR_GOOD)
    sequence = sequence_of(seen.revision, created)
    found = await _current(session, location)
    if found is None:
        return Removal.GONE
    if (found.sequence, found.value) != (sequence, seen.value):
        return Removal.CHANGED
    try:
        await session.store(location.subject.decode(), b"", last=sequence, marker=True)
        return Removal.REMOVED
    except NoResponders:
        await session.check_no_responders(location.subject.decode())
        if await _current(session, location):
            raise Refused(session.address, NOT_TAKEN) from None
        return Removal.GONE
    except ApiError as error:
        if error.number not in WRONG_LAST_SEQUENCE:
            raise refused(session.address, error) from None
    return Removal.CHANGED if await _current(session, location) else Removal.GONE


async def put_back(session: JetStreamSession, location: KeyLocation, value: bytes) -> PutBack:
    """Store exactly this value if the key does not exist. Raises `StoreError`."""
    if not is_sendable(location):
        raise Refused(session.address, NOT_SENDABLE)
    subject = location.subject.decode()
    last = 0
    while True:
        try:
            await session.store(subject, value, last=last)
            return PutBack.DONE
        except NoResponders:
            await session.check_no_responders(subject)
            raise Refused(session.address, NO_BUCKET) from None
        except ApiError as error:
            if error.number not in WRONG_LAST_SEQUENCE:
                raise refused(session.address, error) from None
        message = await session.message(location.stream, subject)
        if message is not None and not message.is_marker:
            return PutBack.THERE
        # The last message is a marker, or was removed meanwhile.
        last = 0 if message is None else message.sequence


def no_puts(buckets: Iterable[Bucket]) -> tuple[NoPuts, ...]:
    """Return the buckets that are full."""
    return tuple(
        _FullBucket(f"the bucket {bucket.name} is full (max_bytes)", bucket.name)
        for bucket in buckets
        if bucket.left is not None and bucket.left < FULL
    )


async def _current(session: JetStreamSession, location: KeyLocation) -> StoredMessage | None:
    message = await session.message(location.stream, location.subject.decode())
    return None if message is None or message.is_marker else message
