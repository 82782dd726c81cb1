"""Dynamo's discovery over any store: register, unregister, list and watch.

Follows the `Discovery` trait of Dynamo's `discovery/kv_store.rs` (2025 and 2026). Differences:
malformed records are listed too, every removal names a revision, and a watch reports gaps.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from backends.dynamo import keys
from backends.dynamo.ids import RecordId
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.store import (
    Delete,
    Entry,
    Forbidden,
    Heartbeat,
    Loading,
    Lost,
    NoPast,
    NoPuts,
    Outcome,
    Put,
    Removal,
    Resync,
    Store,
    StoreError,
    TimeToLive,
)

if TYPE_CHECKING:
    from backends.dynamo.registration import Spec
    from backends.store.past import Past

_log = logging.getLogger(__name__)

RECORDS_BETWEEN_YIELDS = 1000
"""Records parsed from a snapshot before the event loop gets a turn: about 10 ms of work."""


class Added(msgspec.Struct, frozen=True, gc=False):
    """A record was added, or its value or expiry changed."""

    record: AnyRecord
    previous: AnyRecord | None = None
    """The record it replaces. None: the key was not known."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A record was removed."""

    record: AnyRecord
    """As last seen."""
    revision: str = field(default="", compare=False)
    """As `Delete.revision`."""
    overdue: float | None = field(default=None, compare=False)
    """As `Delete.overdue`."""

    @property
    def id(self) -> RecordId:
        return self.record.id


class Resynced(msgspec.Struct, frozen=True):
    """All differences from what this watch yielded before. After it the view is complete."""

    removed: tuple[Removed, ...]
    added: tuple[Added, ...]
    revision: str
    """The store's own revision, for people."""
    unread: str = ""
    """Which of the requested keys this user may not read, for people. Empty: none."""


Listed = list[AnyRecord]
"""An alias, since inside `Discovery` the name `list` is a method."""

WatchEvent = Loading | Resynced | Added | Removed | Heartbeat | Lost


LONGEST_VERSION = 100
"""Characters of a server's release that are kept."""


class Discovery:
    """Reads and follows the records in a store, and registers this process's own."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def instance_id(self) -> int:
        """Return this process's instance id (u64). On etcd the first call grants a lease."""
        return await self.store.instance_id()

    async def register(self, spec: Spec) -> AnyRecord:
        """Register a spec under this process's id. An existing registration is replaced. Returns
        the record.

        Raises `InvalidName` for a name that is not `[a-z0-9-_]+`, `KeyNotAllowed`, `StoreError`.
        """
        key, value = spec.entry(await self.store.instance_id())
        revision = await self.store.put(key, value)
        stored = await self.store.get([key])
        return read(stored.get(key, Entry(key, value, revision)))

    async def unregister(self, target: AnyRecord | RecordId) -> Removal:
        """Remove a record if it is unchanged, or whatever is registered under an id now.

        Raises `StoreError` if the store refused or did not answer.
        """
        if isinstance(target, AnyRecord):
            return _worst((await self.unregister_all([target])).values())
        found = await self.store.get(keys.spellings(target))
        outcomes = await self.store.delete(found.values())
        return _worst(outcomes.values())

    async def unregister_all(self, records: Iterable[AnyRecord]) -> dict[bytes, Outcome]:
        """Remove each record whose revision and bytes are unchanged. Return each outcome by key.

        Raises nothing: if the store refused to remove a key, the error is that key's outcome.
        """
        return await self.store.delete([record.entry for record in records])

    async def no_puts(self) -> tuple[NoPuts, ...]:
        """Return why the store refuses puts now. Empty also where that cannot be learnt."""
        try:
            return await self.store.no_puts()
        except StoreError:
            # What it is asked for next says what is wrong.
            return ()

    async def server_version(self) -> str:
        """Return which release the store's server is, cut where it is longer than any. Empty also
        where that cannot be learnt."""
        try:
            return (await self.store.server_version())[:LONGEST_VERSION]
        except StoreError:
            return ""

    async def read_only(self) -> str:
        """Return why this user may neither remove nor put back anything. Empty also where that
        cannot be learnt."""
        try:
            return await self.store.read_only()
        except StoreError:
            return ""

    @property
    def past(self) -> Past:
        """What the store still knows of earlier revisions. Raises `NoPast`."""
        if (past := self.store.past) is None:
            raise NoPast(self.store.name)
        return past

    async def list(self, query: Query, revision: int | None = None) -> list[AnyRecord]:
        """Return the matching records, sorted by key. `revision`: as they were then. None: now.

        Raises `StoreError`; `Forbidden` also if this user may read only some of them, since the
        missing records must not be taken for removed.
        """
        records, unread = await self.list_readable(query, revision)
        if unread:
            raise Forbidden(self.store.address, unread)
        return records

    async def list_readable(self, query: Query, revision: int | None = None) -> tuple[Listed, str]:
        """Return the matching records that this user may read, and which are unread, as
        `Resync.unread`. `revision`: as they were then. None: now.
        """
        if revision is None:
            snapshot = await self.store.snapshot(query.prefixes)
        else:
            snapshot = await self.past.at(query.prefixes, revision)
        return await matching(snapshot, query), snapshot.unread

    async def list_and_watch(self, query: Query) -> AsyncGenerator[Added | Removed, None]:
        """Yield all matching records, then every change. After a gap yield only the differences."""
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

    async def watch(
        self, query: Query, known: Mapping[bytes, AnyRecord] | None = None
    ) -> AsyncGenerator[WatchEvent, None]:
        """Yield the events of a watch: as `list_and_watch`, and `Loading`, `Resynced`, `Heartbeat`,
        `Lost`.

        `known` are the consumer's records from an earlier watch, by key: the first `Resynced` has
        the differences from them. None: nothing is known yet.
        """
        known = dict(known or {})
        ahead: dict[bytes, AnyRecord] = {}
        link = _LinkLog(self.store)
        async with aclosing(self.store.watch(query.prefixes)) as events:
            async for event in events:
                match event:
                    case Loading(done=done, total=total, read=entries):
                        link.observe(event)
                        # The store reads the next page meanwhile.
                        await _read_ahead(ahead, entries, known)
                        del entries
                        yield Loading(done, total)
                    case Resync():
                        resynced = await reconcile(known, event, query, ahead)
                        ahead.clear()
                        link.resynced(resynced, len(known))
                        yield resynced
                        # The watch may go on for weeks: do not keep the first snapshot in memory.
                        del resynced
                    case Put(entry=entry):
                        _log.debug("put %r", entry.key)
                        if (previous := known.get(entry.key)) is not None:
                            # Indexes hold the known key object: reuse it, instead of keeping both.
                            entry = msgspec.structs.replace(entry, key=previous.key)
                        if (added := add_known(known, read(entry), query)) is not None:
                            yield added
                    case Delete(key=key, revision=revision, overdue=overdue):
                        _log.debug("deleted %r", key)
                        if (gone := known.pop(key, None)) is not None:
                            yield Removed(gone, revision, overdue)
                    case _:
                        link.observe(event)
                        yield event

    async def time_to_live(self, records: Iterable[AnyRecord]) -> dict[bytes, TimeToLive]:
        """Return each record's time limit, by key. Costs one small call to the store for each
        lease.
        """
        return await self.store.time_to_live(record.entry for record in records)


