"""`NatsStore`: the `Store` protocol on buckets of NATS JetStream.

As Dynamo's own `NATSStore` keeps them (`lib/runtime/src/storage/kv/nats.rs`; no release up to 1.6
selects it): one KV bucket for each namespace and bucket, without a time to live unless somebody
made it with one. Nobody renews anything there, and a process that ends removes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from backends.followed import LostPlace
from backends.in_flight import in_flight
from backends.nats.answers import Bucket, Message
from backends.nats.config import NatsConfig
from backends.nats.errors import WRONG_LAST_SEQUENCE, ApiError, refused
from backends.nats.jetstream import Session
from backends.nats.mirror import revision_of, sequence_of
from backends.nats.names import Place, is_elsewhere, is_sendable, place_of, why_not_writable
from backends.nats.removal import put_back, remove
from backends.nats.requests import NoResponders
from backends.nats.sessions import Sessions, address_of
from backends.nats.watch import POLL_INTERVAL, read_all, watch
from backends.store import (
    Cause,
    Entry,
    KeyNotAllowed,
    Outcome,
    PutBack,
    Refused,
    Removal,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
    Unreachable,
)

ONE_BY_ONE = 200
"""Keys of one bucket that are asked for each by itself; where more are wanted, all are read."""

TRIES = 5
"""Times that everything is read again before it is said that it cannot be."""

BUCKETS_LAST = 2.0
"""Seconds for which what was heard of the buckets is used for times to live."""

RENEWALS = 3
"""Times that this process's own keys are written again within their time to live."""

SHORTEST_RENEWAL = 0.2
"""Seconds between two of them."""

FAREWELL = 3.0
"""Seconds in which this process's own keys are removed when it ends."""


@dataclass(slots=True)
class _Own:
    """A key that this process registered."""

    place: Place
    value: bytes
    revision: Revision
    max_age: float
    """Of its bucket, in seconds; 0: it stays."""


