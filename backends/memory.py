"""The store that lives in this process: for demos, tests and trying things out.

`Keyspace` is what an etcd server or a folder is to the other stores; every `MemoryStore`
opened on it is one process's connection. Nothing here is a pretence: leases run out, watchers
that are cut off resync, and deletes compare revisions.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from backends.store import (
    Delete,
    Entry,
    Heard,
    Lost,
    Outcome,
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

HEARD_INTERVAL = 2.0
"""Seconds between two signs of life to a watcher when nothing changes."""


@dataclass(slots=True)
class _Lease:
    granted: float
    renewed_at: float


class Keyspace:
    """Keys, their leases and whoever watches them. `clock` gives POSIX seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.warnings: tuple[str, ...] = ()
        """What watchers hear of the store's own state."""
        self._entries: dict[bytes, Entry] = {}
        self._leases: dict[int, _Lease] = {}
        self._watchers: set[asyncio.Queue[StoreEvent]] = set()
        self._revisions = count(1)
        self._revision = 0
        self._broken: StoreError | None = None

    def put(self, key: bytes, value: bytes, lease: int | None = None) -> Revision:
        """Create or replace a key. A lease must have been granted.

        Raises `Refused` for a lease that does not exist.
        """
        if lease is not None and lease not in self._leases:
            raise Refused("memory", f"lease {lease:x} does not exist")
        self._revision = next(self._revisions)
        entry = Entry(key, value, Revision(str(self._revision)), lease)
        self._entries[key] = entry
        self._tell(Put(entry))
        return entry.revision

    def delete(self, key: bytes) -> bool:
        """Remove a key, whatever its revision. False: it was not there."""
        if self._entries.pop(key, None) is None:
            return False
        self._revision = next(self._revisions)
        self._tell(Delete(key))
        return True

    def grant(self, lease: int, seconds: float) -> None:
        """Grant a lease, or renew it with this time to live."""
        self._leases[lease] = _Lease(seconds, self.clock())

    def renew(self, lease: int) -> None:
        """A keep-alive. Raises KeyError for a lease that does not exist."""
        self._leases[lease].renewed_at = self.clock()

    def end_lease(self, lease: int) -> None:
        """Revoke a lease, or let it run out: its keys go with it."""
        self._leases.pop(lease, None)
        for key in [key for key, entry in self._entries.items() if entry.lease == lease]:
            self.delete(key)

    def end_overdue_leases(self) -> None:
        """End each lease that was not renewed within its time to live."""
        now = self.clock()
        for lease, state in list(self._leases.items()):
            if state.renewed_at + state.granted <= now:
                self.end_lease(lease)

    def expire(self, key: bytes, at: float | None) -> None:
        """Mark a key as expired since `at` (POSIX seconds), as a file store does, or as alive."""
        if self._entries[key].expired_at == at:
            return
        entry = replace(self._entries[key], expired_at=at)
        self._entries[key] = entry
        self._tell(Put(entry))

    def break_off(self, error: StoreError) -> None:
        """From now on nothing can be reached; watchers lose their place."""
        self._broken = error
        for queue in self._watchers:
            queue.put_nowait(Lost(error))

    def mend(self) -> None:
        """Reachable again: watchers resync."""
        self._broken = None
        # As of now: a watcher that gets to it later still has the changes after it to come.
        self._tell(self.read([b""]))

    def warn(self, *warnings: str) -> None:
        """Let watchers hear these warnings from now on, as etcd's alarms are heard."""
        self.warnings = warnings
        self._tell(Heard(warnings))

    @property
    def is_broken(self) -> bool:
        """Whether it was broken off and not mended since."""
        return self._broken is not None

    def check(self) -> None:
        """Raises the error that `break_off` was given, if it was."""
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

    def _tell(self, event: StoreEvent) -> None:
        # A watcher that is cut off hears nothing, and learns of it all in its next resync.
        if self._broken is None:
            for queue in self._watchers:
                queue.put_nowait(event)


class MemoryStore:
    """One connection to a `Keyspace`; without one it gets its own. Keeps the `Store` protocol."""

    name = "memory"
    address = "this process"
    has_leases = True
    is_kept_alive = True

    def __init__(self, keyspace: Keyspace | None = None) -> None:
        self.keyspace = keyspace if keyspace is not None else Keyspace()
        self._instance_id = secrets.randbits(63) | 1

    async def instance_id(self) -> int:
        return self._instance_id

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
                    # Not wait_for: before Python 3.12 it can swallow being cancelled.
                    async with asyncio.timeout(HEARD_INTERVAL):
                        event = await queue.get()
                except TimeoutError:
                    if self.keyspace.is_broken:
                        continue
                    event = Heard(self.keyspace.warnings)
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
        return self.keyspace.put(key, value)

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        try:
            self.keyspace.check()
        except StoreError as error:
            return dict.fromkeys(targets, error)
        return {key: self._delete(key, revision) for key, revision in targets.items()}

    async def put_back(self, entry: Entry) -> PutBack:
        self.keyspace.check()
        if self.keyspace.find(entry.key) is not None:
            return PutBack.THERE
        if entry.lease is not None and self.keyspace.time_to_live(entry.lease).granted is None:
            return PutBack.LEASE_GONE
        self.keyspace.put(entry.key, entry.value, entry.lease)
        return PutBack.DONE

    def _delete(self, key: bytes, revision: Revision) -> Removal:
        entry = self.keyspace.find(key)
        if entry is None:
            return Removal.GONE
        if entry.revision != revision:
            return Removal.CHANGED
        self.keyspace.delete(key)
        return Removal.REMOVED

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        self.keyspace.check()
        return {
            entry.key: self.keyspace.time_to_live(entry.lease)
            for entry in entries
            if entry.lease is not None
        }

    async def aclose(self) -> None:
        """Ends nothing: what was registered stays in the keyspace, which ends with the process."""
