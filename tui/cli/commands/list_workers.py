"""`dyntop list workers`: all that each process registered, taken together."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo import keys
from backends.dynamo.records import AnyRecord
from backends.dynamo.roles import Role
from backends.liveness.evidence import Assessment
from backends.liveness.survey import Survey, read_once
from backends.liveness.workers import Worker, workers, worst
from backends.store import TimeToLive
from tui.cli.output import print_not_found, print_nothing_found, query_of, ttl_cell
from tui.cli.shared.matching import NameFilter
from tui.cli.shared.other_namespaces import namespaces_beside
from tui.cli.shared.reading import Clock, StoreLabel, looked_at, place_of
from tui.cli.shared.surveying import surveyed
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, write_lines
from tui.text.errors import Exit
from tui.text.evidence import exported_evidence
from tui.text.format import LEFT_BEHIND
from tui.text.json_export import as_json, hex_or_none, json_list

HEADER = (
    *("WORKER", "ROLE", "LEASE", "COMPONENTS", "MODELS", "ENDPOINTS", "CARDS", "LORA", "CHANNELS"),
    *("SOURCES", "OTHERS", "RANKS", "TTL", "STATE"),
)


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List the workers of which something matches, each with all that it has in the namespace.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    by_name = NameFilter(arguments.names)
    seen, found, place = asyncio.run(_list(settings, arguments, by_name, clock))
    match arguments.output:
        case "json":
            write_lines(
                json_list(worker_json(one, seen, asked=arguments.liveness) for one in found)
            )
        case "name":
            write_lines(f"{one.id:x}" for one in found)
        case _:
            write_table(HEADER, _rows(found, seen, arguments.liveness))
    if not found and arguments.output != "json" and not arguments.names:
        print_nothing_found(settings, arguments, place.name, namespaces_beside(settings))
    return print_not_found(settings, by_name.missing, place.name)


async def _list(
    settings: Settings, arguments: argparse.Namespace, by_name: NameFilter, clock: Clock
) -> tuple[Survey, list[Worker], StoreLabel]:
    wanted = query_of(settings, arguments)
    async with looked_at(settings, arguments.probe) as (discovery, probes):
        place = place_of(discovery)
        if arguments.liveness:
            seen = await surveyed(
                settings,
                discovery,
                probes,
                wanted,
                probe=arguments.probe,
                choose=lambda cluster, matching: _of_workers(cluster, by_name(cluster, matching)),
                clock=clock,
            )
        else:
            seen = await read_once(discovery, wanted, choose=by_name, clock=clock)
    return seen, workers(seen.cluster, seen.records), place


def _of_workers(cluster: Cluster, matching: Sequence[AnyRecord]) -> list[AnyRecord]:
    """Return all records of the workers that have a matching one."""
    return [record for one in workers(cluster, matching) for record in one.records]


def worker_json(one: Worker, seen: Survey, *, asked: bool) -> str:
    """Return a process as one line of JSON. `evidence` is that of the record with the worst
    verdict, if it was `asked` for."""
    assessment = _worst(one, seen) if asked else None
    ttl = _shortest(one, seen)
    return as_json(
        {
            "worker": hex_or_none(one.id),
            "role": one.role.value,
            "left_behind": one.id in seen.verdicts.left_behind,
            "instance_ids": [hex_or_none(number) for number in one.instance_ids],
            "leases": [hex_or_none(number) for number in one.leases],
            "ranks": one.ranks,
            "components": one.components,
            "models": one.models,
            "endpoints": len(one.served),
            "cards": len(one.cards),
            "adapters": len(one.adapters),
            "channels": len(one.channels),
            "sources": len(one.sources),
            "others": len(one.others),
            "ttl_granted": ttl and ttl.granted,
            "ttl_remaining": ttl and ttl.remaining,
            "verdict": assessment and assessment.verdict.value,
            "evidence": assessment and [piece.text for piece in assessment.evidence],
            "evidence_data": assessment and exported_evidence(assessment.evidence),
            "keys": [keys.spell(record.key) for record in one.records],
        }
    )


def _rows(found: Sequence[Worker], seen: Survey, asked: bool) -> Iterator[tuple[str, ...]]:
    for one in found:
        groups = (one.served, one.cards, one.adapters, one.channels, one.sources, one.others)
        yield (
            ", ".join(f"{number:x}" for number in one.instance_ids) or f"{one.id:x}",
            _role(one, seen),
            # Most often it is the id.
            "" if one.leases == one.instance_ids else ", ".join(f"{id:x}" for id in one.leases),
            ", ".join(one.components),
            ", ".join(one.models),
            *(str(len(group)) for group in groups),
            f"{one.ranks}" if one.ranks > 1 else "",
            ttl_cell(_shortest(one, seen)) if asked else "",
            _worst(one, seen).verdict.value if asked else "",
        )


def _role(one: Worker, seen: Survey) -> str:
    """Return the role of a process that is no worker, or that it is left behind."""
    role = "" if one.role is Role.WORKER else one.role.value
    left = LEFT_BEHIND if one.id in seen.verdicts.left_behind else ""
    return ", ".join(filter(None, (left, role)))


def _worst(one: Worker, seen: Survey) -> Assessment:
    verdict = worst(seen.verdict(record) for record in one.records)
    record = next(record for record in one.records if seen.verdict(record) is verdict)
    return seen.assessment(record)


def _shortest(one: Worker, seen: Survey) -> TimeToLive | None:
    """Return the TTL of its lease; without leases, of the key that expires first."""
    ttls = [ttl for record in one.records if (ttl := seen.time_to_live(record)) is not None]
    return min(ttls, key=lambda ttl: ttl.remaining, default=None)
