"""`dyntop unregister --stale`: remove keys that nothing else removes, or no client can use."""

from __future__ import annotations

import argparse
import asyncio
import gc
import time

from backends.aio.timer import LOOP, Timer
from backends.dynamo.queries import Query
from backends.liveness.judge import Verdict
from backends.liveness.renewal_wait import RenewalWait
from backends.liveness.survey import Survey
from backends.removal.removal_targets import RemovalTarget, targets_of
from tui.cli.output import described, query
from tui.cli.shared.other_namespaces import others_beside
from tui.cli.shared.reading import Clock, StoreLabel, acted_on, looked_at
from tui.cli.shared.removing import (
    confirmed,
    describe,
    exit_code,
    remove,
    report,
    warn_irreversible,
)
from tui.cli.shared.surveying import print_waiting, probe_by_default, surveyed
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.text.errors import Exit
from tui.text.format import count
from tui.text.sanitize import plain_key


def run(
    settings: Settings,
    arguments: argparse.Namespace,
    clock: Clock = time.time,
    timer: Timer = LOOP,
) -> Exit:
    """Find stale keys, show the evidence, ask, and remove.

    Nothing stale is `DONE`, not a refusal: the wanted state is a store without stale keys, as for
    `kubectl delete -l` that matches nothing. A named key or worker that does not exist is
    `REFUSED`, since the name may be mistaken.

    Raises `StoreError`, `OutputFailed`.
    """
    gc.disable()  # as `main` does for commands that keep all that they read
    wanted = query(settings, "all", arguments.component, arguments.endpoint, arguments.topic)
    probe = probe_by_default(settings, arguments.probe)
    seen, place = asyncio.run(_look(settings, wanted, probe, clock, timer))
    stale = _stale(seen)
    if not stale:
        beside = "" if seen.cluster.records else others_beside(settings)
        where = f"in {place}{described(settings)}{beside}"
        print_message(f"nothing is stale among {_looked_at(seen)} {where}")
        return Exit.DONE
    warn_irreversible(settings, stale, place)
    if arguments.dry_run:
        for target in stale:
            describe(target, place)
        report([target.record for target in stale], "would remove")
        return Exit.DONE
    chosen = stale
    if not arguments.yes:
        chosen = confirmed(stale, place)
        if chosen:
            # A person may have thought for an hour, and a worker that hung may have come back.
            now, _ = asyncio.run(_look(settings, wanted, probe, clock, timer))
            chosen = _still_stale(chosen, now)
    failures = remove(settings, "clean up", chosen, place, asked=not arguments.yes)
    return exit_code([*failures, *[Exit.REFUSED] * (len(stale) - len(chosen))])


async def _look(
    settings: Settings, wanted: Query, probe: str | None, clock: Clock, timer: Timer
) -> tuple[Survey, StoreLabel]:
    """Return a survey with the evidence that it takes to call a record stale."""
    async with looked_at(settings, probe) as (discovery, probes):
        wait = RenewalWait(print_waiting)
        seen = await surveyed(
            settings,
            discovery,
            probes,
            wanted,
            probe=probe,
            confirm=True,
            wait=wait,
            clock=clock,
            timer=timer,
        )
        place = await acted_on(discovery)
    return seen, place


def _looked_at(seen: Survey) -> str:
    """How many records were looked at, and of how many nothing is known: these may be stale."""
    number = count(len(seen.records), "record")
    unknown = sum(seen.verdict(record) is Verdict.UNKNOWN for record in seen.records)
    if not unknown:
        return number
    return f"{number}, of which {unknown:,} {'is' if unknown == 1 else 'are'} unknown,"


def _stale(seen: Survey) -> list[RemovalTarget]:
    return targets_of(seen, seen.stale())


def _still_stale(chosen: list[RemovalTarget], seen: Survey) -> list[RemovalTarget]:
    """Return the chosen records that are still stale, in the revision that was shown; prints the
    others."""
    now = {target.record.key for target in _stale(seen)}
    there = {record.key: seen.verdict(record) for record in seen.records}
    for target in chosen:
        key = target.record.key
        # What changed or went is told when it comes to removing it.
        if key not in now and key in there:
            print_message(f"kept {plain_key(key)}: it is {there[key]} now")
    return [
        target for target in chosen if target.record.key in now or target.record.key not in there
    ]
