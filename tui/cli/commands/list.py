"""`dyntop list`: list the registered records as a table, as JSON, or as keys."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from tui.cli.output import print_not_found, print_nothing_found, query_of, ttl_cell
from tui.cli.shared.reading import Clock, StoreLabel, list_with_publishers, looked_at, place_of
from tui.cli.tables import write_table
from tui.runtime.standard_streams import (
    end_at_once_on_interrupt,
    print_message,
    speaks_utf8,
    write_lines,
)
from tui.text.errors import Exit
from tui.text.json_export import json_list, record_json
from tui.text.sanitize import plain_key

if TYPE_CHECKING:
    from backends.dynamo.records import AnyRecord
    from backends.liveness.evidence import Assessment
    from backends.liveness.survey import Survey
    from backends.store import TimeToLive
    from tui.config.settings import Settings

HEADER = (
    *("KIND", "NAMESPACE", "COMPONENT", "ENDPOINT", "TOPIC", "ID", "MODEL", "LORA"),
    *("TRANSPORT", "LEASE", "WORKER", "TTL", "STATE", "KEY"),
)


class _Listed(msgspec.Struct, frozen=True):
    """The found records, and their survey."""

    place: StoreLabel
    records: list[AnyRecord]
    worker_of: Callable[[AnyRecord], int | None]
    seen: Survey | None
    """With the evidence, if that was asked for."""
    missing: Sequence[str] = ()
    """The names on the command line that name nothing."""
    unread: str = ""
    """The unreadable part, in words."""

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        return None if self.seen is None else self.seen.time_to_live(record)

    def assessment(self, record: AnyRecord) -> Assessment | None:
        return None if self.seen is None else self.seen.assessment(record)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    arguments.liveness = arguments.liveness or arguments.probe is not None
    if arguments.what == "workers":
        from tui.cli.commands import list_workers

        return list_workers.run(settings, arguments, clock)
    end_at_once_on_interrupt()
    listed = asyncio.run(_list(settings, arguments, clock))
    match arguments.output:
        case "json":
            write_lines(json_list(_json(listed, record) for record in listed.records))
        case "name":
            utf8 = speaks_utf8(sys.stdout)
            write_lines(plain_key(record.key, ascii_only=not utf8) for record in listed.records)
        case _:
            write_table(HEADER, (_cells(listed, record) for record in listed.records))
    if not listed.records and arguments.output != "json" and not arguments.names:
        from tui.cli.shared.other_namespaces import namespaces_beside

        print_nothing_found(settings, arguments, listed.place.name, namespaces_beside(settings))
    if listed.unread:
        print_message(f"not all is listed: {listed.unread}")
        return Exit.NOT_AUTHORISED
    return print_not_found(settings, listed.missing, listed.place.name)


async def _list(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> _Listed:
    wanted = query_of(settings, arguments)
    async with looked_at(settings, arguments.probe) as (discovery, probes):
        place = place_of(discovery)
        if not arguments.liveness and not arguments.names:
            records, publishers, unread = await list_with_publishers(discovery, wanted)
            return _Listed(place, records, publishers.worker_of, None, unread=unread)
        # Imported only here: without evidence a list needs no module that judges.
        from backends.liveness.survey import read_once
        from tui.cli.shared.matching import NameFilter
        from tui.cli.shared.surveying import surveyed

        # Whose a record is may only be told by what else is there.
        by_name = NameFilter(arguments.names)
        if not arguments.liveness:
            read = await read_once(discovery, wanted, choose=by_name, clock=clock)
            return _Listed(place, read.records, read.cluster.worker_of, None, by_name.missing)
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
        record, listed.worker_of(record), listed.time_to_live(record), listed.assessment(record)
    )


def _cells(listed: _Listed, record: AnyRecord) -> tuple[str, ...]:
    place, transport, worker = record.id, record.transport, listed.worker_of(record)
    # Who is not told by names is told by the key.
    nameless = place.namespace is None or record.malformed is not None
    asked = listed.seen is not None
    return (
        record.kind.value,
        place.namespace or "",
        place.component or "",
        place.endpoint or "",
        place.topic or "",
        "" if place.instance_id is None else f"{place.instance_id:x}",
        record.model_name or "",
        place.model_suffix or "",
        "" if transport is None else f"{transport.kind} {transport.address or ''}",
        "" if record.lease is None else f"{record.lease:x}",
        # Most often the id or the lease says it.
        "" if worker in (None, place.instance_id, record.lease) else f"{worker:x}",
        ttl_cell(listed.time_to_live(record)) if asked else "",
        _state(record, listed.assessment(record)),
        plain_key(record.key) if nameless else "",
    )


def _state(record: AnyRecord, assessment: Assessment | None) -> str:
    """Return the verdict, with the evidence of a finding; without evidence the state by the record
    itself."""
    if assessment is not None:
        from backends.liveness.judge import FINDINGS

        verdict = assessment.verdict.value
        found = assessment.verdict in FINDINGS
        return f"{verdict}: {assessment.evidence[0].text}" if found else verdict
    texts = [
        f"value not known: {record.unread}" if record.unread else "",
        f"malformed: {record.malformed}" if record.malformed is not None else "",
        f"conflict: {record.conflict}" if record.conflict is not None else "",
        "expired" if record.expired_at is not None else "",
    ]
    return "; ".join(filter(None, texts)) or "listed"