class _LinkLog:
    """Logs the state of the connection to a store, once for each change."""

    def __init__(self, store: Store) -> None:
        self._where = f"{store.name} at {store.address}"
        self._lost = ""
        """The error while the connection is lost. Empty: it is not lost."""
        self._warnings: tuple[str, ...] = ()

    def resynced(self, event: Resynced, number: int) -> None:
        self._lost = ""
        text = "resynced with %s: revision %s, %d keys, %d added, %d removed"
        counts = (number, len(event.added), len(event.removed))
        _log.info(text, self._where, event.revision, *counts)

    def observe(self, event: Loading | Heartbeat | Lost) -> None:
        match event:
            case Lost(error=error):
                # Each attempt to connect yields one.
                level = logging.DEBUG if str(error) == self._lost else logging.WARNING
                _log.log(level, "lost %s: %s", self._where, error)
                self._lost = str(error)
            case Heartbeat(warnings=warnings) if warnings != self._warnings:
                self._warnings = warnings
                _log.warning("%s: %s", self._where, ", ".join(warnings) or "no warnings any more")
            case Loading(done=done, total=total):
                _log.debug("loading from %s: %s of %s", self._where, done, total)


async def matching(snapshot: Resync, query: Query) -> list[AnyRecord]:
    """Return the records in a snapshot that match, in its order."""
    records = []
    for number, entry in enumerate(snapshot.entries, 1):
        if not number % RECORDS_BETWEEN_YIELDS:
            await asyncio.sleep(0)
        record = read(entry)
        if query.matches(record):
            records.append(record)
    return records


def _worst(outcomes: Collection[Outcome]) -> Removal:
    """Return the outcome for one record's keys, usually one. Raises the first error among them."""
    for outcome in outcomes:
        if isinstance(outcome, StoreError):
            raise outcome
    if Removal.CHANGED in outcomes:
        return Removal.CHANGED
    return Removal.REMOVED if Removal.REMOVED in outcomes else Removal.GONE


def add_known(
    known: dict[bytes, AnyRecord], record: AnyRecord, query: Query
) -> Added | Removed | None:
    """Add a record to the known ones. One that no longer matches (its body has other names) is
    removed.
    """
    previous = known.get(record.key)
    if query.matches(record):
        known[record.key] = record
        return Added(record, previous)
    return None if previous is None else Removed(known.pop(record.key))


async def _read_ahead(
    ahead: dict[bytes, AnyRecord], entries: Iterable[Entry], known: Mapping[bytes, AnyRecord]
) -> None:
    """Parse entries that are new or changed into `ahead`."""
    for number, entry in enumerate(entries, 1):
        if not number % RECORDS_BETWEEN_YIELDS:
            await asyncio.sleep(0)
        previous = known.get(entry.key)
        if previous is None or previous.entry != entry:
            ahead[entry.key] = read(entry)


async def reconcile(
    known: dict[bytes, AnyRecord],
    resync: Resync,
    query: Query,
    ahead: Mapping[bytes, AnyRecord],
) -> Resynced:
    """Make `known` equal to a resync. `ahead` has the records of entries that are already
    parsed.
    """
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
        if (change := add_known(known, record, query)) is not None:
            changes.append(change)
    return Resynced(
        tuple(change for change in changes if isinstance(change, Removed)),
        tuple(change for change in changes if isinstance(change, Added)),
        resync.revision,
        resync.unread,
    )
