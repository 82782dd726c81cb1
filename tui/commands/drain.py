"""`dyntop drain`: take a worker out of routing, while its process runs on."""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backends.acts import Condemned
from backends.records import AnyRecord
from backends.store import Misconfigured
from backends.workers import Worker, worker
from tui.commands import described, query, say
from tui.commands.acting import ask, can_ask, describe, exit_code, is_refused, remove, report
from tui.commands.looking import Clock, Sight, look
from tui.complaints import Exit
from tui.opening import discovered
from tui.settings import Settings
from tui.words import SHORT_KIND_NAMES, count

_INSTANCE = re.compile(r"(?:0x)?0*([0-9a-f]{1,16})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was looked at."""

    sight: Sight
    worker: Worker | None
    targets: list[Condemned]
    """Its instances."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock = time.time) -> Exit:
    """Remove a worker's endpoint instances and nothing else; one line of output for each.

    Raises `StoreError`, `OutputFailed`.
    """
    wanted = _instance_id(arguments.instance)
    if wanted is None:
        problem = (
            f"{arguments.instance!r} is no instance id: it is up to 16 hex digits, as "
            "`dyntop list workers` prints it"
        )
        raise Misconfigured("INSTANCE", problem)
    if is_refused(settings, "drain", dry_run=arguments.dry_run):
        return Exit.REFUSED
    found = asyncio.run(_look(settings, wanted, clock))
    place = found.sight.place
    if found.worker is None or not found.targets:
        say(
            f"no endpoint instance of {wanted:x} in {place}{described(settings)}: "
            "`dyntop list workers` prints what there is"
        )
        return Exit.REFUSED
    if arguments.dry_run or not arguments.yes:
        for target in found.targets:
            describe(target, place)
        if stays := _what_stays(found.worker):
            say(f"what stays of {wanted:x}: {stays}")
    if arguments.dry_run:
        report([target.record for target in found.targets], "would remove")
        return Exit.DONE
    if not arguments.yes and not _is_meant(wanted):
        return Exit.REFUSED
    return exit_code(remove(settings, "drain", found.targets))


def _instance_id(text: str) -> int | None:
    """The id (u64) that a person wrote. None: it is none."""
    match = _INSTANCE.fullmatch(text)
    return int(match[1], 16) if match else None


async def _look(settings: Settings, wanted: int, clock: Clock) -> _Found:
    async with discovered(settings) as discovery:
        sight = await look(discovery, query(settings, "endpoints", None, None, None), clock)
        found = worker(sight.cluster, wanted)
        instances: list[AnyRecord] = [] if found is None else [*found.instances]
        sight = replace(sight, records=instances)
        await sight.ask_leases(discovery)
    return _Found(sight, found, [sight.condemned(record) for record in sight.records])


def _is_meant(wanted: int) -> bool:
    """Whether the person at the terminal types the id once more."""
    if not can_ask():
        return False
    if _instance_id(ask(f"Type {wanted:x} to drain it:")) == wanted:
        return True
    say(f"kept {wanted:x}")
    return False


def _what_stays(found: Worker) -> str:
    """What else the worker registered, by number."""
    kinds: Sequence[tuple[str, int]] = [
        (name, sum(record.kind is kind for record in found.records))
        for kind, name in SHORT_KIND_NAMES.items()
        if kind is not found.instances[0].kind
    ]
    return ", ".join(count(number, name) for name, number in kinds if number)
