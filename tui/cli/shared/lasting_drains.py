"""Take a pod out of discovery by one of its labels, list those that are out, and put them back."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence

from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.liveness.survey import Survey, survey
from backends.removal.lasting_drain import (
    LastingDrain,
    NoLastingDrain,
    plan_lasting_drain,
    pods_taken_out,
)
from backends.removal.outcomes import KeyOutcome
from backends.removal.removal_targets import RemovalTarget, targets_of
from backends.removal.removals import RemovalResult, RestoreResult
from backends.store import Misconfigured, PodLabel
from tui.cli.shared.removing import exit_code
from tui.cli.tables import write_table
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message, write_lines
from tui.session import Session, open_session
from tui.text.consequences import delete_pod_hint, lasting_consequences
from tui.text.errors import Exit, explain
from tui.text.format import count
from tui.text.outcomes import Doing, audit_text, outcome_text
from tui.text.sanitize import plain, plain_key

HEADER = ("POD", "LABEL", "RECORDS", "ACT")
_ACT = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}(\.\d+)?")


def is_act_id(text: str) -> bool:
    """Return whether a text is the id of an act or of an item, and not the name of a pod."""
    return _ACT.fullmatch(text) is not None


# --- draining ------------------------------------------------------------------------------------


def planned(
    settings: Settings, seen: Survey, instances: Sequence[EndpointInstance]
) -> LastingDrain | Exit:
    """Return the lasting drain of the pod of some instances. An exit code: there is none; prints
    why."""
    found = asyncio.run(_plan(settings, seen, instances))
    if isinstance(found, LastingDrain):
        return found
    print_message(plain(f"no drain that lasts: {found.reason}"))
    if found.error is None:
        return Exit.REFUSED
    error = explain(found.error, "kubernetes")
    print_message(error.sentence)
    return error.exit_code


async def _plan(
    settings: Settings, seen: Survey, instances: Sequence[EndpointInstance]
) -> LastingDrain | NoLastingDrain:
    async with open_session(settings) as session:
        return await plan_lasting_drain(session.discovery.store, seen.cluster, instances)


def describe_lasting(drain: LastingDrain) -> None:
    """Print all that a person decides by, on standard error."""
    lines = [f"pod {drain.label.pod_path}", f"  label     {drain.label.text}"]
    lines += [f"  instance  {plain_key(one.key)}" for one in drain.instances]
    lines += [f"  {one}" for one in lasting_consequences(drain)]
    if (owner := drain.record.entry.owner) is not None and (hint := delete_pod_hint(owner)):
        lines.append(f"  {hint}")
    # Without a standard error there is nobody to tell.
    if sys.stderr is not None:
        print("\n".join(map(plain, lines)), file=sys.stderr, flush=True)


def take_out(settings: Settings, drain: LastingDrain, seen: Survey) -> Exit:
    """Take a pod out of discovery, and print the outcome.

    Raises `StoreError`, `OutputFailed`, BrokenPipeError.
    """
    (target,) = targets_of(seen, [drain.record])
    result = asyncio.run(_take_out(settings, target, drain.label))
    if result.id is None and (nothing := audit_text(result)) is not None:
        print_message(nothing)
        return Exit.REFUSED
    try:
        return _reported(result.outcomes, drain.label, "taken out")
    finally:
        if (missing := audit_text(result)) is not None:
            print_message(missing)
        if result.can_be_undone:
            print_message(f"undo with: dyntop restore {result.id or drain.label.pod_path}")


async def _take_out(settings: Settings, target: RemovalTarget, label: PodLabel) -> RemovalResult:
    async with open_session(settings) as session:
        return await session.removals.take_out(target, label)


# --- putting back --------------------------------------------------------------------------------


def list_taken_out(settings: Settings) -> Exit:
    """Print the pods that are out of discovery, each with the act in this machine's audit.

    Raises `Misconfigured` in a store without pods, `StoreError`, `OutputFailed`.
    """
    found, acts = asyncio.run(_taken_out(settings))
    if not found:
        print_message("no pod is taken out of discovery by a label")
        return Exit.DONE
    write_table(
        HEADER,
        [
            (label.pod_path, label.text, f"{records:,}", acts.get(label, ""))
            for label, records in found.items()
        ],
    )
    return Exit.DONE


async def _taken_out(settings: Settings) -> tuple[dict[PodLabel, int], dict[PodLabel, str]]:
    async with open_session(settings) as session:
        store = session.discovery.store
        if store.pod_labels is None:
            raise Misconfigured("ID", f"is missing: {store.name} has no pods to list instead")
        labels = {label: len(its) for label, its in (await _labels_off(session)).items()}
        acts = {label: await session.removals.act_of(label) for label in labels}
    return labels, {label: act.id for label, act in acts.items() if act is not None}


def put_pod_back(settings: Settings, wanted: str, *, dry_run: bool) -> Exit | None:
    """Put the label of a pod back that is out of discovery. `wanted`: its name or `NAMESPACE/NAME`.
    None: the store has no pods.

    Raises `AuditFailed`, `StoreError`, `OutputFailed`.
    """
    done = asyncio.run(_put_pod_back(settings, wanted, dry_run=dry_run))
    if done is None:
        return None
    found, result = done
    if len(found) != 1 or result is None:
        names = [label.pod_path for label in found]
        if names:
            print_message(f"{wanted} names {count(len(names), 'pod')}: {', '.join(names)}")
        else:
            print_message(
                f"{wanted} is no act's id, and no pod of that name is taken out of discovery: "
                "`dyntop restore` lists the pods, `dyntop history` the acts"
            )
        return Exit.REFUSED
    outcomes = result.outcomes if isinstance(result, RestoreResult) else result
    try:
        return _reported(outcomes, found[0], "put back", as_if="would be " if dry_run else "")
    finally:
        if isinstance(result, RestoreResult) and (missing := audit_text(result)) is not None:
            print_message(missing)


async def _put_pod_back(
    settings: Settings, wanted: str, *, dry_run: bool
) -> tuple[list[PodLabel], RestoreResult | Mapping[bytes, KeyOutcome] | None] | None:
    async with open_session(settings) as session:
        if session.discovery.store.pod_labels is None:
            return None
        seen = await survey(session.discovery)
        off = pods_taken_out(seen.records)
        found = [label for label in off if wanted in (label.pod, label.pod_path)]
        if len(found) != 1:
            return found, None
        (label,) = found
        (target,) = targets_of(seen, off[label][:1])
        if dry_run:
            return found, {target.record.key: await session.removals.preview_label(label)}
        return found, await session.removals.put_label_back(target, label)


async def _labels_off(session: Session) -> dict[PodLabel, list[AnyRecord]]:
    return pods_taken_out((await survey(session.discovery)).records)


def _reported(
    outcomes: Mapping[bytes, KeyOutcome], label: PodLabel, doing: Doing, *, as_if: str = ""
) -> Exit:
    """Print the outcome for a pod. Return the exit code."""
    failures = []
    for outcome in outcomes.values():
        text = outcome_text(outcome, doing, "kubernetes")
        if text.exit_code is Exit.DONE:
            write_lines([plain(f"{as_if}{text.what} {label.pod_path} {label.text}")])
        else:
            print_message(plain(f"pod {label.pod_path}: {text.sentence}"))
            failures.append(text.exit_code)
    return exit_code(failures)
