"""Refuse, ask, remove and report, for all commands that remove.

Survey, question and removal are three separate steps: the user may think for an hour, and the
revision that was shown guards the key meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from backends.dynamo.records import AnyRecord
from backends.liveness.judge import Verdict
from backends.removal.audit.operation import OperationKind
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget
from backends.store import NoPuts
from tui.cli.shared.audit_file import audit_at
from tui.cli.shared.reading import StoreLabel
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message, speaks_utf8, write_lines
from tui.session import open_session
from tui.text.consequences import as_clause, consequences, still_routed
from tui.text.errors import Exit, cannot_write_down
from tui.text.irreversible import cannot_be_undone, why_lost
from tui.text.outcomes import Doing, audit_text, outcome_text
from tui.text.sanitize import plain, plain_key


def is_refused(settings: Settings, verb: str, *, dry_run: bool = False) -> bool:
    """Return whether changes are refused here; prints so. `verb`: the refused action."""
    if settings.read_only and not dry_run:
        print_message(
            "nothing is changed under --read-only, DYNTOP_READ_ONLY or a read-only context: "
            f"leave it out to {verb}"
        )
        return True
    if settings.demo:
        print_message(
            f"--demo lives in each process's own memory, so there is nothing to {verb}: start it"
        )
        return True
    # To put something back, it is enough that the audit can be read.
    if dry_run or verb == "restore" or settings.audit is None:
        return False
    if (problem := audit_at(settings.audit).problem()) is not None:
        print_message(cannot_write_down(problem))
    return problem is not None


def can_ask() -> bool:
    """Return whether standard input is a terminal; prints so if not."""
    if sys.stdin is not None and sys.stdin.isatty():
        return True
    print_message("standard input is not a terminal: pass --yes to remove without asking")
    return False


def ask(question: str) -> str:
    """Return the user's answer without blanks around it; empty at the end of input."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def confirmed(targets: Sequence[RemovalTarget], place: StoreLabel) -> list[RemovalTarget]:
    """Return the targets that the user confirms, one by one."""
    if not targets or place.read_only or not can_ask():
        return []
    chosen = []
    for target in targets:
        describe(target, place)
        if ask("Remove it? [y/N]").lower() in ("y", "yes"):
            chosen.append(target)
        else:
            print_message(f"kept {plain_key(target.record.key)}")
    return chosen


def describe(target: RemovalTarget, place: StoreLabel) -> None:
    """Everything that a person decides by, on standard error."""
    record = target.record
    lease = "none" if record.lease is None else f"{record.lease:x}"
    follows = consequences(
        record,
        verdict=Verdict(target.verdict),
        lifetime=place.lifetime,
    )
    lines = [
        plain_key(record.key),
        f"  {record.kind.value} {plain(record.model_name or '')}".rstrip(),
        f"  store     {plain(place.name)}",
        f"  revision  {plain(record.revision)}",
        f"  lease     {lease}",
        f"  verdict   {target.verdict}",
        *(f"  evidence  {plain(sentence)}" for sentence in target.evidence),
        *(f"  {plain(sentence)}" for sentence in follows),
    ]
    if (lost := why_lost(record, lease_gone=_lease_is_gone(target))) is not None:
        lines.append(plain(f"  This cannot be undone: {lost}."))
    # Without a standard error there is nobody to tell.
    if sys.stderr is not None:
        print("\n".join(lines), file=sys.stderr, flush=True)


def warn_irreversible(
    settings: Settings, targets: Sequence[RemovalTarget], place: StoreLabel
) -> None:
    """Print beforehand why nothing can be removed, or which removals could not be undone."""
    if not targets:
        return
    if place.read_only:
        print_message(f"nothing can be removed: {plain(place.read_only)}")
        return
    by_key = {target.record.key: target for target in targets}
    for sentence in cannot_be_undone(
        [target.record for target in targets],
        place.no_puts,
        lambda record: _lease_is_gone(by_key[record.key]),
    ):
        print_message(as_clause(sentence))
    if settings.audit is None:
        print_message("this cannot be undone: under --no-audit nothing is written down")


def _lease_is_gone(target: RemovalTarget) -> bool:
    """Return whether the lease that it hangs on is known to be gone: nothing else expires or
    orphans it there."""
    return target.record.lease is not None and target.verdict in (
        Verdict.EXPIRED,
        Verdict.ORPHANED,
    )


