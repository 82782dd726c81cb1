"""`dyntop list`: list the registered records as a table, as JSON, as YAML, or as keys."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from tui.cli.output import (
    STRUCTURED,
    print_not_found,
    print_nothing_found,
    query_of,
    write_objects,
)
from tui.cli.shared.past import check_options, past_note, print_past
from tui.cli.shared.reading import Clock, StoreLabel, list_with_publishers, looked_at, place_of
from tui.runtime.standard_streams import (
    end_at_once_on_interrupt,
    print_message,
    speaks_utf8,
    write_lines,
)
from tui.text.errors import Exit
from tui.text.json_export import record_json
from tui.text.sanitize import plain_key

if TYPE_CHECKING:
    from backends.dynamo.records import AnyRecord
    from backends.liveness.evidence import Assessment
    from backends.liveness.survey import Survey
    from backends.store import TimeToLive
    from tui.cli.columns import Layout
    from tui.cli.shared.record_columns import Looked
    from tui.config.settings import Settings


class _Listed(msgspec.Struct, frozen=True):
    """The found records, and their survey."""

    place: StoreLabel
    records: list[AnyRecord]
    workers: Callable[[AnyRecord], int | None]
    seen: Survey | None
    """With the evidence, if that was asked for."""
    missing: Sequence[str] = ()
    """The names on the command line that name nothing."""
    unread: str = ""
    """The unreadable part, in words."""
    note: str = ""
    """As of `past_note`."""

    @property
    def asked(self) -> bool:
        return self.seen is not None

    def worker_of(self, record: AnyRecord) -> int | None:
        return self.workers(record)

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        return None if self.seen is None else self.seen.time_to_live(record)

    def assessment(self, record: AnyRecord) -> Assessment | None:
        return None if self.seen is None else self.seen.assessment(record)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    check_options(arguments)
    arguments.liveness = arguments.liveness or arguments.probe is not None
    if arguments.watch:
        from tui.cli.commands import list_watch

        return list_watch.run(settings, arguments, clock)
    if arguments.what == "workers":
        from tui.cli.commands import list_workers

        return list_workers.run(settings, arguments, clock)
    end_at_once_on_interrupt()
    layout = _layout(arguments)
    if layout is not None:
        # A state is also that of the record by itself.
        check_options(arguments, [one for one in layout.needs_evidence if one != "STATE"])
        arguments.liveness |= bool(layout.needs_evidence) and arguments.revision is None
    listed = asyncio.run(_list(settings, arguments, clock))
    if layout is not None:
        listed = msgspec.structs.replace(listed, records=layout.in_order(listed, listed.records))
    match arguments.output:
        case "json" | "ndjson" | "yaml":
            objects = (_json(listed, record) for record in listed.records)
            write_objects(arguments.output, objects)
        case "name":
            utf8 = speaks_utf8(sys.stdout)
            write_lines(plain_key(record.key, ascii_only=not utf8) for record in listed.records)
        case _:
            assert layout is not None
            layout.write(listed, listed.records)
    if not listed.records and arguments.output not in STRUCTURED and not arguments.names:
        from tui.cli.shared.other_namespaces import others_beside

        beside = "" if arguments.revision is not None else others_beside(settings)
        print_nothing_found(settings, arguments, listed.place.name, beside)
    elif arguments.output not in STRUCTURED:
        print_past(listed.place.name, listed.note)
    if listed.unread:
        print_message(f"not all is listed: {listed.unread}")
        return Exit.NOT_AUTHORISED
    return print_not_found(settings, listed.missing, listed.place.name)


def _layout(arguments: argparse.Namespace) -> Layout[Looked, AnyRecord] | None:
    """Return the table's layout. None: records in the order of their keys, and no table."""
    for_table = arguments.columns is not None or arguments.no_headers or arguments.sort is not None
    if arguments.output in (*STRUCTURED, "name") and not (for_table or arguments.reverse):
        return None
    # Imported here: what scripts read needs no table.
    from tui.cli.columns import Layout
    from tui.cli.shared.record_columns import COLUMNS

    return Layout(COLUMNS, arguments)


async def _list(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> _Listed:
    wanted = query_of(settings, arguments)
    async with looked_at(settings, arguments.probe) as (discovery, probes):
        revision = arguments.revision
        place = place_of(discovery, revision)
        note = await past_note(discovery, revision)
        if not arguments.liveness and not arguments.names:
            records, publishers, unread = await list_with_publishers(discovery, wanted, revision)
            return _Listed(place, records, publishers.worker_of, None, unread=unread, note=note)
        # Imported only here: without evidence a list needs no module that judges.
        from backends.liveness.survey import read_once
        from tui.cli.shared.matching import NameFilter
        from tui.cli.shared.surveying import surveyed

        # Whose a record is may only be told by what else is there.
        by_name = NameFilter(arguments.names)
        if not arguments.liveness:
            read = await read_once(
                discovery, wanted, choose=by_name, revision=revision, clock=clock
            )
            return _Listed(
                place,
                read.records,
                read.cluster.worker_of,
                None,
                by_name.missing,
                note=note,
            )
        seen = await surveyed(
            settings,
            discovery,
            probes,
            wanted,
            probe=arguments.probe,
            choose=by_name,
            clock=clock,
        )
        return _Listed(place, seen.records, seen.cluster.worker_of, seen, by_name.missing)


def _json(listed: _Listed, record: AnyRecord) -> str:
    return record_json(
        record, listed.workers(record), listed.time_to_live(record), listed.assessment(record)
    )
