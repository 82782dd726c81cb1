"""What `dyntop diff` prints: the changes between two moments, as a table or as JSON."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from backends.discovery.past_records import RecordChange
from backends.dynamo.records import AnyRecord
from tui.cli.output import STRUCTURED, write_objects
from tui.cli.shared.reading import Publishers
from tui.cli.tables import write_table
from tui.runtime.standard_streams import print_message
from tui.text.errors import Exit
from tui.text.json_export import as_json, record_json
from tui.text.past.record_changes import (
    KINDS,
    change_text,
    exported_fields,
    kind_of_change,
)
from tui.text.sanitize import plain_key
from tui.text.timestamps import day_and_time, utc_stamp


class ChangesBetween(msgspec.Struct, frozen=True):
    """What is different, and between which moments."""

    between: str
    """The moments, in words: `from … to …`."""
    changes: Sequence[RecordChange]
    worker_of: Callable[[AnyRecord], int | None]
    unread: str
    """The unreadable part, in words. Empty: all was compared."""
    note: str = ""
    """What else is to be known, as a clause. Empty: nothing."""
    damage: str = ""
    """What is wrong with a recording, as a sentence. Empty: nothing."""


def print_changes(found: ChangesBetween, arguments: argparse.Namespace) -> Exit:
    """Print them as the arguments ask for. Returns whether anything differs. Raises
    `OutputFailed`, BrokenPipeError."""
    if arguments.output in STRUCTURED:
        objects = (_json(change, found.worker_of) for change in found.changes)
        write_objects(arguments.output, objects)
    else:
        header, rows = _table(found.changes, steps=arguments.events)
        write_table(header, rows)
        counted = Counter(map(kind_of_change, found.changes))
        numbers = ", ".join(f"{counted[kind]:,} {kind}" for kind in KINDS if counted[kind])
        note = f"; {found.note}" if found.note else ""
        print_message(f"{found.between}: {numbers or 'nothing changed'}{note}")
    if found.damage:
        print_message(found.damage)
    if found.unread:
        print_message(f"not all is compared: {found.unread}")
        return Exit.NOT_AUTHORISED
    return Exit.DIFFERS if found.changes else Exit.DONE


def first_known(*sources: Publishers) -> Callable[[AnyRecord], int | None]:
    """Return what finds the worker of a record, from the first of some that know it."""
    return lambda record: next(
        (worker for one in sources if (worker := one.worker_of(record)) is not None), None
    )


def _table(
    changes: Sequence[RecordChange], *, steps: bool
) -> tuple[Sequence[str], Iterator[Sequence[str]]]:
    """Return header and rows. `steps`: with the revision of each change, and its time if the store
    keeps times."""
    header = ["CHANGE", "KIND", "NAME", "ID", "DETAIL"]
    has_times = any(one.at is not None for one in changes)
    before = ["REVISION"] * steps + ["TIME"] * has_times

    def row(one: RecordChange) -> Sequence[str]:
        cells = ["" if one.revision is None else str(one.revision)] * steps
        if has_times:
            cells.append("" if one.at is None else day_and_time(one.at))
        return [*cells, *_cells(one)]

    return [*before, *header], map(row, changes)


def _cells(change: RecordChange) -> Sequence[str]:
    # Imported here: what programs read needs no table.
    from tui.text.format import hex_id, name_of

    record = change.latest
    name = name_of(record) if record.id.path() else plain_key(record.key)
    # As `diff WHAT` names it.
    kind = record.kind.value.removeprefix("event_")
    detail = change_text(change)
    if not detail and record.transport is not None:
        detail = f"{record.transport.kind} {record.transport.address or ''}"
    return kind_of_change(change), kind, name, hex_id(record.id.instance_id), detail


def _json(change: RecordChange, worker_of: Callable[[AnyRecord], int | None]) -> str:
    """Return a change as one line of JSON."""
    start = as_json(
        {
            "change": kind_of_change(change),
            "revision": change.revision,
            "time": None if change.at is None else utc_stamp(change.at),
            "fields": exported_fields(change),
        }
    )
    both = ("record", change.record), ("previous", change.previous)
    records = (
        f'"{name}":{"null" if one is None else record_json(one, worker_of(one))}'
        for name, one in both
    )
    return f"{start[:-1]},{','.join(records)}}}"
