"""`dyntop check`: whether all that is registered is alive; for scripts and monitors."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence

from backends.liveness import FINDINGS, Verdict
from backends.probe.types import Answer, Reading
from backends.records import AnyRecord
from tui.commands import described, end_at_once_on_interrupt, keep_all, query_of, say, write_lines
from tui.commands.looking import Clock, Sight, look
from tui.commands.tables import write_table
from tui.complaints import Exit
from tui.export import json_list, record_json
from tui.opening import opened
from tui.plain import plain, plain_key
from tui.settings import Settings
from tui.words import SHORT_KIND_NAMES, count

HEADER = ("VERDICT", "KIND", "NAME", "ID", "EVIDENCE")


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Print what is not live, with the evidence; `FINDINGS` if there is anything.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    keep_all()
    sight, readings = asyncio.run(_look(settings, arguments, clock))
    found = [record for record in sight.records if sight.verdict(record) in FINDINGS]
    if arguments.output == "json":
        write_lines(json_list(_json(sight, record) for record in found))
    else:
        write_table(HEADER, _rows(sight, found))
    say(f"{_summary(sight, len(found))} in {sight.place}{described(settings)}")
    if untried := [one for one in readings if one.answer is Answer.UNTRIED]:
        first = untried[0]
        addresses = count(len(untried), "address")
        say(f"{addresses} could not be asked: {plain(first.target.address)} {plain(first.text)}")
    return Exit.FINDINGS if found else Exit.DONE


async def _look(
    settings: Settings, arguments: argparse.Namespace, clock: Clock
) -> tuple[Sight, list[Reading]]:
    wanted = query_of(settings, arguments)
    async with opened(settings) as plane:
        sight = await look(plane.discovery, wanted, clock)
        await sight.ask_leases(plane.discovery)
        readings: list[Reading] = []
        if arguments.probe is not None:
            deep = arguments.probe == "deep"
            readings = await sight.probe(plane.probes, sight.records, deep=deep)
    return sight, readings


def _rows(sight: Sight, found: Sequence[AnyRecord]) -> Iterator[tuple[str, ...]]:
    for record in found:
        judgement = sight.judgement(record)
        names = (record.id.path(), record.model_name)
        number = record.id.instance_id
        # Who is not told by names is told by the key.
        nameless = record.id.namespace is None or number is None
        yield (
            judgement.verdict.value,
            SHORT_KIND_NAMES[record.kind],
            plain_key(record.key) if nameless else " ".join(filter(None, names)),
            "" if number is None else f"{number:x}",
            judgement.evidence[0].text,
        )


def _json(sight: Sight, record: AnyRecord) -> str:
    worker = sight.cluster.worker_of(record)
    return record_json(record, worker, sight.time_to_live(record), sight.judgement(record))


def _summary(sight: Sight, found: int) -> str:
    """How it stands, in one clause. What nobody knows is no finding, and not passed over."""
    total = len(sight.records)
    if not total:
        return "nothing found"
    records = count(total, "record")
    unknown = sum(sight.verdict(record) is Verdict.UNKNOWN for record in sight.records)
    if not found and not unknown:
        return f"all {records} are live" if total > 1 else "the one record is live"
    parts = [f"{found:,} of {records} {'is' if found == 1 else 'are'} not live"] if found else []
    if unknown:
        parts.append(f"{unknown:,} of {records} {'is' if unknown == 1 else 'are'} unknown")
    return ", ".join(parts)
