"""Recently removed records, and the number of restarts.

Pure: time is passed in with each event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain

import msgspec

from backends.discovery.history import Event, EventType
from backends.discovery.reasons import ReasonKind
from backends.discovery.record_index import Scope, scopes_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance

ONLY_THE_KEY_WENT = frozenset(
    {
        ReasonKind.THIS_DYNTOP,
        ReasonKind.ANOTHER_DYNTOP,
        ReasonKind.DELETED,
        ReasonKind.DELETED_ALONE,
        ReasonKind.ENTRY_REMOVED,
    }
)
"""Reasons that remove an instance while its process keeps running, as far as known."""

KEPT_SECONDS = 600.0
"""Seconds for which a tombstone is kept, and over which restarts are counted."""
KEPT = 2000
"""Tombstones kept, the oldest are dropped: a restarting cluster leaves more than can be read."""


class Tombstone(msgspec.Struct):
    """A record that was removed, as last seen."""

    record: AnyRecord
    event: Event
    """The removal. Its reason may be set later."""
    replaced_by: AnyRecord | None = None
    """The record that replaced it: of the same endpoint, on the same host."""

    @property
    def at(self) -> float:
        """When it was removed, in POSIX seconds."""
        return self.event.at


_Slot = tuple[str | None, ...]
"""A slot that instances replace each other in: namespace, component, endpoint, host; or of these
one port alone."""


class Tombstones:
    """The recent removals, by key: one for each key, and none for a registered key."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Tombstone] = {}
        """Sorted by time, oldest first."""
        self._restarts: dict[bytes, list[float]] = {}
        """For the latest of a series of instances that replaced each other: the time of each
        replacement.
        """
        self._vacant: dict[_Slot, dict[bytes, None]] = {}
        """Keys of removed instances that were not replaced yet, oldest first."""

    def note(self, events: Iterable[Event]) -> set[bytes]:
        """Apply new events of the history.

        Returns the keys whose tombstone was added, changed or removed, and the keys of
        replacements.
        """
        touched = set()
        for event in events:
            record = event.record
            if record is None:
                continue
            if event.type is EventType.REMOVED:
                self._add(Tombstone(record, event))
                touched.add(record.key)
                continue
            if event.type is EventType.ADDED:
                touched |= self._replace(record, event.at)
            if record.key in self._by_key:
                self._remove(record.key)
                touched.add(record.key)
        while len(self._by_key) > KEPT:
            oldest = next(iter(self._by_key))
            self._remove(oldest)
            # Nothing can stand for it any more, and it is seen nowhere.
            self._restarts.pop(oldest, None)
            touched.add(oldest)
        return touched

    def prune(self, now: float) -> set[bytes]:
        """Drop tombstones that are too old, and return their keys.

        A removal in the future is dropped too: the clock was set back, and its age is no longer
        known.
        """
        first = now - KEPT_SECONDS
        old = [key for key, tombstone in self._by_key.items() if not first < tombstone.at <= now]
        for key in old:
            self._remove(key)
        for key, times in list(self._restarts.items()):
            times[:] = [at for at in times if first < at <= now]
            if not times:
                del self._restarts[key]
        return set(old)

    def clear(self) -> set[bytes]:
        """Drop all of it, and return the keys of the tombstones."""
        keys = set(self._by_key)
        for one in (self._by_key, self._restarts, self._vacant):
            one.clear()
        return keys

    def get(self, key: bytes) -> Tombstone | None:
        return self._by_key.get(key)

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, kinds: Collection[Kind], scope: Scope = ()) -> list[Tombstone]:
        """Return the tombstones of some kinds in a scope, oldest first."""
        return [
            tombstone
            for tombstone in self._by_key.values()
            if tombstone.record.kind in kinds and scope in scopes_of(tombstone.record)
        ]

    def restarts(self, record: AnyRecord, now: float) -> int:
        """Return how often an instance's process was restarted recently: the instances on its
        endpoint and host that replaced each other, ending with this one.

        Other processes on the same host are counted separately. An instance that comes back under
        its own id is the same process, drained and restored.
        """
        times = self._restarts.get(record.key, ())
        return sum(at > now - KEPT_SECONDS for at in times)

    def _add(self, tombstone: Tombstone) -> None:
        self._remove(tombstone.record.key)
        self._by_key[tombstone.record.key] = tombstone
        if isinstance(tombstone.record, EndpointInstance):
            for slot in _slots(tombstone.record):
                self._vacant.setdefault(slot, {})[tombstone.record.key] = None

    def _replace(self, record: AnyRecord, at: float) -> set[bytes]:
        """Match a new instance to the oldest removed one of its slot, if there is one."""
        if not isinstance(record, EndpointInstance):
            return set()
        same_port, same_host = (self._vacant.get(slot, {}) for slot in _slots(record))
        if record.key in same_host:
            return set()
        ended = (key for key in chain(same_port, same_host) if not self._lives_on(key))
        if (key := next(ended, None)) is None:
            return set()
        self._fill(self._by_key[key].record)
        self._by_key[key].replaced_by = record
        self._restarts[record.key] = [*self._restarts.pop(key, ()), at]
        return {key, record.key}

    def _lives_on(self, key: bytes) -> bool:
        """Return whether only the key was removed, as far as known: a new instance is then another
        process.
        """
        why = self._by_key[key].event.why
        return why is not None and why.kind in ONLY_THE_KEY_WENT and why.ended_after is None

    def _remove(self, key: bytes) -> None:
        if (tombstone := self._by_key.pop(key, None)) is not None:
            self._fill(tombstone.record)

    def _fill(self, record: AnyRecord) -> None:
        """Take a removed instance out of its slots, if it is still in them."""
        for slot in _slots(record):
            vacant = self._vacant.get(slot, {})
            if record.key in vacant:
                del vacant[record.key]
                if not vacant:
                    del self._vacant[slot]


def _port(record: AnyRecord) -> str:
    """Return host and port."""
    transport = record.transport
    return "" if transport is None else (transport.address or "").partition("/")[0]


def _slots(record: AnyRecord) -> tuple[_Slot, _Slot]:
    """Return the slot of a record on its port, and that on its host."""
    transport = record.transport
    host = None
    if transport is not None and transport.kind == "tcp" and transport.address is not None:
        host = transport.address.partition("/")[0].rpartition(":")[0]
    on_host = (record.id.namespace, record.id.component, record.id.endpoint, host)
    return (*on_host, _port(record)), on_host
