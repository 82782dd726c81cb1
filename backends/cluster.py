"""What is registered now, with the indexes that a dashboard or a command needs.

Pure: no I/O and no clock of its own. What a `Cluster` holds depends only on the records that are
in it now, not on the way there; only `first_seen` remembers.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from backends.discovery import Added, Removed, Resynced
from backends.places import Places, Scope, own_worker
from backends.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)

_Index = dict[Any, list[bytes]]
"""Keys in order."""


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Since when a key is known."""

    at: float
    """POSIX seconds."""
    was_there: bool
    """It was found there, at the start or after a gap: it is at least this old."""


class Cluster(Places):
    """The records that are registered now, by key, place, worker and publisher."""

    def __init__(self) -> None:
        super().__init__()
        self._first_seen: dict[bytes, FirstSeen] = {}
        self._by_worker: _Index = {}
        self._by_publisher: _Index = {}
        self._by_place: _Index = {}

    def apply(self, event: Added | Removed | Resynced, now: float) -> None:
        """Fold in one event of a watch. `now` is POSIX seconds."""
        match event:
            case Added(record=record):
                self.put(record, FirstSeen(now, was_there=False))
            case Removed(record=record):
                self.discard(record.key)
            case Resynced(removed=removed, added=added):
                for gone in removed:
                    self.discard(gone.record.key)
                for new in added:
                    self.put(new.record, FirstSeen(now, was_there=True))

    def put(self, record: AnyRecord, first_seen: FirstSeen) -> None:
        """Add a record, or replace the one of the same key, which keeps its `first_seen`."""
        key = record.key
        previous = self.records.get(key)
        if previous is not None:
            if previous.id == record.id and own_worker(previous) == own_worker(record):
                self._replace(record)
                return
            first_seen = self._first_seen[key]
            self.discard(key)
        self._add(record)
        self._first_seen[key] = first_seen
        for index, value in self._entries(record):
            if value in index:
                insort(index[value], key)
            else:
                index[value] = [key]

    def discard(self, key: bytes) -> None:
        """Remove a key, if it is there."""
        record = self.records.get(key)
        if record is None:
            return
        self._remove(record)
        del self._first_seen[key]
        for index, value in self._entries(record):
            keys = index[value]
            del keys[bisect_left(keys, key)]
            if not keys:
                del index[value]

    def first_seen(self, key: bytes) -> FirstSeen:
        """Raises KeyError for a key that is not there."""
        return self._first_seen[key]

    def clock_was_set(self, by: float) -> None:
        """The clock that it is told the time by, by so many seconds: nothing is older for it."""
        self._first_seen = {
            key: replace(known, at=known.at + by) for key, known in self._first_seen.items()
        }

    def worker_of(self, record: AnyRecord) -> int | None:
        """The instance id (u64) of the process that registered a record, as far as it can be told.

        By lease where there are leases: there it is the instance id itself. Otherwise by the
        id in the key, or for a channel by what its source says of its worker.
        """
        worker = own_worker(record)
        if worker is None and isinstance(record, EventChannel):
            workers = {own_worker(source) for source in self.sources_of(record)}
            worker = workers.pop() if len(workers) == 1 else None
        return worker

    def siblings(self, record: AnyRecord) -> list[AnyRecord]:
        """What else the same worker registered, in the order of the keys."""
        worker = self.worker_of(record)
        if worker is None:
            return []
        return [other for other in self.registered_by(worker) if other.key != record.key]

    def registered_by(self, worker: int) -> list[AnyRecord]:
        """All that a worker registered, as far as it can be told, in the order of the keys."""
        records = [self.records[key] for key in self._by_worker.get(worker, ())]
        # A channel without a lease is its source's worker's.
        channels = {
            channel.key: channel
            for source in records
            if isinstance(source, EventSource)
            for channel in self._of_type(EventChannel, self._publishers_keys(source))
            if channel.lease is None and self.worker_of(channel) == worker
        }
        return sorted([*records, *channels.values()], key=_key) if channels else records

    def instance_of(self, record: AnyRecord) -> EndpointInstance | None:
        """The endpoint instance that a record belongs to: the same endpoint's if there is one."""
        if isinstance(record, EndpointInstance):
            return record
        worker = self.worker_of(record)
        if worker is None:
            return None
        same_place = self._by_place.get(_place(record, worker), [])
        same_worker = self._by_worker.get(worker, [])
        found = self._of_type(EndpointInstance, [*same_place, *same_worker])
        return found[0] if found else None

    def sources_of(self, channel: EventChannel) -> list[EventSource]:
        """What a channel's events are about."""
        sources = self._of_type(EventSource, self._publishers_keys(channel))
        return [source for source in sources if _same_publisher(channel, source)]

    def channel_of(self, source: EventSource) -> EventChannel | None:
        """The channel that a source's events are published on."""
        channels = self._of_type(EventChannel, self._publishers_keys(source))
        return next((one for one in channels if _same_publisher(one, source)), None)

    def base_of(self, card: ModelCard) -> ModelCard | None:
        """The card of the base model that a LoRA adapter's card is on: the same worker's."""
        place = _place(card, card.id.instance_id)
        cards = self._of_type(ModelCard, self._by_place.get(place, ()))
        return next((base for base in cards if not base.is_lora and not base.malformed), None)

    def _records_of_workers(self, scope: Scope) -> dict[int, int]:
        if scope:
            return super()._records_of_workers(scope)
        return {worker: len(keys) for worker, keys in self._by_worker.items()}

    def _publishers_keys(self, record: EventChannel | EventSource) -> Sequence[bytes]:
        return self._by_publisher.get(record.id.instance_id, ())

    def _entries(self, record: AnyRecord) -> list[tuple[_Index, object]]:
        """Where a record is to be found: pairs of an index and the value it is under."""
        entries: list[tuple[_Index, object]] = []
        if (worker := own_worker(record)) is not None:
            entries.append((self._by_worker, worker))
        if isinstance(record, EventChannel | EventSource):
            entries.append((self._by_publisher, record.id.instance_id))
        elif isinstance(record, EndpointInstance | ModelCard):
            entries.append((self._by_place, _place(record, record.id.instance_id)))
        return entries


def _key(record: AnyRecord) -> bytes:
    return record.key


def _same_publisher(channel: EventChannel, source: EventSource) -> bool:
    """Whether names, topic and publisher are the same; both ids then differ in kind alone."""
    return channel.id.path() == source.id.path() and channel.id.instance_id is not None


def _place(record: AnyRecord, worker: int | None) -> tuple[object, ...]:
    return (record.id.namespace, record.id.component, record.id.endpoint, worker)
