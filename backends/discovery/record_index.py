"""Records by key and by scope, with counts of each kind in each scope.

Pure: no I/O and no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable
from functools import lru_cache
from itertools import chain
from typing import TypeVar

import msgspec

from backends.dynamo.ids import Kind
from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.records import AnyRecord, EndpointInstance, EventSource, ModelCard
from backends.dynamo.roles import is_internal_instance

Scope = tuple[str, ...]
"""A path in the tree: `()` is everything, then namespace, component, endpoint.

A record without a namespace is in namespace `""`, so that it appears in the tree. A key of an
unknown kind that names no namespace is only in `()`.
"""

NO_NAMESPACE = ""

COMPONENT = 2
"""The number of names in a component's scope."""

SCOPES_KEPT = 4096
"""Endpoints whose scopes are cached: one object for all their records."""

_NO_KEYS: dict[bytes, None] = {}

_R = TypeVar("_R", bound=AnyRecord)


class RecordChanges(msgspec.Struct):
    """The keys and scopes that changed since the changes were last taken."""

    keys: set[bytes] = msgspec.field(default_factory=set)
    scopes: set[Scope] = msgspec.field(default_factory=set)


class RecordIndex:
    """Records by key and scope."""

    def __init__(self) -> None:
        self.records: dict[bytes, AnyRecord] = {}
        self._by_scope: dict[Scope, dict[Kind, dict[bytes, None]]] = {}
        """Keys in the order in which they came, as sets would not have them: what was read together
        is found together in memory."""
        self._children: dict[Scope, set[str]] = {}
        self._internal: dict[Scope, set[bytes]] = {}
        """For each scope above an internal endpoint, the instances of internal endpoints in it."""
        self._workers_in: dict[Scope, dict[int, int]] = {}
        """For each scope that was queried, the number of records of each worker in it."""
        self._changes = RecordChanges()

    def take_changes(self) -> RecordChanges:
        """Return the changes since the last call."""
        changes, self._changes = self._changes, RecordChanges()
        return changes

    def count(self, kind: Kind, scope: Scope = ()) -> int:
        """Return the number of records of a kind in a scope."""
        return len(self.keys(kind, scope))

    def count_instances(self, scope: Scope = ()) -> int:
        """Return the number of instances in a scope that serve requests.

        Instances of internal endpoints belong to their process. They count only in the scope of
        their own endpoint.
        """
        return self.count(Kind.ENDPOINT, scope) - len(self.internal(scope))

    def internal(self, scope: Scope = ()) -> Collection[bytes]:
        """Return the instances of internal endpoints that do not count in a scope.

        Do not change the result, and do not keep it beyond the next event.
        """
        return self._internal.get(scope, ())

    def count_all(self, scope: Scope = ()) -> int:
        """Return the number of records of all kinds in a scope."""
        return sum(map(len, self._by_scope.get(scope, {}).values()))

    def keys(self, kind: Kind, scope: Scope = ()) -> Collection[bytes]:
        """Return the keys of a kind in a scope. Do not change the result, nor keep it beyond an
        event.
        """
        return self._by_scope.get(scope, {}).get(kind, _NO_KEYS).keys()

    def of_type(self, of: type[_R], scope: Scope = ()) -> list[_R]:
        """Return all records of a type in a scope."""
        return self._of_type(of, self.keys(of.kind, scope))

    def workers(self, scope: Scope = ()) -> Collection[int]:
        """Return the workers with records in a scope. Do not change the result, nor keep it beyond
        an event.
        """
        if scope in self._by_scope and scope not in self._workers_in:
            self._workers_in[scope] = self._records_of_workers(scope)
        return self._workers_in.get(scope, {}).keys()

    def has(self, scope: Scope) -> bool:
        """Return whether anything is registered in a scope."""
        return scope == () or scope in self._by_scope

    def children(self, scope: Scope) -> list[str]:
        """Return the names directly below a scope, sorted."""
        return sorted(self._children.get(scope, ()))

    def _of_type(self, of: type[_R], keys: Iterable[bytes]) -> list[_R]:
        found = (self.records[key] for key in keys)
        return [record for record in found if isinstance(record, of)]

    def _records_of_workers(self, scope: Scope) -> dict[int, int]:
        """Return the number of records of each worker in a scope."""
        records = [self.records[key] for key in chain(*self._by_scope[scope].values())]
        # As `own_worker`, in a third of the time: the tree counts the workers of each place.
        leases = [record.entry.lease for record in records]
        found = Counter(map(own_worker, records) if None in leases else leases)
        return {one: number for one, number in found.items() if one is not None}

    def _add(self, record: AnyRecord) -> None:
        """Add a record whose key is new."""
        key, kind, scopes = record.entry.key, record.kind, scopes_of(record)
        self.records[key] = record
        self._changes.keys.add(key)
        self._changes.scopes.update(scopes)
        by_scope, workers_in = self._by_scope, self._workers_in
        for scope in scopes:
            kinds = by_scope.get(scope)
            if kinds is None:
                kinds = self._add_scope(scope)
            kinds[kind][key] = None
            if workers_in and scope in workers_in:
                self._count_worker(scope, record, 1)
        if kind is Kind.ENDPOINT and is_internal_instance(record):
            for scope in scopes[: COMPONENT + 1]:
                self._internal.setdefault(scope, set()).add(key)

    def _add_all(self, records: Iterable[AnyRecord]) -> tuple[list[AnyRecord], list[AnyRecord]]:
        """Add the records whose keys are new. Return them, and the others.

        Many at once take half the time of `_add`.
        """
        found: dict[tuple[int, Kind], tuple[tuple[Scope, ...], list[AnyRecord]]] = {}
        here = self.records
        new: list[AnyRecord] = []
        others: list[AnyRecord] = []
        for record in records:
            key = record.entry.key
            if key in here:
                others.append(record)
                continue
            here[key] = record
            new.append(record)
            scopes = scopes_of(record)
            # Most records of a place share one object. Its own hash takes long.
            at = (id(scopes), record.kind)
            if at in found:
                found[at][1].append(record)
            else:
                found[at] = scopes, [record]
        for (_, kind), (scopes, some) in found.items():
            self._add_at(scopes, kind, some)
        return new, others

    def _add_at(self, scopes: tuple[Scope, ...], kind: Kind, records: list[AnyRecord]) -> None:
        """Add records of one kind and place to the indexes."""
        keys = dict.fromkeys([record.entry.key for record in records])
        for scope in scopes:
            kinds = self._by_scope.get(scope)
            if kinds is None:
                kinds = self._add_scope(scope)
            kinds[kind].update(keys)
            if scope in self._workers_in:
                for record in records:
                    self._count_worker(scope, record, 1)
        if kind is Kind.ENDPOINT:
            internal = [one.entry.key for one in records if is_internal_instance(one)]
            for scope in scopes[: COMPONENT + 1] if internal else ():
                self._internal.setdefault(scope, set()).update(internal)

    def _remove(self, record: AnyRecord) -> None:
        """Remove a known record."""
        key, kind, scopes = record.key, record.kind, scopes_of(record)
        del self.records[key]
        self._changes.keys.add(key)
        self._changes.scopes.update(scopes)
        for scope in reversed(scopes):
            del self._by_scope[scope][kind][key]
            if is_internal_at(record, scope):
                self._internal[scope].remove(key)
                if not self._internal[scope]:
                    del self._internal[scope]
            if scope in self._workers_in:
                self._count_worker(scope, record, -1)
            if not any(self._by_scope[scope].values()):
                self._remove_scope(scope)

    def _replace(self, record: AnyRecord) -> None:
        """Replace a known record by one of the same scopes and worker."""
        self.records[record.key] = record
        self._changes.keys.add(record.key)
        self._changes.scopes.update(scopes_of(record))

    def _add_scope(self, scope: Scope) -> dict[Kind, dict[bytes, None]]:
        kinds: dict[Kind, dict[bytes, None]] = defaultdict(dict)
        self._by_scope[scope] = kinds
        if scope:
            self._children.setdefault(scope[:-1], set()).add(scope[-1])
        return kinds

    def _remove_scope(self, scope: Scope) -> None:
        del self._by_scope[scope]
        self._workers_in.pop(scope, None)
        if scope:
            siblings = self._children[scope[:-1]]
            siblings.discard(scope[-1])
            if not siblings:
                del self._children[scope[:-1]]

    def _count_worker(self, scope: Scope, record: AnyRecord, more: int) -> None:
        if (worker := own_worker(record)) is None:
            return
        workers = self._workers_in[scope]
        workers[worker] = workers.get(worker, 0) + more
        if not workers[worker]:
            del workers[worker]