def report(records: Iterable[AnyRecord], outcome: str) -> None:
    """Yield a line of output for each record."""
    utf8 = speaks_utf8(sys.stdout)
    write_lines(f"{outcome} {plain_key(record.key, ascii_only=not utf8)}" for record in records)


def remove(
    settings: Settings,
    kind: OperationKind,
    targets: Sequence[RemovalTarget],
    place: StoreLabel,
    *,
    asked: bool,
) -> list[Exit]:
    """Remove all in one operation, and print each outcome. Returns an exit code for each failure.

    `asked`: whether the user confirmed it, with the store as in `place`. If puts are refused only
    since then, nothing is removed: the answer was to another question.

    Raises `Misconfigured`, `OutputFailed`, BrokenPipeError.
    """
    if not targets:
        return []
    if place.read_only:
        return [Exit.REFUSED] * len(targets)
    try:
        return asyncio.run(_remove(settings, kind, targets, place.no_puts, asked=asked))
    except KeyboardInterrupt:
        if settings.audit is not None:
            print_message("interrupted: `dyntop history` shows the outcomes")
        raise


def exit_code(failures: Sequence[Exit]) -> Exit:
    """Return the exit code of a command with these failures. An unreachable store outranks all
    others."""
    if not failures:
        return Exit.DONE
    if Exit.UNREACHABLE in failures:
        return Exit.UNREACHABLE
    return failures[0] if len(set(failures)) == 1 else Exit.REFUSED


async def _remove(
    settings: Settings,
    kind: OperationKind,
    targets: Sequence[RemovalTarget],
    known: Sequence[NoPuts],
    *,
    asked: bool,
) -> list[Exit]:
    async with open_session(settings) as session:
        if new := [one for one in await session.discovery.no_puts() if one not in known]:
            records = [target.record for target in targets]
            for sentence in cannot_be_undone(records, new, lambda _: False):
                print_message(as_clause(sentence))
                if asked:
                    print_message(
                        "nothing was removed, since that was not known at the question: ask again"
                    )
                    return [Exit.REFUSED] * len(targets)
        result = await session.removals.remove(kind, targets)
        store = session.discovery.store.name
    if result.id is None and (nothing := audit_text(result)) is not None:
        print_message(nothing)
        return [Exit.REFUSED] * len(targets)
    try:
        return report_outcomes(result.outcomes, "removed", store)
    finally:
        # Also where standard output cannot take any more.
        for target in targets:
            came_of = result.outcomes[target.record.key].type
            if came_of is OutcomeType.REMOVED and target.record.conflict is not None:
                print_message(f"{plain_key(target.record.key)}: {still_routed(target.record)}")
        if (missing := audit_text(result)) is not None:
            print_message(missing)
        if result.id is not None and result.can_be_undone:
            print_message(f"undo with: dyntop restore {result.id}")


def report_outcomes(
    outcomes: Mapping[bytes, KeyOutcome],
    doing: Doing,
    store: str,
    *,
    as_if: str = "",
    names: Mapping[bytes, str] = MappingProxyType({}),
) -> list[Exit]:
    """Print the outcome of each key: success as a line of output, all others on standard error.
    `as_if`: a prefix for outcomes that are only foreseen. `names`: the texts that stand for some
    keys. Returns an exit code for each failure.

    Raises `OutputFailed`, BrokenPipeError.
    """
    utf8 = speaks_utf8(sys.stdout)
    failures: list[Exit] = []
    # Of the store, printed once for all keys.
    reasons: list[str] = []
    for key, outcome in outcomes.items():
        text = outcome_text(outcome, doing, store)
        if text.exit_code is Exit.DONE:
            name = plain(names[key]) if key in names else plain_key(key, ascii_only=not utf8)
            write_lines([f"{as_if}{text.what} {name}"])
            continue
        name = plain(names[key]) if key in names else plain_key(key)
        print_message(f"{name}: {text.what if text.is_shared else text.sentence}")
        failures.append(text.exit_code)
        if text.is_shared:
            reasons.append(text.reason)
    if reasons:
        print_message(reasons[0])
    return failures
