"""Make the frames of a report: what the store still knows of its past, and all that is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backends.discovery.cluster import FirstSeen
from backends.dynamo.queries import Query
from backends.liveness.drain_marks import DrainMark
from backends.liveness.keys_by_lease import LeaseOrKey, lease_or_key
from backends.liveness.survey import Survey
from backends.recording.entry_lines import (
    delete_line,
    drain_reading,
    entry_line,
    lease_reading,
    probe_reading,
    put_line,
)
from backends.recording.lines import (
    FORMAT,
    AnyLine,
    Checkpoint,
    DrainsLine,
    EndLine,
    EntryLine,
    Header,
    LeasesLine,
    ProbesLine,
)
from backends.recording.masking import masked
from backends.redact import Mask
from backends.store import Delete, Entry, Store
from backends.store.past import PastChange

REVISIONS = 500
"""Of those before now, so many are in a report: as the dashboard reads at its start."""


def header_of(
    store: Store,
    at: float,
    report: dict[str, Any],
    *,
    mask: Mask,
    version: str,
    host: str,
    namespace: str | None,
    server: str,
) -> Header:
    """Return the header of a report's frames. `server`: which release the store's server is."""
    return Header(
        format=FORMAT,
        version=version,
        at=at,
        started=at,
        host=host,
        store=store.name,
        address=mask(store.address),
        lifetime=store.lifetime.value,
        namespace=namespace,
        metrics=(),
        server=server,
        report=report,
    )


async def past_frame(store: Store, query: Query, header: Header) -> list[AnyLine]:
    """Return the frame of the last changes that a store still knows, oldest state first. Empty: it
    knows of none. Raises `StoreError`."""
    if (past := store.past) is None:
        return []
    newest = await past.newest()
    whole = await past.at(query.prefixes, newest)
    changes = await past.recent(query.prefixes, newest, REVISIONS)
    if not changes:
        return []
    entries = _before(whole.entries, changes)
    first = changes[0].revision - 1
    checkpoint = Checkpoint(
        at=past.time_of(first), entries=len(entries), revision=str(first), unread=whole.unread
    )
    return [header, checkpoint, *map(_entry_line, entries), *map(_change_line, changes)]


def now_frame(
    found: Survey, revision: str, drained: Mapping[int, DrainMark], header: Header
) -> list[AnyLine]:
    """Return the frame of all that is registered now, with the evidence of a survey."""
    records = found.cluster.records
    entries = [
        _entry_line(records[key].entry, found.cluster.first_seen(key)) for key in sorted(records)
    ]
    checkpoint = Checkpoint(
        at=found.at, entries=len(entries), revision=revision, unread=found.unread
    )
    lines: list[AnyLine] = [header, checkpoint, *entries]
    readings: dict[LeaseOrKey, Any] = {
        lease_or_key(record): lease_ttl
        for record in records.values()
        if (lease_ttl := found.verdicts.lease_ttl(record)) is not None
    }
    at = found.at
    if drained:
        marks = tuple(drain_reading(*one) for one in drained.items())
        lines.append(DrainsLine(at=at, drains=marks))
    if readings:
        at = max(at, *(one.at for one in readings.values()))
        lines.append(
            LeasesLine(at=at, leases=tuple(lease_reading(*one) for one in readings.items()))
        )
    if found.readings:
        at = max(at, *(one.at for one in found.readings))
        lines.append(ProbesLine(at=at, probes=tuple(map(probe_reading, found.readings))))
    return [*lines, EndLine(at=at, why="a report")]


def _before(now: Sequence[Entry], changes: Sequence[PastChange]) -> list[Entry]:
    """Return the entries before some changes, the last of which led to those of now."""
    entries = {entry.key: entry for entry in now}
    for change in reversed(changes):
        if change.previous is None:
            entries.pop(change.key, None)
        else:
            entries[change.key] = change.previous
    return [entries[key] for key in sorted(entries)]


def _entry_line(entry: Entry, seen: FirstSeen | None = None) -> EntryLine:
    shown, was_masked = masked(entry)
    return entry_line(shown, seen, masked=was_masked)


def _change_line(change: PastChange) -> AnyLine:
    revision = str(change.revision)
    if change.entry is None:
        return delete_line(Delete(change.key, revision), change.at)
    entry, was_masked = masked(change.entry)
    return put_line(entry, change.at, revision, masked=was_masked)