class NatsStore:
    """JetStream's KV buckets that are named as Dynamo names them. Keeps the `Store` protocol.

    Keys are `v1/{bucket}/{relative key}`; what is not where Dynamo would write it is named by where
    it is (see `names.py`). `poll_interval` is in seconds, between two looks at the list of buckets
    while one watches. The constructor does no I/O, any call may connect.
    """

    name = "nats"
    has_leases = False
    is_kept_alive = False

    def __init__(self, config: NatsConfig, *, poll_interval: float = POLL_INTERVAL) -> None:
        self._sessions = Sessions(config)
        self.address = address_of(config)
        self._poll_interval = poll_interval
        # Dynamo takes the number that its server gives to the connection, which is no constant.
        self._instance_id = secrets.randbits(64) or 1
        self._owned: dict[bytes, _Own] = {}
        self._keep_alive: asyncio.Task[None] | None = None
        self._buckets: tuple[float, dict[str, Bucket]] | None = None

    async def instance_id(self) -> int:
        return self._instance_id

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """See `Store`. Each bucket is read by itself: JetStream has no moment for them all."""
        return Resync(await self._read_all(prefixes), revision="")

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        places = {key: place for key in keys if (place := place_of(key)) is not None}
        session = await self._sessions.session()
        found: dict[bytes, Entry] = {}
        for name, wanted in _by_bucket(places).items():
            bucket = await session.bucket(name)
            if bucket is None:
                continue
            # Only what is text can be asked for by its name.
            if len(wanted) > ONE_BY_ONE or not all(map(is_sendable, wanted.values())):
                begins = [b"/".join(key.split(b"/", 2)[:2]) + b"/" for key in wanted]
                entries = await self._read_all(sorted(set(begins)))
                found |= {entry.key: entry for entry in entries if entry.key in wanted}
                continue
            for key, message in (await _messages(session, wanted)).items():
                revision = revision_of(message.sequence, bucket.created)
                found[key] = Entry(key, message.value, revision)
        return found

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """As `Store.watch`. Before each `Resync` comes `Loading` if there is much to read.

        What goes without a removal marker (its time to live ran out, it was purged) is told of
        within some two seconds.
        """
        sessions = self._sessions
        return watch(sessions, prefixes, self._poll_interval)

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Store in the bucket of the key's namespace, which is made if there is none.

        Where the bucket has a time to live, the key is written again every third of it until
        `aclose`, which is a new revision each time.

        Raises `KeyNotAllowed`; `Refused`, e.g. for a value over the server's `max_payload`.
        """
        if (reason := why_not_writable(key)) is not None:
            raise KeyNotAllowed(key, reason)
        place = place_of(key)
        assert place is not None
        session = await self._sessions.session()
        bucket = await session.bucket(place.bucket) or await session.create_bucket(place.bucket)
        try:
            sequence = await session.store(place.subject.decode(), value)
        except ApiError as error:
            raise refused(self.address, error) from None
        except NoResponders:
            await session.check_unheard(place.subject.decode())
            raise Refused(self.address, f"the bucket {place.bucket} takes no such key") from None
        own = _Own(place, value, revision_of(sequence, bucket.created), bucket.max_age)
        self._owned[key] = own
        if own.max_age and self._keep_alive is None:
            self._keep_alive = asyncio.create_task(self._renew(), name="nats keep-alive")
        return own.revision

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        """As `Store.delete`: a removal marker for each key, as KV clients write it."""
        places = {key: place_of(key) for key in targets}
        outcomes: dict[bytes, Outcome] = {
            key: Removal.GONE for key, place in places.items() if place is None
        }
        born: dict[str, str | StoreError | None] = {}
        try:
            session = await self._sessions.session()
            for name in {place.bucket for place in places.values() if place is not None}:
                bucket = await session.bucket(name)
                born[name] = None if bucket is None else bucket.created
        except StoreError as error:
            return dict.fromkeys(targets, error)

        async def one(key: bytes) -> Removal:
            place = places[key]
            assert place is not None
            created = born[place.bucket]
            assert not isinstance(created, StoreError)
            return await remove(session, place, targets[key], created)

        asked = [key for key in targets if key not in outcomes]
        outcomes |= zip(asked, await in_flight(asked, one), strict=True)
        for key, revision in targets.items():
            own = self._owned.get(key)
            if own is not None and own.revision == revision and outcomes[key] is Removal.REMOVED:
                del self._owned[key]
        return outcomes

    async def put_back(self, entry: Entry) -> PutBack:
        """See `Store`. A bucket's time to live, if it has one, begins anew.

        Raises `KeyNotAllowed`; `Refused` where the bucket of an oddly placed key is no more.
        """
        place = place_of(entry.key)
        if not is_elsewhere(entry.key):
            reason = why_not_writable(entry.key)
            # What was there under a name that no KV client would take may be put back so.
            if place is None or (reason is not None and not is_sendable(place)):
                raise KeyNotAllowed(entry.key, reason or "no NATS bucket can hold it")
        if place is None:
            raise KeyNotAllowed(entry.key, "no NATS bucket can hold it")
        session = await self._sessions.session()
        if not is_elsewhere(entry.key) and await session.bucket(place.bucket) is None:
            await session.create_bucket(place.bucket)
        return await put_back(session, place, entry.value)

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """The bucket's `max_age`, and what is left of it since the key was written.

        Keys of a bucket without one are not in the result, and cost nothing.
        """
        places = {entry.key: place for entry in entries if (place := place_of(entry.key))}
        if not places:
            return {}
        session = await self._sessions.session()
        at, buckets = await self._known_buckets(session)
        passed = asyncio.get_running_loop().time() - at
        lives: dict[bytes, TimeToLive] = {}
        for name, wanted in _by_bucket(places).items():
            bucket = buckets.get(name)
            if bucket is None or not bucket.max_age:
                continue
            # By the server's own clock, which is what it goes by.
            now = time.time() if bucket.now is None else bucket.now + passed
            sendable = {key: place for key, place in wanted.items() if is_sendable(place)}
            for key, message in (await _messages(session, sendable)).items():
                lives[key] = TimeToLive(bucket.max_age, message.at + bucket.max_age - now)
        return lives

    async def aclose(self) -> None:
        """Removes what this process registered, but not where somebody has replaced it."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            await asyncio.wait([self._keep_alive])
            self._keep_alive = None
        # What cannot be removed now stays, as all that a Dynamo process leaves behind in NATS.
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                if self._owned:
                    await self.delete({key: own.revision for key, own in self._owned.items()})
        await self._sessions.aclose()

    async def _read_all(self, prefixes: Sequence[bytes]) -> tuple[Entry, ...]:
        session = await self._sessions.session()
        for _ in range(TRIES):
            with suppress(LostPlace):
                return await read_all(session, prefixes)
        raise Unreachable(self.address, Cause.LOST, "buckets come and go while they are read")

    async def _known_buckets(self, session: Session) -> tuple[float, dict[str, Bucket]]:
        now = asyncio.get_running_loop().time()
        if self._buckets is None or now - self._buckets[0] > BUCKETS_LAST:
            buckets = {bucket.name: bucket for bucket in (await session.buckets()).there}
            self._buckets = (now, buckets)
        return self._buckets

    async def _renew(self) -> None:
        while True:
            ages = [own.max_age for own in self._owned.values() if own.max_age]
            await asyncio.sleep(max(SHORTEST_RENEWAL, min(ages, default=60.0) / RENEWALS))
            for key, own in list(self._owned.items()):
                if own.max_age and self._owned.get(key) is own:
                    # A server that is away for a moment may come back.
                    with suppress(StoreError):
                        await self._renew_one(key, own)

    async def _renew_one(self, key: bytes, own: _Own) -> None:
        session = await self._sessions.session()
        created = own.revision.partition("@")[2]
        sequence = sequence_of(own.revision, created)
        subject = own.place.subject.decode()
        try:
            number = await session.store(subject, own.value, last=sequence)
        except NoResponders:
            await session.check_unheard(subject)
            self._disown(key, own)
        except ApiError as error:
            # Somebody replaced or removed it: it is not ours any more.
            if error.number in WRONG_LAST_SEQUENCE:
                self._disown(key, own)
        else:
            own.revision = revision_of(number, created)

    def _disown(self, key: bytes, own: _Own) -> None:
        # It may have been put again, or removed, meanwhile.
        if self._owned.get(key) is own:
            del self._owned[key]


async def _messages(session: Session, places: Mapping[bytes, Place]) -> dict[bytes, Message]:
    """What is there under each key. Raises `StoreError`."""

    async def one(place: Place) -> Message | None:
        return await session.message(place.stream, place.subject.decode())

    answers = await in_flight(places.values(), one)
    found: dict[bytes, Message] = {}
    for key, answer in zip(places, answers, strict=True):
        if isinstance(answer, StoreError):
            raise answer
        if answer is not None and not answer.is_marker:
            found[key] = answer
    return found


def _by_bucket(places: Mapping[bytes, Place]) -> dict[str, dict[bytes, Place]]:
    found: dict[str, dict[bytes, Place]] = {}
    for key, place in places.items():
        found.setdefault(place.bucket, {})[key] = place
    return found
