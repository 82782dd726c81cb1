"""`dyntop unregister`: remove keys, each in the revision that was shown or named.

Looking, asking and removing are three steps on their own: a person may think for an hour, and
the revision that was shown is what guards the key meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from backends import keys
from backends.keys import UnspellableKey
from backends.reading import read
from backends.records import AnyRecord
from backends.store import Cause, Misconfigured, Removal, StoreError, Unreachable
from tui.commands import say, speaks_utf8, write_lines
from tui.complaints import Exit, explain
from tui.consequences import consequences, still_routed
from tui.opening import opened
from tui.plain import plain, plain_key
from tui.settings import Settings


@dataclass(frozen=True, slots=True)
class _Found:
    """What was looked at."""

    records: list[AnyRecord]
    """In the order in which they were named."""
    store: str
    """Name and address."""


@dataclass(slots=True)
class _Outcome:
    """What came of it."""

    done: int = 0
    """Keys removed."""
    failure: Exit = Exit.REFUSED
    """The exit code if that is not all of them."""


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Remove what is named; one line of output for each key that was removed, or would be.

    What was not removed is told on standard error, and makes the exit code `REFUSED`.

    Raises `StoreError`, `OutputFailed`.
    """
    if settings.read_only and not arguments.dry_run:
        say(
            "nothing is removed under --read-only (or DYNTOP_READ_ONLY): leave it out to unregister"
        )
        return Exit.REFUSED
    if settings.demo:
        say(
            "--demo lives in each process's own memory, so there is nothing to unregister: start it"
        )
        return Exit.REFUSED
    wanted = _named(arguments)
    ours = [key for key in wanted if key.startswith(keys.ROOTS)]
    for key in wanted:
        if key not in ours:
            say(
                f"{plain_key(key)} is not of Dynamo's discovery plane (v1/, instances/, models/, "
                "mdc/), so it is left alone: name a key as `dyntop list -o name` prints it"
            )
    found = asyncio.run(_look(settings, ours))
    chosen = _in_revision(found, arguments.revision)
    if arguments.dry_run:
        for record in chosen:
            _describe(record, found.store)
        _report(chosen, "would remove")
        outcome = _Outcome(len(chosen))
    else:
        agreed = chosen if arguments.yes else _agreed(chosen, found.store)
        outcome = asyncio.run(_remove(settings, agreed)) if agreed else _Outcome()
    return outcome.failure if outcome.done < len(wanted) else Exit.DONE


def _named(arguments: argparse.Namespace) -> list[bytes]:
    """The keys, each once. Raises `Misconfigured` before anything is done."""
    try:
        wanted = list(dict.fromkeys(keys.unspell(text) for text in arguments.keys))
    except UnspellableKey as error:
        problem = (
            f"{error} has a backslash that begins no escape: write \\\\ for a backslash and \\xNN "
            "for any byte, as `dyntop list -o name` does"
        )
        raise Misconfigured("KEY", problem) from error
    if arguments.revision is not None and len(wanted) > 1:
        raise Misconfigured("--revision", "names the revision of one KEY: give one")
    return wanted


async def _look(settings: Settings, wanted: Sequence[bytes]) -> _Found:
    """What is at the keys now; says of each that is not there that it is not."""
    async with opened(settings) as plane:
        store = f"{plane.store.name} ({plane.store.address})"
        entries = await plane.store.get(wanted)
    for key in wanted:
        if key not in entries:
            say(
                f"not found in {store}: {plain_key(key)}; "
                "`dyntop list -o name` prints what there is"
            )
    return _Found([read(entries[key]) for key in wanted if key in entries], store)


def _in_revision(found: _Found, revision: str | None) -> list[AnyRecord]:
    """Those that still have the revision named, if one was."""
    for record in found.records:
        if revision is not None and record.revision != revision:
            say(
                f"{plain_key(record.key)} changed: it has revision {record.revision} now and not "
                f"{revision}; look at it again"
            )
    return [r for r in found.records if revision is None or r.revision == revision]


def _agreed(records: Sequence[AnyRecord], store: str) -> list[AnyRecord]:
    """Those that the person at the terminal says yes to, one by one."""
    if not records:
        return []
    if sys.stdin is None or not sys.stdin.isatty():
        say("there is no terminal to ask at: name --yes to remove without a question")
        return []
    agreed = []
    for record in records:
        _describe(record, store)
        print("Remove it? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            agreed.append(record)
        else:
            say(f"kept {plain_key(record.key)}")
    return agreed


async def _remove(settings: Settings, records: Sequence[AnyRecord]) -> _Outcome:
    """Remove each record in its revision.

    Raises `Unreachable` where the store is lost: nothing more can be tried then.
    """
    outcome = _Outcome()
    async with opened(settings) as plane:
        for record in records:
            key = plain_key(record.key)
            try:
                removal = await plane.unregister(record)
            except Unreachable as error:
                if error.cause in (Cause.TIMEOUT, Cause.LOST):
                    say(f"not known whether {key} was removed: look with `dyntop list`")
                raise
            except StoreError as error:
                complaint = explain(error, plane.store.name)
                say(f"kept {key}: {complaint.sentence}")
                outcome.failure = complaint.exit_code
                continue
            match removal:
                case Removal.REMOVED:
                    outcome.done += 1
                    # Told at once: what comes next may fail.
                    _report([record], "removed")
                    if record.conflict is not None:
                        say(f"{key}: {still_routed(record)}")
                case Removal.CHANGED:
                    say(f"kept {key}: it changed since it was looked at; look at it again")
                case Removal.GONE:
                    say(f"{key} was gone already")
    return outcome


def _report(records: Sequence[AnyRecord], outcome: str) -> None:
    utf8 = speaks_utf8(sys.stdout)
    write_lines(f"{outcome} {plain_key(record.key, ascii_only=not utf8)}" for record in records)


def _describe(record: AnyRecord, store: str) -> None:
    """Everything that a person decides by, on standard error."""
    lease = "none" if record.lease is None else f"{record.lease:x}"
    lines = [
        plain_key(record.key),
        f"  {record.kind.value} {plain(record.model_name or '')}".rstrip(),
        f"  store     {plain(store)}",
        f"  revision  {plain(record.revision)}",
        f"  lease     {lease}",
        *(f"  {plain(sentence)}" for sentence in consequences(record)),
    ]
    print("\n".join(lines), file=sys.stderr, flush=True)
