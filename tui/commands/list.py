"""`dyntop list`: what is registered now, as a table, as JSON, or as keys."""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import sys
from collections.abc import Iterable, Iterator

from backends.records import AnyRecord
from backends.store import TimeToLive
from tui.commands import (
    described,
    end_at_once_on_interrupt,
    query,
    say,
    speaks_utf8,
    write_lines,
)
from tui.complaints import Exit
from tui.export import record_json
from tui.opening import opened
from tui.plain import clip, plain_key, width
from tui.settings import Settings
from tui.words import LISTED

WIDEST_CELL = 72
"""Columns that one cell of the table takes at most: a name may be 100 KB long. JSON and `-o name`
have it in full."""


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """List, and print. Raises `StoreError`, `OutputFailed`, BrokenPipeError."""
    end_at_once_on_interrupt()
    # Tens of thousands of records are made, none is dropped before the end: searching them for
    # garbage again and again would be a fifth of the time.
    gc.disable()
    records, lives, where = asyncio.run(_list(settings, arguments))
    match arguments.output:
        case "json":
            write_lines(_json(records, lives))
        case "name":
            utf8 = speaks_utf8(sys.stdout)
            write_lines(plain_key(record.key, ascii_only=not utf8) for record in records)
        case _ if records:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")
            write_lines(_table(records, lives if arguments.liveness else None))
    if not records and arguments.output != "json":
        what = "nothing" if arguments.what == "all" else f"no {arguments.what}"
        named = ("component", "endpoint", "topic")
        filters = [
            f", {name} {text}" for name in named if (text := getattr(arguments, name)) is not None
        ]
        say(f"{what} found in {where}{described(settings)}{''.join(filters)}")
    return Exit.DONE


async def _list(
    settings: Settings, arguments: argparse.Namespace
) -> tuple[list[AnyRecord], dict[bytes, TimeToLive], str]:
    wanted = query(
        settings, arguments.what, arguments.component, arguments.endpoint, arguments.topic
    )
    async with opened(settings) as plane:
        records = await plane.list(wanted)
        lives = await plane.time_to_live(records) if arguments.liveness else {}
        return records, lives, f"{plane.store.name} ({plane.store.address})"


def _json(records: list[AnyRecord], lives: dict[bytes, TimeToLive]) -> Iterator[str]:
    """A JSON list, one object a line, made while it is written."""
    if not records:
        yield "[]"
        return
    for number, record in enumerate(records):
        start = "," if number else "["
        end = "]" if number == len(records) - 1 else ""
        yield start + record_json(record, lives.get(record.key)) + end


def _table(records: list[AnyRecord], lives: dict[bytes, TimeToLive] | None) -> Iterator[str]:
    """Aligned columns under a header; a column in which nothing stands is left out."""
    header = (
        *("KIND", "NAMESPACE", "COMPONENT", "ENDPOINT", "TOPIC", "ID", "MODEL", "LORA"),
        *("TRANSPORT", "LEASE", "TTL", "STATE", "KEY"),
    )
    rows = [[clip(cell, WIDEST_CELL) for cell in _cells(record, lives)] for record in records]
    shown = [column for column in range(len(header)) if any(row[column] for row in rows)]
    table = [[header[column] for column in shown]]
    table += [[row[column] for column in shown] for row in rows]
    widths = [max(map(width, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(_padded(row, widths)).rstrip()


def _padded(row: list[str], widths: list[int]) -> Iterable[str]:
    for cell, columns in zip(row, widths, strict=True):
        yield cell + " " * (columns - width(cell))


def _cells(record: AnyRecord, lives: dict[bytes, TimeToLive] | None) -> tuple[str, ...]:
    place, transport = record.id, record.transport
    # Who is not told by names is told by the key.
    nameless = place.namespace is None or record.malformed is not None
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
        "" if lives is None else _life(lives.get(record.key)),
        _state(record),
        plain_key(record.key) if nameless else "",
    )


def _life(ttl: TimeToLive | None) -> str:
    """Seconds left, and granted."""
    if ttl is None:
        return "none"
    return "over" if ttl.granted is None else f"{ttl.remaining:.0f}/{ttl.granted:.0f}s"


def _state(record: AnyRecord) -> str:
    found = [
        f"malformed: {record.malformed}" if record.malformed is not None else "",
        f"conflict: {record.conflict}" if record.conflict is not None else "",
        "expired" if record.expired_at is not None else "",
    ]
    return "; ".join(filter(None, found)) or LISTED.word
