"""The records of a store at an earlier revision, and what changed between two.

Reads through the store's `past`; what it does not know any more is raised, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.store.past import PastChange


class RecordChange(msgspec.Struct, frozen=True, gc=False):
    """One record that came, went or is another: between two moments, or in one step."""

    record: AnyRecord | None
    """As it is after it. None: it went."""
    previous: AnyRecord | None
    """As it was before it. None: it came."""
    revision: int | None = None
    """Of the step, in the store. None: there may be several steps between the moments."""
    at: float | None = None
    """POSIX seconds. None: the store keeps no times."""

    @property
    def latest(self) -> AnyRecord:
        """The record as it was last known."""
        found = self.record if self.record is not None else self.previous
        assert found is not None
        return found


class StoreChange(msgspec.Struct, frozen=True, gc=False):
    """A store was lost, or was read again."""

    at: float
    """POSIX seconds."""
    place: int
    """How many of the changes beside it came before."""
    error: str | None = None
    """Why it was lost. None: it was read again."""
    differences: int = 0
    """How many of the changes just before it are what differed when it was read again."""
    revision: str = ""


def compared(before: Iterable[AnyRecord], now: Iterable[AnyRecord]) -> tuple[RecordChange, ...]:
    """Return what is different now, in the order of the keys. Pure.

    A key that was written again with the same value under the same lease is not different.
    """
    was = {record.key: record for record in before}
    found = []
    for record in now:
        previous = was.pop(record.key, None)
        if previous is None or not holds_alike(previous, record):
            found.append(RecordChange(record, previous))
    found += (RecordChange(None, previous) for previous in was.values())
    return tuple(sorted(found, key=lambda change: change.latest.key))


def holds_alike(one: AnyRecord, other: AnyRecord) -> bool:
    """Return whether two records of one key have the same value under the same lease."""
    return (one.entry.value, one.entry.unread, one.lease) == (
        other.entry.value,
        other.entry.unread,
        other.lease,
    )


async def changes_between(
    discovery: Discovery, query: Query, after: int, until: int
) -> tuple[RecordChange, ...]:
    """Return every change of matching records between two revisions, in their order. Raises
    `StoreError`."""
    return _matching(await discovery.past.changes(query.prefixes, after, until), query)


async def last_changes(
    discovery: Discovery, query: Query, until: int, most: int
) -> tuple[RecordChange, ...]:
    """Return the changes of matching records in the last so many revisions up to one, as far as the
    store still knows of them. Raises `StoreError`; `NoPast` if it keeps none."""
    return _matching(await discovery.past.recent(query.prefixes, until, most), query)


def _matching(changes: Iterable[PastChange], query: Query) -> tuple[RecordChange, ...]:
    found = (_record_change(change, query) for change in changes)
    return tuple(change for change in found if change is not None)


def _record_change(change: PastChange, query: Query) -> RecordChange | None:
    """Return a change of a key as that of its record. None: it matches neither before nor after."""
    record = None if change.entry is None else read(change.entry)
    previous = None if change.previous is None else read(change.previous)
    if record is not None and not query.matches(record):
        record = None
    if previous is not None and not query.matches(previous):
        previous = None
    if record is None and previous is None:
        return None
    return RecordChange(record, previous, change.revision, change.at)
