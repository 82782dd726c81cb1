"""`dyntop list workers`: all that each process registered, taken together."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backends import keys
from backends.liveness import Judgement
from backends.store import TimeToLive
from backends.workers import Worker, workers, worst
from tui.commands import (
    end_at_once_on_interrupt,
    keep_all,
    life,
    query_of,
    say_nothing_found,
    write_lines,
)
from tui.commands.looking import Clock, Sight, look
from tui.commands.tables import write_table
from tui.complaints import Exit
from tui.export import as_json, hex_or_none, json_list
from tui.opening import discovered
from tui.settings import Settings

HEADER = (
    *("WORKER", "COMPONENTS", "MODELS", "ENDPOINTS", "CARDS", "LORA", "CHANNELS", "SOURCES"),
    *("OTHERS", "TTL", "STATE"),
)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List the workers of which something matches, each with all that it has in the namespace.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    keep_all()
    sight, found = asyncio.run(_list(settings, arguments, clock))
    match arguments.output:
        case "json":
            write_lines(json_list(_json(one, sight, arguments.liveness) for one in found))
        case "name":
            write_lines(f"{one.id:x}" for one in found)
        case _:
            write_table(HEADER, _rows(found, sight, arguments.liveness))
    if not found and arguments.output != "json":
        say_nothing_found(settings, arguments, sight.place.name)
    return Exit.DONE


async def _list(
    settings: Settings, arguments: argparse.Namespace, clock: Clock
) -> tuple[Sight, list[Worker]]:
    wanted = query_of(settings, arguments)
    async with discovered(settings) as discovery:
        sight = await look(discovery, wanted, clock)
        found = workers(sight.cluster, sight.records)
        if arguments.liveness:
            sight = replace(sight, records=[record for one in found for record in one.records])
            await sight.ask_leases(discovery)
            # One may have ended since.
            found = workers(sight.cluster, sight.records)
    return sight, found


def _json(one: Worker, sight: Sight, asked: bool) -> str:
    """`evidence` is that of the record with the worst verdict."""
    judgement = _worst(one, sight) if asked else None
    ttl = _shortest(one, sight)
    return as_json(
        {
            "worker": hex_or_none(one.id),
            "components": one.components,
            "models": one.models,
            "endpoints": len(one.instances),
            "cards": len(one.cards),
            "adapters": len(one.adapters),
            "channels": len(one.channels),
            "sources": len(one.sources),
            "others": len(one.others),
            "ttl_granted": ttl and ttl.granted,
            "ttl_remaining": ttl and ttl.remaining,
            "verdict": judgement and judgement.verdict.value,
            "evidence": judgement and [piece.text for piece in judgement.evidence],
            "keys": [keys.spell(record.key) for record in one.records],
        }
    )


def _rows(found: Sequence[Worker], sight: Sight, asked: bool) -> Iterator[tuple[str, ...]]:
    for one in found:
        groups = (one.instances, one.cards, one.adapters, one.channels, one.sources, one.others)
        yield (
            f"{one.id:x}",
            ", ".join(one.components),
            ", ".join(one.models),
            *(str(len(group)) for group in groups),
            life(_shortest(one, sight)) if asked else "",
            _worst(one, sight).verdict.value if asked else "",
        )


def _worst(one: Worker, sight: Sight) -> Judgement:
    verdict = worst(sight.verdict(record) for record in one.records)
    record = next(record for record in one.records if sight.verdict(record) is verdict)
    return sight.judgement(record)


def _shortest(one: Worker, sight: Sight) -> TimeToLive | None:
    """Of its lease; where there are none, of the key that ends first."""
    lives = [ttl for record in one.records if (ttl := sight.time_to_live(record)) is not None]
    return min(lives, key=lambda ttl: ttl.remaining, default=None)
