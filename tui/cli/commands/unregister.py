"""`dyntop unregister`: remove keys, each in the revision that was shown or named."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence

import msgspec

from backends.aio.timer import LOOP, Timer
from backends.dynamo import keys
from backends.dynamo.keys import UnspellableKey
from backends.liveness.survey import survey_keys
from backends.removal.removal_targets import RemovalTarget, targets_of
from backends.store import Misconfigured
from tui.cli.commands import unregister_stale
from tui.cli.shared.reading import Clock, StoreLabel, acted_on, looked_at
from tui.cli.shared.removing import (
    confirmed,
    describe,
    exit_code,
    is_refused,
    remove,
    report,
    warn_irreversible,
)
from tui.cli.shared.surveying import DEEP, NEVER, drained_by
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.text.errors import Exit, explain
from tui.text.sanitize import plain_key

STANDARD_INPUT = "-"
"""Stands for the keys that come there: a command line takes 128 KB of one, and 2 MB of all."""


class _Found(msgspec.Struct, frozen=True):
    """The survey."""

    targets: list[RemovalTarget]
    """In the order in which they were named."""
    place: StoreLabel


def run(
    settings: Settings,
    arguments: argparse.Namespace,
    clock: Clock = time.time,
    timer: Timer = LOOP,
) -> Exit:
    """Remove the named keys, or with `--stale` the stale ones, and print one line for each key that
    was removed, or would be. Other outcomes are printed on standard error, and make the exit code
    `REFUSED`.

    Raises `StoreError`, `OutputFailed`.
    """
    _check(arguments)
    if is_refused(settings, "unregister", dry_run=arguments.dry_run):
        return Exit.REFUSED
    if arguments.stale:
        return unregister_stale.run(settings, arguments, clock, timer)
    wanted = _named(arguments)
    if not wanted:
        print_message("no key came on standard input, so there is nothing to remove")
        return Exit.REFUSED
    ours = [key for key in wanted if key.startswith(keys.ROOTS)]
    for key in wanted:
        if key not in ours:
            print_message(
                f"{plain_key(key)} is not of Dynamo's discovery plane (v1/, instances/, models/, "
                "mdc/), so it is left alone: name a key as `dyntop list -o name` prints it"
            )
    probe = None if arguments.probe in (None, NEVER) else arguments.probe
    found = asyncio.run(_look(settings, ours, probe, clock))
    chosen = _in_revision(_named_one_by_one(found.targets, arguments.keys), arguments.revision)
    warn_irreversible(settings, chosen, found.place)
    if arguments.dry_run:
        for target in chosen:
            describe(target, found.place)
        report([target.record for target in chosen], "would remove")
        failures = []
    else:
        chosen = chosen if arguments.yes else confirmed(chosen, found.place)
        failures = remove(settings, "unregister", chosen, found.place, asked=not arguments.yes)
    return exit_code([*failures, *[Exit.REFUSED] * (len(wanted) - len(chosen))])


def _check(arguments: argparse.Namespace) -> None:
    """Raise `Misconfigured` for options that exclude each other."""
    if arguments.stale:
        if arguments.keys:
            raise Misconfigured("--stale", "finds the keys itself: leave KEY out")
        if arguments.revision is not None:
            raise Misconfigured("--revision", "goes with a KEY, and not with --stale")
        return
    if not arguments.keys:
        raise Misconfigured("KEY", "none is named: name the keys to remove, or --stale")
    if STANDARD_INPUT in arguments.keys and not (arguments.yes or arguments.dry_run):
        problem = (
            "- takes the keys from standard input, so the question cannot be answered: "
            "look with --dry-run, then name --yes"
        )
        raise Misconfigured("KEY", problem)
    for name in ("component", "endpoint", "topic"):
        if getattr(arguments, name) is not None:
            raise Misconfigured(f"--{name}", "goes with --stale, and not with a KEY")


def _named(arguments: argparse.Namespace) -> list[bytes]:
    """The keys, each once. Raises `Misconfigured` before anything is done."""
    try:
        wanted = list(dict.fromkeys(keys.unspell(text) for text in _spelled(arguments.keys)))
    except UnspellableKey as error:
        problem = (
            f"{error} has a backslash that begins no escape: write \\\\ for a backslash and \\xNN "
            "for any byte, as `dyntop list -o name` does"
        )
        raise Misconfigured("KEY", problem) from error
    if arguments.revision is not None and len(wanted) > 1:
        raise Misconfigured("--revision", "names the revision of one KEY: give one")
    return wanted


def _spelled(named: Sequence[str]) -> Iterator[str]:
    """The keys as they are named, those on standard input in the place of its sign."""
    for text in named:
        if text == STANDARD_INPUT:
            yield from _lines_of_input()
        else:
            yield text


def _lines_of_input() -> list[str]:
    """The lines of standard input that are not empty."""
    # Closed by the shell (`<&-`): there is no such object then.
    given = b"" if sys.stdin is None else sys.stdin.buffer.read()
    # As arguments are: bytes that are not UTF-8 stay what they are.
    return [line.decode("utf-8", "surrogateescape") for line in given.split(b"\n") if line]


async def _look(
    settings: Settings, wanted: Sequence[bytes], probe: str | None, clock: Clock
) -> _Found:
    """Return the records of the keys; prints each key that does not exist."""
    async with looked_at(settings, probe) as (discovery, probes):
        seen = await survey_keys(
            discovery,
            wanted,
            namespace=settings.namespace,
            probes=probes,
            deep=probe == DEEP,
            drained=await drained_by(settings, discovery),
            clock=clock,
        )
        place = await acted_on(discovery)
        store = discovery.store.name
    there = {record.key for record in seen.records}
    for key in wanted:
        if key not in there:
            print_message(
                f"not found in {place}: {plain_key(key)}; `dyntop list -o name` prints all keys"
            )
    if there and seen.unread:
        print_message(f"not all records of its worker are known: {seen.unread}")
    if seen.leases_unknown is not None:
        print_message(
            f"how long leases have is not known: {explain(seen.leases_unknown, store).sentence}"
        )
    return _Found(targets_of(seen, seen.records), place)


def _named_one_by_one(
    targets: Sequence[RemovalTarget], named: Sequence[str]
) -> list[RemovalTarget]:
    """Return the records that may be removed. A value that cannot be read here could never be put
    back, so its key must be typed: a list on standard input may have every key."""
    typed = {keys.unspell(text) for text in named if text != STANDARD_INPUT}
    chosen = []
    for target in targets:
        record = target.record
        if not record.unread or record.key in typed:
            chosen.append(target)
            continue
        print_message(
            f"kept {plain_key(record.key)}: its value is not known, since {record.unread}, so that "
            "it could not be put back: name it as KEY"
        )
    return chosen


def _in_revision(targets: Sequence[RemovalTarget], revision: str | None) -> list[RemovalTarget]:
    """Those that still have the revision named, if one was."""
    chosen = []
    for target in targets:
        record = target.record
        if revision is None or record.revision == revision:
            chosen.append(target)
            continue
        print_message(
            f"{plain_key(record.key)} changed: it has revision {record.revision} now and not "
            f"{revision}; look at it again"
        )
    return chosen
