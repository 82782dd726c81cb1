"""`dyntop restore`: put back removed keys, byte for byte, under the same lease, and the labels of
pods."""

from __future__ import annotations

import argparse
import asyncio

from backends.removal.removals import RestoreResult
from backends.store import Forbidden, Misconfigured
from tui.cli.shared.lasting_drains import is_act_id, list_taken_out, put_pod_back
from tui.cli.shared.removing import exit_code, is_refused, report_outcomes
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.session import open_session
from tui.text.errors import Exit
from tui.text.outcomes import audit_text


def run(settings: Settings, arguments: argparse.Namespace) -> Exit:
    """Put back an operation, or one item of it, and print one line for each key that was put back.
    Given a pod's name, put its label back; given nothing, list the pods whose label is off.
    Other outcomes are printed on standard error, and make the exit code `REFUSED`.

    Raises `RestoreRefused`, `AuditFailed`, `StoreError`, `OutputFailed`.
    """
    if is_refused(settings, "restore", dry_run=arguments.dry_run):
        return Exit.REFUSED
    wanted: str | None = arguments.id
    if wanted is None:
        return list_taken_out(settings)
    if not is_act_id(wanted):
        ended = put_pod_back(settings, wanted, dry_run=arguments.dry_run)
        if ended is not None:
            return ended
    if settings.audit is None:
        raise Misconfigured("--no-audit", "leaves nothing to put back from: leave it out")
    restore = _foresee if arguments.dry_run else _restore
    store, restored = asyncio.run(restore(settings, wanted))
    if not restored.outcomes:
        print_message(f"nothing was removed by {restored.act.id}, so there is nothing to put back")
        return Exit.REFUSED
    as_if = "would be " if arguments.dry_run else ""
    try:
        failures = report_outcomes(
            restored.outcomes, "put back", store, as_if=as_if, names=_pods(restored)
        )
    finally:
        # Also where standard output cannot take any more.
        if (missing := audit_text(restored)) is not None:
            print_message(missing)
    return exit_code(failures)


async def _restore(settings: Settings, wanted: str) -> tuple[str, RestoreResult]:
    async with open_session(settings) as session:
        act = await session.removals.find(wanted)
        if any(item.label is None for item in act.items):
            if why := await session.discovery.read_only():
                raise Forbidden(session.discovery.store.address, why)
            for one in await session.discovery.no_puts():
                print_message(f"puts are refused now: {one.reason}")
        return session.discovery.store.name, await session.removals.restore(wanted)


async def _foresee(settings: Settings, wanted: str) -> tuple[str, RestoreResult]:
    async with open_session(settings) as session:
        return session.discovery.store.name, await session.removals.preview(wanted)


def _pods(restored: RestoreResult) -> dict[bytes, str]:
    """Return the pod and label of each item that is one, by the item's key."""
    labels = {item.entry.key: item.label for item in restored.act.items}
    return {key: f"{one.pod_path} {one.text}" for key, one in labels.items() if one is not None}