class Selection(RecordIndex):
    """A subset of the records of another index."""

    def __init__(self, records: RecordIndex, chosen: Iterable[bytes] = ()) -> None:
        """Take the records with the keys `chosen`, all of which must be in `records`."""
        super().__init__()
        # What was counted there will be asked for here: it is counted on the way.
        self._workers_in = {scope: {} for scope in records._workers_in}
        self.add(records.records[key] for key in chosen)

    def add(self, records: Iterable[AnyRecord]) -> None:
        """Add records whose keys are not in the selection yet; others stay as they are.

        They are no changes. Many at once take half the time of `put`.
        """
        self._add_all(records)

    def put(self, record: AnyRecord) -> None:
        """Add a record to the selection, or replace the one of its key."""
        self.discard(record.key)
        self._add(record)

    def discard(self, key: bytes) -> None:
        """Remove a key from the selection, if present."""
        if (record := self.records.get(key)) is not None:
            self._remove(record)


def own_worker(record: AnyRecord) -> int | None:
    """Return the instance id (u64) of the process that registered a record, as far as the record
    itself names it.
    """
    entry = record.entry
    # As `holder_of`, without the call: each record is asked for it several times.
    if (lease := entry.lease) is not None:
        return lease
    if (owner := entry.owner) is not None:
        return instance_id_of(owner.name)
    match record:
        case EndpointInstance() | ModelCard():
            return record.id.instance_id
        case EventSource():
            # A program that passes nothing gets its instance id here; many pass 0.
            return record.worker_id or None
    return None


