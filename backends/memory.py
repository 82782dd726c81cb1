"""A store in this process, for demos, tests and experiments.

`Keyspace` is what an etcd server or a folder is to the other stores; each `MemoryStore` opened on
it is the connection of one process. It behaves like a real store: leases expire, disconnected
watchers resync, and deletes compare revisions and bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from backends.store import (
    Delete,
    Entry,
    Forbidden,
    Heartbeat,
    Lifetime,
    Lost,
    NoPuts,
    Outcome,
    Owner,
    PodLabels,
    Pods,
    Put,
    PutBack,
    Refused,
    Removal,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
)
from backends.store.closing import ClosedAtExit

if TYPE_CHECKING:
    from backends.store.past import Past

HEARTBEAT_INTERVAL = 2.0
"""Seconds between two heartbeats to a watcher without changes."""
OWN_TTL = 10.0
"""The TTL of a store's own lease, in seconds, as Dynamo's workers request it from etcd."""
RENEWALS_PER_TTL = 3
"""One renewal may be lost. Dynamo renews twice within a TTL."""


class _Lease(msgspec.Struct):
    granted: float
    renewed_at: float


class Backup(msgspec.Struct, frozen=True):
    """The contents of a `Keyspace` at one moment."""

    entries: dict[bytes, Entry]
    leases: dict[int, _Lease]
    revision: int


class Keyspace:
    """Keys, their leases and their watchers. `clock` returns POSIX seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.warnings: tuple[str, ...] = ()
        """The store's own warnings, for its watchers."""
        self.no_puts: tuple[NoPuts, ...] = ()
        """Why puts are refused now."""
        self.read_only = ""
        """Why nothing may be removed or put back. Empty: it may."""
        self._entries: dict[bytes, Entry] = {}
        self._leases: dict[int, _Lease] = {}
        self._watchers: set[asyncio.Queue[StoreEvent]] = set()
        self._revision = 0
        self._broken: StoreError | None = None

    def put(
        self, key: bytes, value: bytes, lease: int | None = None, owner: Owner | None = None
    ) -> Revision:
        """Create or replace a key. Its lease must have been granted. `owner`: the object that holds
        it, as in Kubernetes.

        Raises `Refused` for a lease that does not exist, and while puts are forbidden.
        """
        for one in self.no_puts:
            if one.concerns(key):
                raise Refused("memory", one.reason)
        if lease is not None and lease not in self._leases:
            raise Refused("memory", f"lease {lease:x} does not exist")
        self._revision += 1
        entry = Entry(key, value, Revision(str(self._revision)), lease, owner=owner)
        self._entries[key] = entry
        self._publish(Put(entry))
        return entry.revision

    def delete(self, key: bytes) -> bool:
        """Remove a key, whatever its revision. Return whether it existed."""
        if (entry := self._entries.pop(key, None)) is None:
            return False
        self._revision += 1
        overdue = None if entry.expired_at is None else self.clock() - entry.expired_at
        self._publish(Delete(key, str(self._revision), overdue))
        return True

    def grant(self, lease: int, seconds: float) -> None:
        """Grant a lease, or renew it with this TTL, in seconds."""
        self._leases[lease] = _Lease(seconds, self.clock())

    def renew(self, lease: int) -> None:
        """Renew a lease. Raises KeyError if it does not exist."""
        self._leases[lease].renewed_at = self.clock()

    def end_lease(self, lease: int) -> None:
        """End a lease, as on revocation or expiry. Its keys are removed in one revision, as in
        etcd.
        """
        self._leases.pop(lease, None)
        keys = [key for key, entry in self._entries.items() if entry.lease == lease]
        self._revision += bool(keys)
        for key in keys:
            del self._entries[key]
            self._publish(Delete(key, str(self._revision)))

    def end_overdue_leases(self) -> None:
        """End each lease that was not renewed within its TTL."""
        now = self.clock()
        for lease, state in list(self._leases.items()):
            if state.renewed_at + state.granted <= now:
                self.end_lease(lease)

    def expire(self, key: bytes, at: float | None) -> None:
        """Mark a key as expired since `at` (POSIX seconds), as a file store does. None: not
        expired.
        """
        if self._entries[key].expired_at == at:
            return
        entry = msgspec.structs.replace(self._entries[key], expired_at=at)
        self._entries[key] = entry
        self._publish(Put(entry))

    def break_off(self, error: StoreError) -> None:
        """Make the store unreachable. Watchers are disconnected."""
        self._broken = error
        for queue in self._watchers:
            queue.put_nowait(Lost(error))

    def mend(self) -> None:
        """Make the store reachable again. Watchers resync."""
        self._broken = None
        # A copy of now: a watcher that reads it later still gets the changes after it.
        self._publish(self.read([b""]))

    def warn(self, *warnings: str) -> None:
        """Set the store's warnings and send them to the watchers, as etcd's alarms are sent."""
        self.warnings = warnings
        self._publish(self.heartbeat())

    def forbid_puts(self, *reasons: NoPuts) -> None:
        """Refuse puts for these reasons, as an etcd without space does. Without reasons: allow
        them.
        """
        self.no_puts = reasons
        self._publish(self.heartbeat())

    def forbid_changes(self, reason: str) -> None:
        """Refuse removals and puts by stores, as Kubernetes does without rights. Empty: allow
        them."""
        self.read_only = reason
        self._publish(self.heartbeat())

    def check_rights(self) -> None:
        """Raise `Forbidden` while changes are forbidden."""
        if self.read_only:
            raise Forbidden("memory", self.read_only)

    def heartbeat(self) -> Heartbeat:
        """Return the heartbeat that watchers get."""
        return Heartbeat(self.warnings, self.no_puts, self.read_only)

    def backup(self) -> Backup:
        """Return the current contents, for `restore`."""
        return Backup(dict(self._entries), _copied(self._leases), self._revision)

    def restore(self, backup: Backup) -> None:
        """Return to a backup, as an etcd does: later revisions are assigned a second time."""
        self._entries, self._leases = dict(backup.entries), _copied(backup.leases)
        self._revision = backup.revision
        self._publish(self.read([b""]))

    @property
    def is_broken(self) -> bool:
        """Return whether the store is unreachable."""
        return self._broken is not None

    def check(self) -> None:
        """Raise the error of `break_off` while the store is unreachable."""
        if self._broken is not None:
            raise self._broken

    def read(self, prefixes: Sequence[bytes]) -> Resync:
        starts = tuple(prefixes)
        found = [entry for key, entry in self._entries.items() if key.startswith(starts)]
        found.sort(key=lambda entry: entry.key)
        return Resync(tuple(found), str(self._revision))

    def find(self, key: bytes) -> Entry | None:
        return self._entries.get(key)

    def time_to_live(self, lease: int) -> TimeToLive:
        state = self._leases.get(lease)
        if state is None:
            return TimeToLive(None, -1.0)
        return TimeToLive(state.granted, state.renewed_at + state.granted - self.clock())

    def subscribe(self) -> asyncio.Queue[StoreEvent]:
        queue: asyncio.Queue[StoreEvent] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[StoreEvent]) -> None:
        self._watchers.discard(queue)

    def _publish(self, event: StoreEvent) -> None:
        # A disconnected watcher gets nothing now, and everything in its next resync.
        if self._broken is None:
            for queue in self._watchers:
                queue.put_nowait(event)


