"""Removing and putting back: each a message that is stored only if the last one is the one seen."""

from __future__ import annotations

from backends.nats.answers import Message
from backends.nats.errors import WRONG_LAST_SEQUENCE, ApiError, refused
from backends.nats.jetstream import Session
from backends.nats.mirror import sequence_of
from backends.nats.names import Place, is_sendable
from backends.nats.requests import NoResponders
from backends.store import PutBack, Refused, Removal, Revision

NOT_SENDABLE = "no NATS client can publish under its name"
NO_BUCKET = "its bucket does not exist any more"
NOT_TAKEN = "its bucket does not take such keys any more"


async def remove(
    session: Session, place: Place, revision: Revision, created: str | None
) -> Removal:
    """Put a removal marker in place of the message, as KV clients do, if it is the one that is
    named. `created`: when the bucket was made; None: there is none.

    Raises `StoreError`.
    """
    if created is None:
        return Removal.GONE
    if not is_sendable(place):
        raise Refused(session.address, NOT_SENDABLE)
    sequence = sequence_of(revision, created)
    if sequence is not None:
        # Of a key that was removed, the marker itself is the last message.
        try:
            await session.store(place.subject.decode(), b"", last=sequence, marker=True)
            return Removal.REMOVED
        except NoResponders:
            await session.check_unheard(place.subject.decode())
            if await _there(session, place):
                raise Refused(session.address, NOT_TAKEN) from None
            return Removal.GONE
        except ApiError as error:
            if error.number not in WRONG_LAST_SEQUENCE:
                raise refused(session.address, error) from None
    return Removal.CHANGED if await _there(session, place) else Removal.GONE


async def put_back(session: Session, place: Place, value: bytes) -> PutBack:
    """Store exactly this, if no such key is there. Raises `StoreError`."""
    if not is_sendable(place):
        raise Refused(session.address, NOT_SENDABLE)
    subject = place.subject.decode()
    last = 0
    while True:
        try:
            await session.store(subject, value, last=last)
            return PutBack.DONE
        except NoResponders:
            await session.check_unheard(subject)
            raise Refused(session.address, NO_BUCKET) from None
        except ApiError as error:
            if error.number not in WRONG_LAST_SEQUENCE:
                raise refused(session.address, error) from None
        message = await session.message(place.stream, subject)
        if message is not None and not message.is_marker:
            return PutBack.THERE
        # A marker is in the way, or went meanwhile.
        last = 0 if message is None else message.sequence


async def _there(session: Session, place: Place) -> Message | None:
    message = await session.message(place.stream, place.subject.decode())
    return None if message is None or message.is_marker else message