def holder_of(record: AnyRecord) -> int | None:
    """Return the lease that a record is bound to, or the id that follows from its object's name.
    None: it has neither.

    All records of one process have the same, and Dynamo uses it as the instance id.
    """
    entry = record.entry
    if entry.owner is not None:
        return instance_id_of(entry.owner.name)
    return entry.lease


def object_of(record: AnyRecord) -> str:
    """Return `namespace/name` of the object that holds a record. Empty: none does."""
    owner = record.entry.owner
    return "" if owner is None else owner.path


def process_of(record: AnyRecord) -> Hashable:
    """Return what all records of one process share, as far as they show it themselves. None: it is
    not known."""
    return object_of(record) or own_worker(record)


def is_internal_at(record: AnyRecord, scope: Scope) -> bool:
    """Return whether a record is an instance of an internal endpoint that does not count in a
    scope.
    """
    return len(scope) <= COMPONENT and is_internal_instance(record)


def scopes_of(record: AnyRecord) -> tuple[Scope, ...]:
    """Return the scopes of a record, from everything down."""
    if record.kind is Kind.UNKNOWN and record.id.namespace is None:
        return ((),)
    at = record.id
    return _scopes(at.namespace or NO_NAMESPACE, at.component, at.endpoint)


@lru_cache(maxsize=SCOPES_KEPT)
def _scopes(namespace: str, *names: str | None) -> tuple[Scope, ...]:
    scopes: list[Scope] = [(), (namespace,)]
    for name in names:
        if not name:
            break
        scopes.append((*scopes[-1], name))
    return tuple(scopes)
