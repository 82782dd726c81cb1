"""`NatsStore`: the `Store` protocol on buckets of NATS JetStream.

The layout is that of Dynamo's own `NATSStore` (`lib/runtime/src/storage/kv/nats.rs`; no release up
to 1.6 selects it): one KV bucket for each namespace and bucket, without a time to live unless it
was created with one. Nothing is renewed there, and a process that ends removes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from backends.nats.config import NatsConfig
from backends.nats.errors import WRONG_LAST_SEQUENCE, ApiError, refused
from backends.nats.requests import NoResponders
from backends.nats_kv.bucket_state import revision_of, sequence_of
from backends.nats_kv.delete import no_puts, put_back, remove
from backends.nats_kv.jetstream import HEARTBEAT, JetStreamSession
from backends.nats_kv.names import (
    KeyLocation,
    is_elsewhere,
    is_sendable,
    location_of,
    why_not_writable,
)
from backends.nats_kv.past import NatsPast
from backends.nats_kv.responses import Bucket, StoredMessage
from backends.nats_kv.sessions import Sessions, address_of
from backends.nats_kv.watch import POLL_INTERVAL, read_all, watch
from backends.store import (
    Cause,
    Entry,
    KeyNotAllowed,
    Lifetime,
    NoPuts,
    Outcome,
    PodLabels,
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
from backends.store.closing import ClosedAtExit
from backends.store.limited_gather import limited_gather
from backends.store.resync_loop import PositionLost

ONE_BY_ONE = 200
"""Keys of one bucket that are read one by one. For more, the whole bucket is read."""

TRIES = 5
"""Times that everything is read again before reading fails."""

BUCKETS_LAST = 2.0
"""Seconds for which a list of buckets is reused for times to live."""

RENEWALS = 3.0
"""Times that this process's own keys are written again within their time to live."""

SHORTEST_RENEWAL = 0.2
"""Seconds between two renewals, at least."""

CLOSE_LIMIT = 3.0
"""Seconds for removing this process's own keys when it ends."""


class _Own(msgspec.Struct):
    """A key that this process registered."""

    location: KeyLocation
    value: bytes
    revision: Revision
    max_age: float
    """The bucket's time to live, in seconds. 0: the key does not expire."""


