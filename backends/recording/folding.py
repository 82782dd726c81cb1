"""Fold what a recording says into changes of records. Pure, but for reading frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.discovery.past_records import RecordChange, holds_alike
from backends.dynamo.parse import read
from backends.recording.frame_contents import FrameContent
from backends.store import Delete, Entry, Put, Resync
from backends.timeline import Moment, Stepped, StoreEvents

EntryChange = tuple[Entry | None, Entry | None]
"""An entry before and after a change. None: it was not there."""


def entry_changes(
    known: dict[bytes, Entry], steps: Sequence[Stepped]
) -> Iterator[tuple[Moment, list[EntryChange]]]:
    """Yield the changes of each step that has some, and make them in `known`."""
    for stepped in steps:
        if not isinstance(stepped.step, StoreEvents):
            continue
        changes: list[EntryChange] = []
        for event in stepped.step.events:
            match event:
                case Put(entry=entry):
                    changes.append((known.get(entry.key), entry))
                    known[entry.key] = entry
                case Delete(key=key):
                    if (gone := known.pop(key, None)) is not None:
                        changes.append((gone, None))
                case Resync():
                    changes += resynced(known, event)
        if changes:
            yield stepped.moment, changes


def known_at(content: FrameContent) -> dict[bytes, Entry]:
    """Return the entries with which a frame begins, by their keys."""
    return {entry.key: entry for entry in content.entries.entries}


def record_changes(moment: Moment, changes: Sequence[EntryChange]) -> Iterator[RecordChange]:
    """Yield changes of entries as those of their records."""
    revision = int(moment.revision) if is_number(moment.revision) else None
    for before, after in changes:
        record = None if after is None else read(after)
        previous = None if before is None else read(before)
        if record is not None and previous is not None and holds_alike(previous, record):
            continue
        yield RecordChange(record, previous, revision, moment.at)


def resynced(known: dict[bytes, Entry], event: Resync) -> list[EntryChange]:
    """Return the differences of what was read again from `known`, and make them there."""
    now = {entry.key: entry for entry in event.entries}
    changes: list[EntryChange] = [(entry, None) for key, entry in known.items() if key not in now]
    for key, entry in now.items():
        if (before := known.get(key)) != entry:
            changes.append((before, entry))
    known.clear()
    known.update(now)
    return changes


def is_number(revision: str) -> bool:
    """Return whether a store counts its revisions."""
    return revision.isascii() and revision.isdigit() and len(revision) < 20
