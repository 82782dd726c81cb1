"""`dyntop list workers`: all that each process registered, taken together."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo import keys
from backends.dynamo.records import AnyRecord
from backends.liveness.survey import Survey, read_once
from backends.liveness.workers import Worker, workers
from tui.cli.columns import Layout
from tui.cli.output import (
    STRUCTURED,
    print_not_found,
    print_nothing_found,
    query_of,
    write_objects,
)
from tui.cli.shared.matching import NameFilter
from tui.cli.shared.other_namespaces import others_beside
from tui.cli.shared.past import check_options, past_note, print_past
from tui.cli.shared.reading import Clock, StoreLabel, looked_at, place_of
from tui.cli.shared.surveying import surveyed
from tui.cli.shared.worker_columns import COLUMNS, LookedAtWorkers
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, write_lines
from tui.text.errors import Exit
from tui.text.evidence import exported_evidence
from tui.text.json_export import as_json, hex_or_none


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """List the workers of which something matches, each with all that it has in the namespace.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    layout = Layout(COLUMNS, arguments)
    check_options(arguments, layout.needs_evidence)
    arguments.liveness |= bool(layout.needs_evidence)
    by_name = NameFilter(arguments.names)
    seen, found, place, note = asyncio.run(_list(settings, arguments, by_name, clock))
    look = LookedAtWorkers(seen, asked=arguments.liveness)
    found = layout.in_order(look, found)
    match arguments.output:
        case "json" | "ndjson" | "yaml":
            write_objects(arguments.output, (worker_json(one, look) for one in found))
        case "name":
            write_lines(f"{one.id:x}" for one in found)
        case _:
            layout.write(look, found)
    if not found and arguments.output not in STRUCTURED and not arguments.names:
        beside = "" if arguments.revision is not None else others_beside(settings)
        print_nothing_found(settings, arguments, place.name, beside)
    elif arguments.output not in STRUCTURED:
        print_past(place.name, note)
    return print_not_found(settings, by_name.missing, place.name)


async def _list(
    settings: Settings, arguments: argparse.Namespace, by_name: NameFilter, clock: Clock
) -> tuple[Survey, list[Worker], StoreLabel, str]:
    wanted = query_of(settings, arguments)
    async with looked_at(settings, arguments.probe) as (discovery, probes):
        revision = arguments.revision
        place = place_of(discovery, revision)
        note = await past_note(discovery, revision)
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
            seen = await read_once(
                discovery, wanted, choose=by_name, revision=revision, clock=clock
            )
    return seen, workers(seen.cluster, seen.records), place, note


def _of_workers(cluster: Cluster, matching: Sequence[AnyRecord]) -> list[AnyRecord]:
    """Return all records of the workers that have a matching one."""
    return [record for one in workers(cluster, matching) for record in one.records]


def worker_json(one: Worker, look: LookedAtWorkers) -> str:
    """Return a process as one line of JSON. `evidence` is that of the record with the worst
    verdict, if leases were checked."""
    assessment, ttl = look.worst(one), look.shortest(one)
    return as_json(
        {
            "worker": hex_or_none(one.id),
            "role": one.role.value,
            "left_behind": look.is_left_behind(one),
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
