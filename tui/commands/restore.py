"""`dyntop restore`: put back what was removed, byte for byte, under the same lease."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence

from backends.acts import NotFound, Restored, WrongStore
from backends.audit import Act, as_text
from backends.discovery import Discovery
from backends.store import Entry, Misconfigured, PutBack, StoreError, Unreachable
from tui.commands import say, speaks_utf8, write_lines
from tui.commands.acting import exit_code, is_left_open, is_refused
from tui.commands.trail import audit_at
from tui.complaints import Exit, explain
from tui.opening import opened
from tui.plain import plain_key
from tui.settings import Settings

PUT_BACK = "put back"
_WHY_NOT = {
    PutBack.THERE: "kept: a key of that name is there",
    PutBack.LEASE_GONE: "not possible: its lease has ended",
}


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Put back an act, or one item of it; one line of output for each key that was put back.

    What was not put back is told on standard error, and makes the exit code `REFUSED`.

    Raises `RestoreRefused`, `AuditFailed`, `StoreError`, `OutputFailed`.
    """
    if is_refused(settings, "restore", dry_run=arguments.dry_run):
        return Exit.REFUSED
    if settings.audit is None:
        raise Misconfigured("--no-audit", "leaves nothing to put back from: leave it out")
    if arguments.dry_run:
        act = _found(settings, arguments.id)
        store, outcomes = asyncio.run(_foreseen(settings, act))
        return _told(act, outcomes, store, f"would be {PUT_BACK}")
    store, restored = asyncio.run(_restore(settings, arguments.id))
    code = _told(restored.act, restored.outcomes, store, PUT_BACK)
    if (problem := restored.audit_problem) is not None:
        say(f"what came of it could not be written down ({problem.path}: {problem.reason})")
    return code


async def _restore(settings: Settings, wanted: str) -> tuple[str, Restored]:
    async with opened(settings) as plane:
        return plane.discovery.store.name, await plane.acts.restore(wanted)


def _found(settings: Settings, wanted: str) -> Act:
    """Raises `NotFound`, `AuditFailed`."""
    assert settings.audit is not None
    act = audit_at(settings.audit).find(wanted)
    if act is None:
        raise NotFound(wanted)
    return act


async def _foreseen(settings: Settings, act: Act) -> tuple[str, dict[bytes, PutBack | StoreError]]:
    """What would come of putting an act back now. Raises `WrongStore`, `StoreError`."""
    async with opened(settings) as plane:
        store = plane.discovery.store
        here = (store.name, as_text(store.address))
        if here != (act.store, act.address):
            raise WrongStore((act.store, act.address), here)
        entries = [item.entry for item in act.items if item.may_be_removed]
        return store.name, await _outcomes(plane.discovery, entries)


async def _outcomes(
    discovery: Discovery, entries: Sequence[Entry]
) -> dict[bytes, PutBack | StoreError]:
    there = await discovery.store.get([entry.key for entry in entries])
    leased = [entry for entry in entries if entry.lease is not None and entry.key not in there]
    lives = await discovery.store.time_to_live(leased)
    outcomes: dict[bytes, PutBack | StoreError] = {}
    for entry in entries:
        life = lives.get(entry.key)
        if entry.key in there:
            outcomes[entry.key] = PutBack.THERE
        elif life is not None and life.granted is None:
            outcomes[entry.key] = PutBack.LEASE_GONE
        else:
            outcomes[entry.key] = PutBack.DONE
    return outcomes


def _told(act: Act, outcomes: Mapping[bytes, PutBack | StoreError], store: str, done: str) -> Exit:
    """Tells what came of each key; returns the exit code."""
    if not outcomes:
        say(f"nothing was removed by {act.id}, so there is nothing to put back")
        return Exit.REFUSED
    failures: list[Exit] = []
    lost: Unreachable | None = None
    utf8 = speaks_utf8(sys.stdout)
    for key, outcome in outcomes.items():
        name = plain_key(key)
        if outcome is PutBack.DONE:
            write_lines([f"{done} {plain_key(key, ascii_only=not utf8)}"])
        elif isinstance(outcome, PutBack):
            say(f"{name}: {_WHY_NOT[outcome]}")
            failures.append(Exit.REFUSED)
        elif isinstance(outcome, Unreachable):
            # Why is said once for all keys.
            lost = outcome
            known = "not known whether it was put back" if is_left_open(outcome) else "not put back"
            say(f"{name}: {known}")
            failures.append(Exit.UNREACHABLE)
        else:
            complaint = explain(outcome, store)
            say(f"{name}: not put back: {complaint.sentence}")
            failures.append(complaint.exit_code)
    if lost is not None:
        say(explain(lost, store).sentence)
    return exit_code(failures)
