"""`dyntop list`: what is registered now, as a table, as JSON, or as keys."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from backends.liveness import FINDINGS, Judgement
from backends.records import AnyRecord
from backends.store import TimeToLive
from tui.commands import (
    end_at_once_on_interrupt,
    keep_all,
    life,
    query_of,
    say,
    say_nothing_found,
    speaks_utf8,
    workers,
    write_lines,
)
from tui.commands.looking import Clock, Place, Sight, list_with_publishers, look, place_of
from tui.commands.tables import write_table
from tui.complaints import Exit
from tui.export import json_list, record_json
from tui.opening import discovered
from tui.plain import plain_key
from tui.settings import Settings

HEADER = (
    *("KIND", "NAMESPACE", "COMPONENT", "ENDPOINT", "TOPIC", "ID", "MODEL", "LORA"),
    *("TRANSPORT", "LEASE", "WORKER", "TTL", "STATE", "KEY"),
)


@dataclass(frozen=True, slots=True)
class _Listed:
    """What was found."""

    place: Place
    records: list[AnyRecord]
    worker_of: Callable[[AnyRecord], int | None]
    sight: Sight | None
    """With the evidence, if that was asked for."""
    unread: str = ""
    """What this user may not read, in words."""

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        return None if self.sight is None else self.sight.time_to_live(record)

    def judgement(self, record: AnyRecord) -> Judgement | None:
        return None if self.sight is None else self.sight.judgement(record)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    if arguments.what == "workers":
        return workers.run(settings, arguments, clock)
    end_at_once_on_interrupt()
    keep_all()
    listed = asyncio.run(_list(settings, arguments, clock))
    match arguments.output:
        case "json":
            write_lines(json_list(_json(listed, record) for record in listed.records))
        case "name":
            utf8 = speaks_utf8(sys.stdout)
            write_lines(plain_key(record.key, ascii_only=not utf8) for record in listed.records)
        case _:
            write_table(HEADER, (_cells(listed, record) for record in listed.records))
    if not listed.records and arguments.output != "json":
        say_nothing_found(settings, arguments, listed.place.name)
    if listed.unread:
        say(f"not all is listed: {listed.unread}")
        return Exit.NOT_AUTHORISED
    return Exit.DONE


async def _list(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> _Listed:
    wanted = query_of(settings, arguments)
    async with discovered(settings) as discovery:
        place = place_of(discovery)
        if not arguments.liveness:
            records, publishers, unread = await list_with_publishers(discovery, wanted)
            return _Listed(place, records, publishers.worker_of, None, unread)
        sight = await look(discovery, wanted, clock)
        await sight.ask_leases(discovery)
        return _Listed(place, sight.records, sight.cluster.worker_of, sight)


def _json(listed: _Listed, record: AnyRecord) -> str:
    return record_json(
        record, listed.worker_of(record), listed.time_to_live(record), listed.judgement(record)
    )


def _cells(listed: _Listed, record: AnyRecord) -> tuple[str, ...]:
    place, transport, worker = record.id, record.transport, listed.worker_of(record)
    # Who is not told by names is told by the key.
    nameless = place.namespace is None or record.malformed is not None
    asked = listed.sight is not None
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
        life(listed.time_to_live(record)) if asked else "",
        _state(record, listed.judgement(record)),
        plain_key(record.key) if nameless else "",
    )


def _state(record: AnyRecord, judgement: Judgement | None) -> str:
    """The verdict, and if that is a finding why; without evidence what the record itself tells."""
    if judgement is not None:
        verdict = judgement.verdict.value
        found = judgement.verdict in FINDINGS
        return f"{verdict}: {judgement.evidence[0].text}" if found else verdict
    told = [
        f"malformed: {record.malformed}" if record.malformed is not None else "",
        f"conflict: {record.conflict}" if record.conflict is not None else "",
        "expired" if record.expired_at is not None else "",
    ]
    return "; ".join(filter(None, told)) or "listed"
