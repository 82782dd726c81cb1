"""Dynamo's discovery over any store: register, unregister, list, and watch.

After the `Discovery` trait of Dynamo's `discovery/kv_store.rs` (2025 and 2026). Other than there,
what cannot be parsed is listed too, every removal names a revision, and a watch tells of gaps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from backends import keys
from backends.ids import RecordId
from backends.queries import Query
from backends.reading import read
from backends.records import AnyRecord
from backends.specs import Spec
from backends.store import (
    Delete,
    Entry,
    Forbidden,
    Heard,
    Loading,
    Lost,
    Outcome,
    Put,
    Removal,
    Resync,
    Store,
    StoreError,
    TimeToLive,
)

_log = logging.getLogger(__name__)

RECORDS_BETWEEN_YIELDS = 1000
"""Records read from a snapshot before the event loop gets a turn: some 10 ms of work."""

LEASE_ENDED = "lease ended: it ran out, or the worker shut down"
DELETED = "deleted by somebody; its lease lives on"
EXPIRED = "swept after it had expired"
NO_LEASE = "deleted by somebody; it had no lease"
NO_LEASES = "removed by its worker, or by somebody"
"""In a store without leases nothing else can be told of a key that had not expired."""
NOT_KEPT = "removed by its worker, or by somebody, or its bucket's time to live ran out"
"""Nor can it be told in a store where workers renew nothing."""


@dataclass(frozen=True, slots=True)
class Added:
    """A record is there, or its value or expiry mark changed."""

    record: AnyRecord
    previous: AnyRecord | None = None
    """What it replaces, if the key was known."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A record is not there any more."""

    record: AnyRecord
    """As it was last seen."""

    @property
    def id(self) -> RecordId:
        return self.record.id


@dataclass(frozen=True, slots=True)
class Resynced:
    """All that differs from what this watch told before; after it, the view is complete."""

    removed: tuple[Removed, ...]
    added: tuple[Added, ...]
    revision: str
    """The store's own, for people."""
    unread: str = ""
    """What this user may not read of what was asked for, for people. Empty: it is all there."""


Listed = list[AnyRecord]
"""Not spelled out in `Discovery`, where `list` is a method."""

WatchEvent = Loading | Resynced | Added | Removed | Heard | Lost


class Discovery:
    """What is registered in a store, and this process's own registrations."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def instance_id(self) -> int:
        """This process's id (u64). On etcd the first call grants a lease."""
        return await self.store.instance_id()

    async def register(self, spec: Spec) -> AnyRecord:
        """Register under this process's id; the same again replaces it. Returns what is stored.

        Raises `InvalidName` for a name that is not `[a-z0-9-_]+`, `KeyNotAllowed`, `StoreError`.
        """
        key, value = spec.entry(await self.store.instance_id())
        revision = await self.store.put(key, value)
        stored = await self.store.get([key])
        return read(stored.get(key, Entry(key, value, revision)))

    async def unregister(self, target: AnyRecord | RecordId) -> Removal:
        """Remove a record in the revision it was seen in, or whatever an id names now.

        Raises `StoreError` where the store would not, or did not answer.
        """
        if isinstance(target, AnyRecord):
            return _worst((await self.unregister_all([target])).values())
        found = await self.store.get(keys.spellings(target))
        outcomes = await self.store.delete({key: e.revision for key, e in found.items()})
        return _worst(outcomes.values())

    async def unregister_all(self, records: Iterable[AnyRecord]) -> dict[bytes, Outcome]:
        """Remove each record in the revision it was seen in; what came of each, by key.

        Raises nothing: a key that the store would not remove has the error as its outcome.
        """
        return await self.store.delete({record.key: record.revision for record in records})

    async def list(self, query: Query) -> list[AnyRecord]:
        """What matches now, in the order of the keys.

        Raises `StoreError`; `Forbidden` also where this user may read a part only: what is not
        there may not be taken for gone.
        """
        records, unread = await self.list_readable(query)
        if unread:
            raise Forbidden(self.store.address, unread)
        return records

    async def list_readable(self, query: Query) -> tuple[Listed, str]:
        """The same of what this user may read, and what he may not, as `Resync.unread`."""
        snapshot = await self.store.snapshot(query.prefixes)
        records = []
        for number, entry in enumerate(snapshot.entries, 1):
            if not number % RECORDS_BETWEEN_YIELDS:
                await asyncio.sleep(0)
            record = read(entry)
            if query.matches(record):
                records.append(record)
        return records, snapshot.unread

    async def list_and_watch(self, query: Query) -> AsyncGenerator[Added | Removed, None]:
        """First everything that matches, then every change; after a gap only what differs."""
        async with aclosing(self.watch(query)) as events:
            async for event in events:
                match event:
                    case Resynced(removed=removed, added=added):
                        for gone in removed:
                            yield gone
                        for new in added:
                            yield new
                    case Added() | Removed():
                        yield event

    async def watch(self, query: Query) -> AsyncGenerator[WatchEvent, None]:
        """Like `list_and_watch`, and tells how it goes: loading, resynced, heard from, lost."""
        known: dict[bytes, AnyRecord] = {}
        ahead: dict[bytes, AnyRecord] = {}
        link = _LinkLog(self.store)
        async with aclosing(self.store.watch(query.prefixes)) as events:
            async for event in events:
                match event:
                    case Loading(done=done, total=total, read=entries):
                        link.told(event)
                        # While the store looks for more.
                        await _read_ahead(ahead, entries, known)
                        del entries
                        yield Loading(done, total)
                    case Resync():
                        resynced = await _reconcile(known, event, query, ahead)
                        ahead.clear()
                        link.resynced(resynced, len(known))
                        yield resynced
                        # What follows may go on for weeks, and need not hold what was there then.
                        del resynced
                    case Put(entry=entry):
                        _log.debug("put %r", entry.key)
                        if (previous := known.get(entry.key)) is not None:
                            # All that is looked up by it has that one, and would keep both.
                            entry = replace(entry, key=previous.key)
                        if (added := _add(known, read(entry), query)) is not None:
                            yield added
                    case Delete(key=key):
                        _log.debug("deleted %r", key)
                        if (gone := known.pop(key, None)) is not None:
                            yield Removed(gone)
                    case _:
                        link.told(event)
                        yield event

    async def time_to_live(self, records: Iterable[AnyRecord]) -> dict[bytes, TimeToLive]:
        """What bounds each record's life, by key; one small call to the store for each lease."""
        return await self.store.time_to_live(record.entry for record in records)

    async def why_removed(self, records: Iterable[AnyRecord]) -> dict[bytes, str]:
        """Why each of these, which are gone, went, in plain words, as far as can be told.

        A store does not say. A lease that is gone takes its keys along; one that lives does not.
        """
        gone = list(records)
        lives = await self.time_to_live(record for record in gone if record.lease is not None)
        reasons = {record.key: EXPIRED for record in gone if record.expired_at is not None}
        for key, life in lives.items():
            reasons.setdefault(key, LEASE_ENDED if life.remaining < 0 else DELETED)
        otherwise = NO_LEASE if self.store.has_leases else NO_LEASES
        if not self.store.is_kept_alive:
            otherwise = NOT_KEPT
        return {record.key: otherwise for record in gone} | reasons


