"""`dyntop unregister --stale`: remove what nothing else will remove, or nobody can use."""

from __future__ import annotations

import argparse
import asyncio
import time

from backends.acts import Condemned
from backends.liveness import Verdict
from backends.queries import Query
from backends.verdicts import CONFIRMED
from tui.commands import described, keep_all, query, say
from tui.commands.acting import agreed, describe, exit_code, remove, report
from tui.commands.looking import Clock, Sight, look
from tui.complaints import Exit
from tui.opening import opened
from tui.plain import plain_key
from tui.settings import Settings
from tui.words import count


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Find what is stale, show why, ask, and remove; nothing stale is `DONE`.

    Raises `StoreError`, `OutputFailed`.
    """
    keep_all()
    wanted = query(settings, "all", arguments.component, arguments.endpoint, arguments.topic)
    sight = asyncio.run(_look(settings, wanted, clock))
    stale = _stale(sight)
    if not stale:
        looked_at = count(len(sight.records), "record")
        say(f"nothing is stale among {looked_at} in {sight.place}{described(settings)}")
        return Exit.DONE
    if arguments.dry_run:
        for target in stale:
            describe(target, sight.place)
        report([target.record for target in stale], "would remove")
        return Exit.DONE
    chosen = stale
    if not arguments.yes:
        chosen = agreed(stale, sight.place)
        if chosen:
            # A person may have thought for an hour, and a worker that hung may have come back.
            chosen = _still_stale(chosen, asyncio.run(_look(settings, wanted, clock)))
    failures = remove(settings, "clean up", chosen)
    return exit_code([*failures, *[Exit.REFUSED] * (len(stale) - len(chosen))])


async def _look(settings: Settings, wanted: Query, clock: Clock) -> Sight:
    """What is there, with the evidence that it takes to call it stale."""
    async with opened(settings) as plane:
        sight = await look(plane.discovery, wanted, clock)
        await sight.ask_leases(plane.discovery)
        if sight.place.has_leases or not sight.place.is_kept_alive:
            # What does not answer is stale only where nothing will ever remove it.
            unleased = [record for record in sight.records if record.lease is None]
            await sight.probe(plane.probes, unleased, deep=False)
            failed = [one for one in unleased if sight.verdict(one) is Verdict.UNREACHABLE]
            if failed:
                # A network has bad moments: once is not enough.
                await asyncio.sleep(CONFIRMED)
                await sight.probe(plane.probes, failed, deep=False)
    return sight


def _stale(sight: Sight) -> list[Condemned]:
    return [sight.condemned(record) for record in sight.records if sight.verdicts.is_stale(record)]


def _still_stale(chosen: list[Condemned], sight: Sight) -> list[Condemned]:
    """Those that are stale now, too, in the revision that was shown; says which are not."""
    now = {target.record.key for target in _stale(sight)}
    there = {record.key: sight.verdict(record) for record in sight.records}
    for target in chosen:
        key = target.record.key
        # What changed or went is told when it comes to removing it.
        if key not in now and key in there:
            say(f"kept {plain_key(key)}: it is {there[key]} now")
    return [
        target for target in chosen if target.record.key in now or target.record.key not in there
    ]