class NatsStore(ClosedAtExit):
    """JetStream's KV buckets with names as Dynamo gives them, as a `Store`.

    Keys are `v1/{bucket}/{relative key}`; a key that Dynamo would write elsewhere includes its
    location (see `names.py`). `poll_interval` is in seconds, between two lists of the buckets
    during a watch; `heartbeat` is the silence, in seconds, after which a consumer says that it is
    there. This process's own keys are written again `renewals` times within their time to live. The
    constructor does no I/O; any call may connect.
    """

    name = "nats"
    lifetime = Lifetime.UNBOUNDED
    pods = None
    pod_labels: PodLabels | None = None

    def __init__(
        self,
        config: NatsConfig,
        *,
        poll_interval: float = POLL_INTERVAL,
        heartbeat: float = HEARTBEAT,
        renewals: float = RENEWALS,
    ) -> None:
        self._sessions = Sessions(config, heartbeat=heartbeat)
        self.past = NatsPast(self._sessions)
        self._renewals = renewals
        self.address = address_of(config)
        self._poll_interval = poll_interval
        # Dynamo uses the number that the server gives its connection, which changes with each.
        self._instance_id = secrets.randbits(64) or 1
        self._owned: dict[bytes, _Own] = {}
        self._keep_alive: asyncio.Task[None] | None = None
        self._buckets: tuple[float, dict[str, Bucket]] | None = None

    async def instance_id(self) -> int:
        return self._instance_id

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """Read all entries, as `Store.snapshot`, one bucket after the other: JetStream has no
        common snapshot.
        """
        return await self._read_all(prefixes)

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        locations = {key: location for key in keys if (location := location_of(key)) is not None}
        session = await self._sessions.session()
        found: dict[bytes, Entry] = {}
        for name, wanted in _by_bucket(locations).items():
            bucket = await session.bucket(name)
            if bucket is None:
                continue
            # Only subjects that are text can be requested by name.
            if len(wanted) > ONE_BY_ONE or not all(map(is_sendable, wanted.values())):
                begins = [b"/".join(key.split(b"/", 2)[:2]) + b"/" for key in wanted]
                entries = (await self._read_all(sorted(set(begins)))).entries
                found |= {entry.key: entry for entry in entries if entry.key in wanted}
                continue
            for key, message in (await _messages(session, wanted)).items():
                revision = revision_of(message.sequence, bucket.created)
                found[key] = Entry(key, message.value, revision)
        return found

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """Watch as `Store.watch`. Before each `Resync` comes `Loading` if there is much to read.

        A removal without a marker (expiry, purge) is reported within about two seconds.
        """
        sessions = self._sessions
        return watch(sessions, prefixes, self._poll_interval)

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Write a key into the bucket of its namespace, which is created if missing.

        If the bucket has a time to live, the key is written again every third of it until `aclose`,
        with a new revision each time.

        Raises `KeyNotAllowed`; `Refused`, e.g. for a value over the server's `max_payload`.
        """
        if (reason := why_not_writable(key)) is not None:
            raise KeyNotAllowed(key, reason)
        location = location_of(key)
        assert location is not None
        session = await self._sessions.session()
        bucket = await session.bucket(location.bucket) or await session.create_bucket(
            location.bucket
        )
        try:
            sequence = await session.store(location.subject.decode(), value)
        except ApiError as error:
            raise refused(self.address, error) from None
        except NoResponders:
            await session.check_no_responders(location.subject.decode())
            raise Refused(self.address, f"the bucket {location.bucket} takes no such key") from None
        own = _Own(location, value, revision_of(sequence, bucket.created), bucket.max_age)
        self._owned[key] = own
        if own.max_age and self._keep_alive is None:
            self._keep_alive = asyncio.create_task(self._renew(), name="nats keep-alive")
        return own.revision

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        """Remove keys as `Store.delete`, with a removal marker for each, as KV clients do. See
        `remove` for the remaining window.
        """
        targets = {entry.key: entry for entry in entries}
        locations = {key: location_of(key) for key in targets}
        outcomes: dict[bytes, Outcome] = {
            key: Removal.GONE for key, location in locations.items() if location is None
        }
        born: dict[str, str | StoreError | None] = {}
        try:
            session = await self._sessions.session()
            for name in {
                location.bucket for location in locations.values() if location is not None
            }:
                bucket = await session.bucket(name)
                born[name] = None if bucket is None else bucket.created
        except StoreError as error:
            return dict.fromkeys(targets, error)

        async def one(key: bytes) -> Removal:
            location = locations[key]
            assert location is not None
            created = born[location.bucket]
            assert not isinstance(created, StoreError)
            return await remove(session, location, targets[key], created)

        asked = [key for key in targets if key not in outcomes]
        outcomes |= zip(asked, await limited_gather(asked, one), strict=True)
        for key, entry in targets.items():
            own = self._owned.get(key)
            mine = own is not None and own.revision == entry.revision
            if mine and outcomes[key] is Removal.REMOVED:
                del self._owned[key]
        return outcomes

    async def put_back(self, entry: Entry) -> PutBack:
        """Put an entry back, as `Store.put_back`. A bucket's time to live starts anew.

        Raises `KeyNotAllowed`; `Refused` if the bucket of a key with its location no longer exists.
        """
        location = location_of(entry.key)
        if not is_elsewhere(entry.key):
            reason = why_not_writable(entry.key)
            # A name that no KV client would accept may be restored as it was.
            if location is None or (reason is not None and not is_sendable(location)):
                raise KeyNotAllowed(entry.key, reason or "no NATS bucket can hold it")
        if location is None:
            raise KeyNotAllowed(entry.key, "no NATS bucket can hold it")
        if entry.unread:
            return PutBack.UNREAD
        session = await self._sessions.session()
        if not is_elsewhere(entry.key) and await session.bucket(location.bucket) is None:
            await session.create_bucket(location.bucket)
        return await put_back(session, location, entry.value)

    async def no_puts(self) -> tuple[NoPuts, ...]:
        """Return the buckets that are full. Limits of an account or a server are not detected."""
        return no_puts((await (await self._sessions.session()).buckets()).present)

    async def read_only(self) -> str:
        """Return nothing: what this user may remove is not asked for here."""
        return ""

    async def server_version(self) -> str:
        """Return the release of the server that this is connected to."""
        from backends.nats.client import NatsClient  # it is there with the first session

        client = (await self._sessions.session()).client
        return client.release if isinstance(client, NatsClient) else ""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """Return the bucket's `max_age`, and the time left since the key was written.

        Keys of a bucket without one are not in the result, and cost nothing.
        """
        locations = {
            entry.key: location for entry in entries if (location := location_of(entry.key))
        }
        if not locations:
            return {}
        session = await self._sessions.session()
        at, buckets = await self._known_buckets(session)
        passed = asyncio.get_running_loop().time() - at
        ttls: dict[bytes, TimeToLive] = {}
        for name, wanted in _by_bucket(locations).items():
            bucket = buckets.get(name)
            if bucket is None or not bucket.max_age:
                continue
            # By the server's own clock, which decides the expiry.
            now = time.time() if bucket.now is None else bucket.now + passed
            sendable = {key: location for key, location in wanted.items() if is_sendable(location)}
            for key, message in (await _messages(session, sendable)).items():
                ttls[key] = TimeToLive(bucket.max_age, message.at + bucket.max_age - now)
        return ttls

    async def aclose(self) -> None:
        """Remove this process's own keys, except replaced ones."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            await asyncio.wait([self._keep_alive])
            self._keep_alive = None
        # A key that cannot be removed now stays, as all keys of a Dynamo process in NATS do.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT):
                if self._owned:
                    await self.delete(
                        [Entry(key, own.value, own.revision) for key, own in self._owned.items()]
                    )
        await self._sessions.aclose()

    async def _read_all(self, prefixes: Sequence[bytes]) -> Resync:
        session = await self._sessions.session()
        for _ in range(TRIES):
            with suppress(PositionLost):
                return await read_all(session, prefixes)
        raise Unreachable(self.address, Cause.LOST, "buckets come and go while they are read")

    async def _known_buckets(self, session: JetStreamSession) -> tuple[float, dict[str, Bucket]]:
        now = asyncio.get_running_loop().time()
        if self._buckets is None or now - self._buckets[0] > BUCKETS_LAST:
            buckets = {bucket.name: bucket for bucket in (await session.buckets()).present}
            self._buckets = (now, buckets)
        return self._buckets

    async def _renew(self) -> None:
        while True:
            ages = [own.max_age for own in self._owned.values() if own.max_age]
            await asyncio.sleep(max(SHORTEST_RENEWAL, min(ages, default=60.0) / self._renewals))
            for key, own in list(self._owned.items()):
                if own.max_age and self._owned.get(key) is own:
                    # A server that is away for a moment may come back.
                    with suppress(StoreError):
                        await self._renew_one(key, own)

    async def _renew_one(self, key: bytes, own: _Own) -> None:
        session = await self._sessions.session()
        created = own.revision.partition("@")[2]
        sequence = sequence_of(own.revision, created)
        subject = own.location.subject.decode()
        try:
            number = await session.store(subject, own.value, last=sequence)
        except NoResponders:
            await session.check_no_responders(subject)
            self._disown(key, own)
        except ApiError as error:
            # It was replaced or removed, so this process does not own it any more.
            if error.number in WRONG_LAST_SEQUENCE:
                self._disown(key, own)
        else:
            own.revision = revision_of(number, created)

    def _disown(self, key: bytes, own: _Own) -> None:
        # It may have been put again, or removed, meanwhile.
        if self._owned.get(key) is own:
            del self._owned[key]


async def _messages(
    session: JetStreamSession, locations: Mapping[bytes, KeyLocation]
) -> dict[bytes, StoredMessage]:
    """Return the current message of each key. Raises `StoreError`."""

    async def one(location: KeyLocation) -> StoredMessage | None:
        return await session.message(location.stream, location.subject.decode())

    answers = await limited_gather(locations.values(), one)
    found: dict[bytes, StoredMessage] = {}
    for key, answer in zip(locations, answers, strict=True):
        if isinstance(answer, StoreError):
            raise answer
        if answer is not None and not answer.is_marker:
            found[key] = answer
    return found


def _by_bucket(locations: Mapping[bytes, KeyLocation]) -> dict[str, dict[bytes, KeyLocation]]:
    found: dict[str, dict[bytes, KeyLocation]] = {}
    for key, location in locations.items():
        found.setdefault(location.bucket, {})[key] = location
    return found
