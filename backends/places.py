"""Records by key and by place: where in the tree each is, and how many of each kind are where.

Pure: no I/O and no clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import TypeVar

from backends.ids import Kind
from backends.records import AnyRecord, EndpointInstance, EventSource, ModelCard

Scope = tuple[str, ...]
"""A place in the tree: `()` is everything, then namespace, component, endpoint.

A record without a namespace is in namespace `""`, so that it is somewhere; a key of an unknown
kind, which names no place, is nowhere but in everything.
"""

NO_NAMESPACE = ""

PLACES_KEPT = 4096
"""Endpoints whose places are kept as one object for all their records."""

_R = TypeVar("_R", bound=AnyRecord)


@dataclass(slots=True)
class Changes:
    """What differs since the last time somebody took the changes."""

    keys: set[bytes] = field(default_factory=set)
    scopes: set[Scope] = field(default_factory=set)


class Places:
    """Some records, by key and place."""

    def __init__(self) -> None:
        self.records: dict[bytes, AnyRecord] = {}
        self._by_scope: dict[Scope, dict[Kind, set[bytes]]] = {}
        self._children: dict[Scope, set[str]] = {}
        self._workers_in: dict[Scope, dict[int, int]] = {}
        """How many records each worker has in a place, for the places that were asked about."""
        self._changes = Changes()

    def take_changes(self) -> Changes:
        """What differs since the last call."""
        changes, self._changes = self._changes, Changes()
        return changes

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
        if scope in self._by_scope and scope not in self._workers_in:
            self._workers_in[scope] = self._records_of_workers(scope)
        return self._workers_in.get(scope, {}).keys()

    def has(self, scope: Scope) -> bool:
        """Whether anything at all is registered in a place."""
        return scope == () or scope in self._by_scope

    def children(self, scope: Scope) -> list[str]:
        """The names directly below a place, in order."""
        return sorted(self._children.get(scope, ()))

    def _of_type(self, of: type[_R], keys: Iterable[bytes]) -> list[_R]:
        found = (self.records[key] for key in keys)
        return [record for record in found if isinstance(record, of)]

    def _records_of_workers(self, scope: Scope) -> dict[int, int]:
        """How many each worker has in a place."""
        records = map(self.records.__getitem__, chain(*self._by_scope[scope].values()))
        found = Counter(map(own_worker, records))
        return {one: number for one, number in found.items() if one is not None}

    def _add(self, record: AnyRecord) -> None:
        """A record whose key is not there."""
        key, kind, scopes = record.key, record.kind, scopes_of(record)
        self.records[key] = record
        self._changes.keys.add(key)
        self._changes.scopes.update(scopes)
        for scope in scopes:
            if scope not in self._by_scope:
                self._add_scope(scope)
            self._by_scope[scope][kind].add(key)
            if scope in self._workers_in:
                self._count_worker(scope, record, 1)

    def _remove(self, record: AnyRecord) -> None:
        """One that is there."""
        key, kind, scopes = record.key, record.kind, scopes_of(record)
        del self.records[key]
        self._changes.keys.add(key)
        self._changes.scopes.update(scopes)
        for scope in reversed(scopes):
            self._by_scope[scope][kind].remove(key)
            if scope in self._workers_in:
                self._count_worker(scope, record, -1)
            if not any(self._by_scope[scope].values()):
                self._remove_scope(scope)

    def _replace(self, record: AnyRecord) -> None:
        """One that is there, in the same places, of the same worker."""
        self.records[record.key] = record
        self._changes.keys.add(record.key)
        self._changes.scopes.update(scopes_of(record))

    def _add_scope(self, scope: Scope) -> None:
        self._by_scope[scope] = defaultdict(set)
        if scope:
            self._children.setdefault(scope[:-1], set()).add(scope[-1])

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


class Selection(Places):
    """Those of some records that somebody chose."""

    def __init__(self, places: Places, chosen: Iterable[bytes]) -> None:
        """`chosen`: keys of records that are among the others'.

        The cost grows with the number of those that are chosen or of those that are left out,
        whichever are fewer, and little with that of all.
        """
        super().__init__()
        self.records = {key: places.records[key] for key in chosen}
        here = set(self.records)
        left_out = places.records.keys() - here
        few_left_out = len(left_out) < len(here)
        for scope, kinds in places._by_scope.items():
            found = {
                kind: keys - left_out if few_left_out else keys & here
                for kind, keys in kinds.items()
            }
            if any(found.values()):
                self._add_scope(scope)
                self._by_scope[scope].update(found)
        if few_left_out:
            self._count_workers_but(places, left_out)

    def _count_workers_but(self, places: Places, left_out: Iterable[bytes]) -> None:
        """Of the places whose workers were counted, where some records are not chosen."""
        self._workers_in = {
            scope: dict(counted)
            for scope, counted in places._workers_in.items()
            if scope in self._by_scope
        }
        for record in map(places.records.__getitem__, left_out):
            for scope in self._workers_in.keys() & scopes_of(record):
                self._count_worker(scope, record, -1)

    def put(self, record: AnyRecord) -> None:
        """Choose a record, perhaps in place of another of its key."""
        self.discard(record.key)
        self._add(record)

    def discard(self, key: bytes) -> None:
        """Do not choose a key any more, if it was."""
        if (record := self.records.get(key)) is not None:
            self._remove(record)


def own_worker(record: AnyRecord) -> int | None:
    """What a record itself says of the process that registered it: its instance id (u64)."""
    if (lease := record.lease) is not None:
        return lease
    match record:
        case EndpointInstance() | ModelCard():
            return record.id.instance_id
        case EventSource():
            # A program that passes nothing gets its instance id here, many pass 0.
            return record.worker_id or None
    return None


def scopes_of(record: AnyRecord) -> tuple[Scope, ...]:
    """The places that a record is in, from everything down."""
    if record.kind is Kind.UNKNOWN:
        return ((),)
    at = record.id
    return _scopes(at.namespace or NO_NAMESPACE, at.component, at.endpoint)


@lru_cache(maxsize=PLACES_KEPT)
def _scopes(namespace: str, *names: str | None) -> tuple[Scope, ...]:
    scopes: list[Scope] = [(), (namespace,)]
    for name in names:
        if not name:
            break
        scopes.append((*scopes[-1], name))
    return tuple(scopes)
