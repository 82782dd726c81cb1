"""`dyntop diff`: print what is registered otherwise at one revision than at another."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from backends.discovery.past_records import changes_between, compared
from backends.store import Misconfigured, Refused
from tui.cli.output import STRUCTURED, described, query_of, write_objects
from tui.cli.shared.past import NO_TIMES, named
from tui.cli.shared.reading import Publishers, list_with_publishers, place_of
from tui.cli.tables import write_table
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message
from tui.session import open_discovery
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

if TYPE_CHECKING:
    from backends.discovery.discovery import Discovery
    from backends.discovery.past_records import RecordChange
    from backends.dynamo.queries import Query
    from backends.dynamo.records import AnyRecord
    from tui.config.settings import Settings

OLDEST, NOW = "oldest", "now"
"""The words for the oldest revision that is left, and for the newest one."""


class _Found(msgspec.Struct, frozen=True):
    """What is different, and between which revisions."""

    place: str
    after: int
    until: int
    changes: Sequence[RecordChange]
    worker_of: Callable[[AnyRecord], int | None]
    unread: str
    """The unreadable part, in words."""
    after_at: float | None
    """When the revisions were, in POSIX seconds. None: the store keeps no times."""
    until_at: float | None


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Compare, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    end_at_once_on_interrupt()
    if arguments.places:
        from tui.cli.commands import diff_recordings

        return diff_recordings.run(settings, arguments)
    if arguments.after is None:
        raise Misconfigured("--from", "name the earlier revision, or two times of a recording")
    found = asyncio.run(_find(settings, arguments))
    if arguments.output in STRUCTURED:
        objects = (change_json(change, found.worker_of) for change in found.changes)
        write_objects(arguments.output, objects)
    else:
        header, rows = table_of_changes(found.changes, steps=arguments.events)
        write_table(header, rows)
        print_message(_in_short(found, settings))
    if found.unread:
        print_message(f"not all is compared: {found.unread}")
        return Exit.NOT_AUTHORISED
    return Exit.DIFFERS if found.changes else Exit.DONE


async def _find(settings: Settings, arguments: argparse.Namespace) -> _Found:
    query = query_of(settings, arguments)
    async with open_discovery(settings) as discovery:
        past = discovery.past
        after, until = arguments.after, arguments.until
        if after == OLDEST:
            after = await past.oldest(query.prefixes)
        if until == NOW:
            # The store itself says that a later one is still to come.
            until = max(after, await past.newest())
        if until < after:
            raise Misconfigured("--to", f"{until} is before {after}, which --from names")
        before, then, no_before = await list_with_publishers(discovery, query, after)
        records, now, no_records = await list_with_publishers(discovery, query, until)
        changes: Sequence[RecordChange] = compared(before, records)
        if arguments.events:
            changes = await _steps(discovery, query, after, until, changes)
        unread = "; ".join(dict.fromkeys(filter(None, (no_before, no_records))))
        place = place_of(discovery).name
        worker_of = first_known(now, then)
        times = past.time_of(after), past.time_of(until)
        return _Found(place, after, until, changes, worker_of, unread, *times)


async def _steps(
    discovery: Discovery, query: Query, after: int, until: int, differing: Sequence[RecordChange]
) -> Sequence[RecordChange]:
    """Return every change in between. Raises `Refused` if they do not lead to what differs."""
    steps = await changes_between(discovery, query, after, until)
    missing = {one.latest.key for one in differing} - {one.latest.key for one in steps}
    if missing:
        raise Refused(discovery.store.address, f"not all changes came, {len(missing)} are missing")
    return steps


def first_known(*sources: Publishers) -> Callable[[AnyRecord], int | None]:
    """Return what finds the worker of a record, from the first of some that know it."""
    return lambda record: next(
        (worker for one in sources if (worker := one.worker_of(record)) is not None), None
    )


def table_of_changes(
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


def _in_short(found: _Found, settings: Settings) -> str:
    first, last = named(found.after, found.after_at), named(found.until, found.until_at)
    between = f"from revision {first} to {last} of {found.place}{described(settings)}"
    counted = Counter(map(kind_of_change, found.changes))
    numbers = ", ".join(f"{counted[kind]:,} {kind}" for kind in KINDS if counted[kind])
    no_times = f"; the store {NO_TIMES}" if found.until_at is None else ""
    return f"{between}: {numbers or 'nothing changed'}{no_times}"


def change_json(change: RecordChange, worker_of: Callable[[AnyRecord], int | None]) -> str:
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