class _LinkLog:
    """Logs how it stands with a store, once for each change of it."""

    def __init__(self, store: Store) -> None:
        self._where = f"{store.name} at {store.address}"
        self._lost = ""
        """Why it is, in words. Empty: it is not."""
        self._warnings: tuple[str, ...] = ()

    def resynced(self, event: Resynced, number: int) -> None:
        self._lost = ""
        text = "resynced with %s: revision %s, %d keys, of which %d are new, and %d went"
        counts = (number, len(event.added), len(event.removed))
        _log.info(text, self._where, event.revision, *counts)

    def told(self, event: Loading | Heard | Lost) -> None:
        match event:
            case Lost(error=error):
                # Each attempt to connect tells of it.
                level = logging.DEBUG if str(error) == self._lost else logging.WARNING
                _log.log(level, "lost %s: %s", self._where, error)
                self._lost = str(error)
            case Heard(warnings=warnings) if warnings != self._warnings:
                self._warnings = warnings
                _log.warning("%s says: %s", self._where, ", ".join(warnings) or "all is well again")
            case Loading(done=done, total=total):
                _log.debug("loading from %s: %s of %s", self._where, done, total)


def _worst(outcomes: Collection[Outcome]) -> Removal:
    """Of one record's keys, usually one. Raises the error that is among them."""
    for outcome in outcomes:
        if isinstance(outcome, StoreError):
            raise outcome
    if Removal.CHANGED in outcomes:
        return Removal.CHANGED
    return Removal.REMOVED if Removal.REMOVED in outcomes else Removal.GONE


def _add(known: dict[bytes, AnyRecord], record: AnyRecord, query: Query) -> Added | Removed | None:
    """Takes a record in. One that stopped matching (its body names another now) is removed."""
    previous = known.get(record.key)
    if query.matches(record):
        known[record.key] = record
        return Added(record, previous)
    return None if previous is None else Removed(known.pop(record.key))


async def _read_ahead(
    ahead: dict[bytes, AnyRecord], entries: Iterable[Entry], known: Mapping[bytes, AnyRecord]
) -> None:
    """Reads into `ahead` what is not known as it is."""
    for number, entry in enumerate(entries, 1):
        if not number % RECORDS_BETWEEN_YIELDS:
            await asyncio.sleep(0)
        previous = known.get(entry.key)
        if previous is None or previous.entry != entry:
            ahead[entry.key] = read(entry)


async def _reconcile(
    known: dict[bytes, AnyRecord],
    resync: Resync,
    query: Query,
    ahead: Mapping[bytes, AnyRecord],
) -> Resynced:
    """Makes `known` what a resync says. `ahead` has records of entries that were read already."""
    present = {entry.key for entry in resync.entries}
    changes: list[Added | Removed] = [
        Removed(known.pop(key)) for key in [key for key in known if key not in present]
    ]
    for number, entry in enumerate(resync.entries, 1):
        if not number % RECORDS_BETWEEN_YIELDS:
            await asyncio.sleep(0)
        previous = known.get(entry.key)
        if previous is not None and previous.entry == entry:
            continue
        record = ahead.get(entry.key)
        if record is None or record.entry is not entry:
            record = read(entry)
        if (change := _add(known, record, query)) is not None:
            changes.append(change)
    return Resynced(
        tuple(change for change in changes if isinstance(change, Removed)),
        tuple(change for change in changes if isinstance(change, Added)),
        resync.revision,
        resync.unread,
    )
