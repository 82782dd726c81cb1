"""The records that are registered now, with the indexes that the dashboard and the commands need.

Pure: no I/O and no clock. The contents of a `Cluster` depend only on the records in it now, not on
the events that led there; only `first_seen` depends on them.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.lease_aliases import LeaseAliases
from backends.discovery.record_index import RecordIndex, Scope, object_of, own_worker
from backends.dynamo.ids import Kind
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.dynamo.roles import Role, role_by, role_of, role_with

_Index = dict[Any, list[bytes]]
"""Keys, sorted."""


class FirstSeen(msgspec.Struct, frozen=True, gc=False):
    """When a key, or its value, was first seen."""

    at: float
    """POSIX seconds."""
    was_there: bool
    """It existed at the start, or after a gap: it is at least this old."""


class Cluster(RecordIndex):
    """The records that are registered now, by key, scope, worker and publisher."""

    def __init__(self) -> None:
        super().__init__()
        self._first_seen: dict[bytes, FirstSeen] = {}
        self._value_seen: dict[bytes, FirstSeen] = {}
        """Of keys whose value changed since they were first seen."""
        self._by_worker: _Index = {}
        self._by_publisher: _Index = {}
        """The channel and the source of each publisher of one topic: a publisher may have
        thousands."""
        self._instances_at: _Index = {}
        """The instances of each endpoint of a worker; `_base_cards_at`: the cards, without those of
        adapters, of which a worker may have hundreds."""
        self._base_cards_at: _Index = {}
        self._aliases = LeaseAliases()
        self._canonical: dict[Scope, frozenset[int]] = {}
        """The workers of each scope that was queried, while some leases have aliases."""
        self._no_workers: dict[int, Role] = {}
        """The role of each process that is not a worker. Updated for the touched processes on each
        query.
        """
        self._touched: dict[int, None] = {}
        """Leases and instance ids of processes that changed since the last query, in that order."""

    def apply(self, event: Added | Removed | Resynced, now: float) -> None:
        """Apply one event of a watch. `now` is POSIX seconds."""
        match event:
            case Added(record=record):
                self.put(record, FirstSeen(now, was_there=False))
            case Removed(record=record):
                self.discard(record.key)
            case Resynced():
                for _ in self.resync(event, now, sys.maxsize):
                    pass

    def resync(self, event: Resynced, now: float, step: int) -> Iterator[None]:
        """Apply a resync, and yield after `step` records. `now` is POSIX seconds."""
        for gone in event.removed:
            self.discard(gone.record.key)
        first_seen = FirstSeen(now, was_there=True)
        coming = iter(event.added)
        while part := [*islice(coming, step)]:
            new, others = self._add_all([one.record for one in part])
            for record in new:
                self._join(record, first_seen)
            for record in others:
                self.put(record, first_seen)
            yield

    def put(self, record: AnyRecord, first_seen: FirstSeen) -> None:
        """Add a record, or replace the record of the same key, which keeps its
        `first_seen`: of another value it is when that was first seen."""
        key = record.entry.key
        previous = self.records.get(key)
        if previous is not None:
            value_seen = self._value_seen.get(key)
            if previous.entry.value != record.entry.value:
                self._value_seen[key] = value_seen = first_seen
            if previous.id == record.id and own_worker(previous) == own_worker(record):
                self._replace(record)
                return
            first_seen = self._first_seen[key]
            self.discard(key)
            if value_seen is not None:
                self._value_seen[key] = value_seen
        self._add(record)
        self._join(record, first_seen)

    def date(self, first_seen: Mapping[bytes, FirstSeen], others: FirstSeen) -> None:
        """Set when each registered key was first seen, with its present value. `others`: when those
        that are not named were."""
        self._value_seen.clear()
        self._first_seen = {key: first_seen.get(key, others) for key in self.records}

    def predate(self, key: bytes) -> None:
        """Note that a key was there, with its present value, before it was seen first."""
        if key in self.records:
            for seen in (self._first_seen, self._value_seen):
                if key in seen:
                    seen[key] = replace(seen[key], was_there=True)

    def discard(self, key: bytes) -> None:
        """Remove a key, if present."""
        record = self.records.get(key)
        if record is None:
            return
        self._remove(record)
        self._aliases.discard(record)
        touched = self._touch(record)
        del self._first_seen[key]
        self._value_seen.pop(key, None)
        for index, value in self._entries(record):
            keys = index[value]
            del keys[bisect_left(keys, key)]
            if not keys:
                del index[value]
        for one in touched:
            # Of what is gone there is nothing to be asked, and ids are not used again.
            if one not in self._by_worker and one not in self._aliases:
                self._no_workers.pop(one, None)
                self._touched.pop(one, None)

    def first_seen(self, key: bytes) -> FirstSeen:
        """Return when a key was first seen. Raises KeyError if it is not registered."""
        return self._first_seen[key]

    def value_seen(self, key: bytes) -> FirstSeen:
        """Return when the present value of a key was first seen. Raises KeyError if it is not
        registered."""
        return self._value_seen.get(key) or self._first_seen[key]

    def worker_of(self, record: AnyRecord) -> int | None:
        """Return the instance id (u64) of the process that registered a record. None: not known.

        In a store with leases it follows from the lease: Dynamo's own programs use the lease id as
        instance id; for other programs it is the id of the instances and cards on that lease (see
        `LeaseAliases`). In Kubernetes it follows in the same way from the name of the object.
        Otherwise it is the id in the key, or for a channel the worker id in its source.

        Two objects of one name in two Kubernetes namespaces have the same id, so they are listed as
        one worker. `siblings` keeps them apart.
        """
        worker = own_worker(record)
        if worker is None and isinstance(record, EventChannel):
            workers = {own_worker(source) for source in self.sources_of(record)}
            worker = workers.pop() if len(workers) == 1 else None
        return None if worker is None else self._aliases.worker(worker)

    def worker_id(self, id_or_lease: int) -> int:
        """Return the id that a worker is listed under, given its instance id or lease."""
        return self._aliases.worker(id_or_lease)

    def workers(self, scope: Scope = ()) -> Collection[int]:
        """Return the workers of a scope, as `RecordIndex.workers`, by the ids that `worker_of`
        returns.
        """
        found = super().workers(scope)
        if not self._aliases:
            return found
        if scope not in self._canonical:
            self._canonical[scope] = frozenset(map(self._aliases.worker, found))
        return self._canonical[scope]

    def no_workers(self) -> Mapping[int, Role]:
        """Return the role of each process that is not a worker: a frontend, a router.

        Do not change the result, and do not keep it beyond the next event.
        """
        while self.find_roles(len(self._touched)):
            pass
        return self._no_workers

    def find_roles(self, most: int) -> bool:
        """Find the roles of the processes of that many ids that changed. Returns whether there are
        more.

        `no_workers` finds them all, which takes long after a large snapshot.
        """
        some = [*islice(self._touched, most)]
        for one in some:
            del self._touched[one]
        workers = dict.fromkeys(map(self._aliases.worker, some))
        for one in {*some, *workers}:
            self._no_workers.pop(one, None)
        for worker in workers:
            records = self.registered_by(worker)
            if records and (role := role_of(records)) is not Role.WORKER:
                self._no_workers[worker] = role
        self._touched |= dict.fromkeys(self._aliases.take_relisted())
        return bool(self._touched)

    def role(self, worker: int) -> Role:
        """Return the role of a process that has registered keys."""
        return self.no_workers().get(self._aliases.worker(worker), Role.WORKER)

    def count_workers(self, scope: Scope = ()) -> int:
        """Return the number of workers with records in a scope."""
        there = self.workers(scope)
        return len(there) - len(in_both(there, self.no_workers()))

    def instance_ids(self, worker: int) -> list[int]:
        """Return the instance ids in a worker's instances and cards, sorted.

        More than one: a program other than Dynamo uses several on one lease.
        """
        found = {one.id.instance_id for one in self._own_records(worker) if _is_named(one)}
        return sorted(one for one in found if one is not None)

    def count_of(self, record: AnyRecord) -> int:
        """Return the number of registered keys of a record's process, as far as they name it
        themselves."""
        worker = own_worker(record)
        keys = () if worker is None else self._by_worker.get(worker, ())
        if not (of := object_of(record)):
            return len(keys)
        return sum(object_of(self.records[key]) == of for key in keys)

    def siblings(self, record: AnyRecord) -> list[AnyRecord]:
        """Return the other records of the same process, sorted by key: of the same worker, and
        where an object holds them of the same object.
        """
        worker = self.worker_of(record)
        if worker is None:
            return []
        return [
            other
            for other in self.registered_by(worker)
            if other.key != record.key and object_of(other) == object_of(record)
        ]

    def with_siblings(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        """Return some records and the siblings of each, every record once.

        The cost grows with the number of records: `siblings` of each of them would take time in
        proportion to its square.
        """
        found = {one.key: one for one in records}
        objects: dict[int, set[str]] = {}
        for record in found.values():
            if (worker := self.worker_of(record)) is not None:
                objects.setdefault(worker, set()).add(object_of(record))
        for worker, wanted in objects.items():
            for other in self.registered_by(worker):
                if object_of(other) in wanted:
                    found.setdefault(other.key, other)
        return list(found.values())

    def registered_by(self, worker: int) -> list[AnyRecord]:
        """Return all records of a worker, as far as known, sorted by key."""
        records = self._own_records(worker)
        # A channel without a lease or object belongs to its source's worker.
        channels = {
            channel.key: channel
            for source in records
            if isinstance(source, EventSource)
            for channel in self._of_type(EventChannel, self._publishers_keys(source))
            if own_worker(channel) is None and self.worker_of(channel) == worker
        }
        return sorted([*records, *channels.values()], key=_key) if channels else records

    def instance_of(self, record: AnyRecord) -> EndpointInstance | None:
        """Return the endpoint instance of a record: of the same endpoint if there is one, else
        another of its worker. None: the worker has none, or is not known.
        """
        if isinstance(record, EndpointInstance):
            return record
        worker = self.worker_of(record)
        if worker is None:
            return None
        ids = [record.id.instance_id] if _is_named(record) else self.instance_ids(worker)
        if (found := self._instance_at(record, ids)) is not None:
            return found
        there = (one for one in self._own_records(worker) if isinstance(one, EndpointInstance))
        return _of_its_object(list(there), record)

    def instance_beside(self, card: ModelCard) -> EndpointInstance | None:
        """Return the endpoint instance of a card's own endpoint and id. None: there is none."""
        return self._instance_at(card, [card.id.instance_id])

    def _instance_at(self, record: AnyRecord, ids: Iterable[int | None]) -> EndpointInstance | None:
        endpoints = [_worker_endpoint(record, one) for one in ids]
        there = [key for at in endpoints for key in self._instances_at.get(at, ())]
        return _of_its_object(self._of_type(EndpointInstance, there), record)

    def sources_of(self, channel: EventChannel) -> list[EventSource]:
        """Return the sources that describe a channel's events."""
        return self._of_type(EventSource, self._publishers_keys(channel))

    def channel_of(self, source: EventSource) -> EventChannel | None:
        """Return the channel that a source's events are published on."""
        channels = self._of_type(EventChannel, self._publishers_keys(source))
        return channels[0] if channels else None

    def of_publisher(self, record: EventChannel | EventSource) -> list[AnyRecord]:
        """Return the channels and sources of a record's publisher and topic, which join them;
        sorted by key."""
        return [self.records[key] for key in self._publishers_keys(record)]

    def base_of(self, card: ModelCard) -> ModelCard | None:
        """Return the base model's card of a LoRA adapter's card: the same worker's, on the same
        endpoint.
        """
        at = _worker_endpoint(card, card.id.instance_id)
        cards = self._of_type(ModelCard, self._base_cards_at.get(at, ()))
        return next((base for base in cards if not base.malformed and not base.unread), None)

    def _records_of_workers(self, scope: Scope) -> dict[int, int]:
        if scope:
            return super()._records_of_workers(scope)
        return {worker: len(keys) for worker, keys in self._by_worker.items()}

    def _own_records(self, worker: int) -> list[AnyRecord]:
        """Return the records that name a worker themselves, sorted by key."""
        if not self._aliases:
            return [self.records[key] for key in self._by_worker.get(worker, ())]
        names = self._aliases.names_of(worker)
        keys = sorted({key for one in names for key in self._by_worker.get(one, ())})
        return [self.records[key] for key in keys]

    def _add_at(self, scopes: tuple[Scope, ...], kind: Kind, records: list[AnyRecord]) -> None:
        super()._add_at(scopes, kind, records)
        self._changes.scopes.update(scopes)
        self._changes.keys.update(record.entry.key for record in records)

    def _join(self, record: AnyRecord, first_seen: FirstSeen) -> None:
        """Join a record that was added to those of its process."""
        key = record.entry.key
        self._aliases.add(record)
        self._add_role(record)
        self._first_seen[key] = first_seen
        for index, value in self._entries(record):
            keys = index.get(value)
            if keys is None:
                index[value] = [key]
            elif keys[-1] < key:
                # As all of a snapshot, which is sorted.
                keys.append(key)
            else:
                insort(keys, key)

    def _add_role(self, record: AnyRecord) -> None:
        """Take in what a record that was added shows of its process. Most often that is enough to
        know its role, without a look at the others."""
        worker = own_worker(record)
        # A source may bring channels along.
        if self._aliases or worker in self._touched or isinstance(record, EventSource):
            self._touch(record)
        elif worker is not None:
            role = role_by(record)
            if worker in self._by_worker:
                role = role_with(self._no_workers.get(worker, Role.WORKER), role)
            if role is not Role.WORKER:
                self._no_workers[worker] = role
            elif self._no_workers:
                self._no_workers.pop(worker, None)

    def _touch(self, record: AnyRecord) -> Collection[int]:
        """Note that a record's process changed, and with it perhaps the id that it is listed under.
        Returns the leases and ids concerned."""
        self._canonical.clear()
        touched = self._aliases.take_relisted()
        if (worker := own_worker(record)) is not None:
            touched.add(worker)
        self._touched |= dict.fromkeys(touched)
        return touched

    def _publishers_keys(self, record: EventChannel | EventSource) -> Sequence[bytes]:
        return self._by_publisher.get(_publisher(record), ())

    def _entries(self, record: AnyRecord) -> list[tuple[_Index, object]]:
        """Return the index entries of a record: pairs of an index and the value it is listed
        under.
        """
        entries: list[tuple[_Index, object]] = []
        if (worker := own_worker(record)) is not None:
            entries.append((self._by_worker, worker))
        kind, at = record.kind, record.id
        if kind is Kind.ENDPOINT:
            entries.append((self._instances_at, _worker_endpoint(record, at.instance_id)))
        elif kind is Kind.MODEL:
            if at.model_suffix is None:
                entries.append((self._base_cards_at, _worker_endpoint(record, at.instance_id)))
        elif kind is not Kind.UNKNOWN and at.instance_id is not None:
            entries.append((self._by_publisher, _publisher(record)))
        return entries


def in_both(some: Collection[int], others: Collection[int]) -> set[int]:
    """Return the numbers that are in both of two sets. The cost grows with the smaller one."""
    fewer, more = (some, others) if len(some) < len(others) else (others, some)
    return {one for one in fewer if one in more}


def _is_named(record: AnyRecord) -> bool:
    """Return whether the id in a record's key is its worker's."""
    return isinstance(record, EndpointInstance | ModelCard)


def _of_its_object(found: Sequence[EndpointInstance], record: AnyRecord) -> EndpointInstance | None:
    """Return one instance of a record's object, else the first."""
    in_its_object = (one for one in found if object_of(one) == object_of(record))
    return next(in_its_object, found[0] if found else None)


def _key(record: AnyRecord) -> bytes:
    return record.key


def _publisher(record: AnyRecord) -> tuple[str, int | None]:
    """Return what a channel and its source share: names, topic, and the publisher's id."""
    return (record.id.path(), record.id.instance_id)


def _worker_endpoint(record: AnyRecord, worker: int | None) -> tuple[object, ...]:
    at = record.id
    return (at.namespace, at.component, at.endpoint, worker)
