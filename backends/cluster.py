"""What is registered now, with the indexes that a dashboard or a command needs.

Pure: no I/O and no clock of its own. What a `Cluster` holds depends only on the records that are
in it now, not on the way there; only `first_seen` remembers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from backends.discovery import Added, Removed, Resynced
from backends.ids import Kind
from backends.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)

Scope = tuple[str, ...]
"""A place in the tree: `()` is everything, then namespace, component, endpoint.

A record without a namespace is in namespace `""`, so that it is somewhere; a key of an unknown
kind, which names no place, is nowhere but in everything.
"""

NO_NAMESPACE = ""

_Index = dict[object, set[bytes]]
_R = TypeVar("_R", bound=AnyRecord)


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Since when a key is known."""

    at: float
    """POSIX seconds."""
    was_there: bool
    """It was found there, at the start or after a gap: it is at least this old."""


@dataclass(slots=True)
class Changes:
    """What differs since the last time somebody took the changes."""

    keys: set[bytes] = field(default_factory=set)
    scopes: set[Scope] = field(default_factory=set)


class Cluster:
    """The records that are registered now, by key, place, worker and publisher."""

    def __init__(self) -> None:
        self.records: dict[bytes, AnyRecord] = {}
        self._first_seen: dict[bytes, FirstSeen] = {}
        self._by_scope: dict[Scope, dict[Kind, set[bytes]]] = {}
        self._children: dict[Scope, set[str]] = {}
        self._workers_in: dict[Scope, Counter[int]] = {}
        """How many records each worker has in a place."""
        self._by_worker: _Index = {}
        self._by_publisher: _Index = {}
        self._by_place: _Index = {}
        self._changes = Changes()

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
        known_since = self._first_seen.get(key, first_seen)
        previous = self.records.get(key)
        if previous is not None:
            self.discard(key)
        self.records[key] = record
        self._first_seen[key] = known_since
        self._changes.keys.add(key)
        for scope in scopes_of(record):
            self._add_scope(scope)
            self._by_scope[scope][record.kind].add(key)
            self._changes.scopes.add(scope)
            if (worker := own_worker(record)) is not None:
                self._workers_in.setdefault(scope, Counter())[worker] += 1
        for index, value in self._entries(record):
            index.setdefault(value, set()).add(key)

    def discard(self, key: bytes) -> None:
        """Remove a key, if it is there."""
        record = self.records.pop(key, None)
        if record is None:
            return
        del self._first_seen[key]
        self._changes.keys.add(key)
        for scope in reversed(scopes_of(record)):
            self._by_scope[scope][record.kind].remove(key)
            self._changes.scopes.add(scope)
            if (worker := own_worker(record)) is not None:
                self._leave(scope, worker)
            if not any(self._by_scope[scope].values()):
                self._remove_scope(scope)
        for index, value in self._entries(record):
            index[value].remove(key)
            if not index[value]:
                del index[value]

    def take_changes(self) -> Changes:
        """What differs since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

    def first_seen(self, key: bytes) -> FirstSeen:
        """Raises KeyError for a key that is not there."""
        return self._first_seen[key]

    def clock_was_set(self, by: float) -> None:
        """The clock that it is told the time by, by so many seconds: nothing is older for it."""
        self._first_seen = {
            key: replace(known, at=known.at + by) for key, known in self._first_seen.items()
        }

    def count(self, kind: Kind, scope: Scope = ()) -> int:
        """How many records of a kind there are in a place."""
        return len(self.keys(kind, scope))

    def keys(self, kind: Kind, scope: Scope = ()) -> Collection[bytes]:
        """The keys of a kind in a place. Do not change it, and do not keep it over an event."""
        return self._by_scope.get(scope, {}).get(kind, ())

    def of_type(self, of: type[_R], scope: Scope = ()) -> list[_R]:
        """All records of a type in a place."""
        return self._of_type(of, self.keys(of.kind, scope))

    def workers(self, scope: Scope = ()) -> Collection[int]:
        """The workers that registered something in a place. Do not change it, and do not keep it
        over an event."""
        return self._workers_in.get(scope, {}).keys()

    def has(self, scope: Scope) -> bool:
        """Whether anything at all is registered in a place."""
        return scope == () or scope in self._by_scope

    def children(self, scope: Scope) -> list[str]:
        """The names directly below a place, in order."""
        return sorted(self._children.get(scope, ()))

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
        keys = set(self._by_worker.get(worker, ()))
        # A channel without a lease is its source's worker's.
        for source in self._of_type(EventSource, sorted(keys)):
            for channel in self._of_type(EventChannel, self._publishers_keys(source)):
                if self.worker_of(channel) == worker:
                    keys.add(channel.key)
        return [self.records[key] for key in sorted(keys)]

    def instance_of(self, record: AnyRecord) -> EndpointInstance | None:
        """The endpoint instance that a record belongs to: the same endpoint's if there is one."""
        if isinstance(record, EndpointInstance):
            return record
        worker = self.worker_of(record)
        if worker is None:
            return None
        same_place = self._by_place.get(_place(record, worker), set())
        same_worker = self._by_worker.get(worker, set())
        found = self._of_type(EndpointInstance, [*sorted(same_place), *sorted(same_worker)])
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
        cards = self._of_type(ModelCard, sorted(self._by_place.get(place, ())))
        return next((base for base in cards if not base.is_lora and not base.malformed), None)

    def _publishers_keys(self, record: EventChannel | EventSource) -> list[bytes]:
        return sorted(self._by_publisher.get(record.id.instance_id, ()))

    def _of_type(self, of: type[_R], keys: Iterable[bytes]) -> list[_R]:
        found = (self.records[key] for key in keys)
        return [record for record in found if isinstance(record, of)]

    def _add_scope(self, scope: Scope) -> None:
        if scope not in self._by_scope:
            self._by_scope[scope] = defaultdict(set)
            if scope:
                self._children.setdefault(scope[:-1], set()).add(scope[-1])

    def _remove_scope(self, scope: Scope) -> None:
        del self._by_scope[scope]
        if scope:
            siblings = self._children[scope[:-1]]
            siblings.discard(scope[-1])
            if not siblings:
                del self._children[scope[:-1]]

    def _leave(self, scope: Scope, worker: int) -> None:
        workers = self._workers_in[scope]
        workers[worker] -= 1
        if not workers[worker]:
            del workers[worker]
            if not workers:
                del self._workers_in[scope]

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


def own_worker(record: AnyRecord) -> int | None:
    """What a record itself says of the process that registered it: its instance id (u64)."""
    if record.lease is not None:
        return record.lease
    match record:
        case EndpointInstance() | ModelCard():
            return record.id.instance_id
        case EventSource():
            # A program that passes nothing gets its instance id here, many pass 0.
            return record.worker_id or None
    return None


def _same_publisher(channel: EventChannel, source: EventSource) -> bool:
    """Whether names, topic and publisher are the same; both ids then differ in kind alone."""
    return channel.id.path() == source.id.path() and channel.id.instance_id is not None


def _place(record: AnyRecord, worker: int | None) -> tuple[object, ...]:
    return (record.id.namespace, record.id.component, record.id.endpoint, worker)


def scopes_of(record: AnyRecord) -> list[Scope]:
    """The places that a record is in, from everything down."""
    if record.kind is Kind.UNKNOWN:
        return [()]
    names = (record.id.namespace or NO_NAMESPACE, record.id.component, record.id.endpoint)
    scopes: list[Scope] = [()]
    for name in names:
        if name is None or (name == "" and scopes != [()]):
            break
        scopes.append((*scopes[-1], name))
    return scopes