class MemoryStore(ClosedAtExit):
    """One connection to a `Keyspace`, by default to one of its own. A `Store`."""

    name = "memory"
    address = "this process"
    lifetime = Lifetime.LEASED
    pods: Pods | None = None
    pod_labels: PodLabels | None = None
    past: Past | None = None

    def __init__(self, keyspace: Keyspace | None = None) -> None:
        self.keyspace = keyspace if keyspace is not None else Keyspace()
        self._lease = secrets.randbits(63) | 1
        self._renewing: asyncio.Task[None] | None = None

    async def instance_id(self) -> int:
        """Return the id of this store's own lease. The first call grants it."""
        if self._renewing is None:
            self.keyspace.check()
            self.keyspace.grant(self._lease, OWN_TTL)
            self._renewing = asyncio.create_task(self._renew(), name="memory lease")
        return self._lease

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        self.keyspace.check()
        return self.keyspace.read(prefixes)

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        self.keyspace.check()
        found = ((key, self.keyspace.find(key)) for key in keys)
        return {key: entry for key, entry in found if entry is not None}

    async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        starts = tuple(prefixes)
        queue = self.keyspace.subscribe()
        try:
            try:
                yield await self.snapshot(prefixes)
            except StoreError as error:
                yield Lost(error)
            while True:
                try:
                    # `wait_for` can swallow a cancellation before Python 3.12.
                    async with asyncio.timeout(HEARTBEAT_INTERVAL):
                        event = await queue.get()
                except TimeoutError:
                    if self.keyspace.is_broken:
                        continue
                    event = self.keyspace.heartbeat()
                match event:
                    case Resync(entries=entries, revision=revision):
                        wanted = tuple(entry for entry in entries if entry.key.startswith(starts))
                        yield Resync(wanted, revision)
                    case Put(entry=Entry(key=key)) | Delete(key=key):
                        if key.startswith(starts):
                            yield event
                    case _:
                        yield event
        finally:
            self.keyspace.unsubscribe(queue)

    async def put(self, key: bytes, value: bytes) -> Revision:
        self.keyspace.check()
        return self.keyspace.put(key, value, await self.instance_id())

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        seen = {entry.key: entry for entry in entries}
        try:
            self.keyspace.check()
            self.keyspace.check_rights()
        except StoreError as error:
            return dict.fromkeys(seen, error)
        return {key: self._delete(entry) for key, entry in seen.items()}

    async def put_back(self, entry: Entry) -> PutBack:
        self.keyspace.check()
        if entry.unread:
            return PutBack.UNREAD
        self.keyspace.check_rights()
        if self.keyspace.find(entry.key) is not None:
            return PutBack.THERE
        if entry.lease is not None and self.keyspace.time_to_live(entry.lease).granted is None:
            return PutBack.LEASE_GONE
        self.keyspace.put(entry.key, entry.value, entry.lease, entry.owner)
        return PutBack.DONE

    async def no_puts(self) -> tuple[NoPuts, ...]:
        self.keyspace.check()
        return self.keyspace.no_puts

    async def read_only(self) -> str:
        self.keyspace.check()
        return self.keyspace.read_only

    def _delete(self, seen: Entry) -> Removal:
        now = self.keyspace.find(seen.key)
        if now is None:
            return Removal.GONE
        if not seen.is_still(now):
            return Removal.CHANGED
        self.keyspace.delete(seen.key)
        return Removal.REMOVED

    async def server_version(self) -> str:
        return ""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        self.keyspace.check()
        return {
            entry.key: self.keyspace.time_to_live(entry.lease)
            for entry in entries
            if entry.lease is not None
        }

    async def aclose(self) -> None:
        """End this store's own lease and so its keys, as a process does at an orderly end."""
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
            self.keyspace.end_lease(self._lease)

    async def _renew(self) -> None:
        """Renew this store's own lease. One that is gone is not granted again, as in etcd."""
        while True:
            await asyncio.sleep(OWN_TTL / RENEWALS_PER_TTL)
            # An unreachable store cannot renew.
            with contextlib.suppress(KeyError):
                if not self.keyspace.is_broken:
                    self.keyspace.renew(self._lease)


def _copied(leases: dict[int, _Lease]) -> dict[int, _Lease]:
    """Return copies that renewals of the originals do not change."""
    return {lease: replace(state) for lease, state in leases.items()}
