"""What the commands that remove have in common: refusing, asking, removing, telling.

Looking, asking and removing are three steps on their own: a person may think for an hour, and
the revision that was shown is what guards the key meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence

from backends.acts import Condemned, Done
from backends.audit import ActKind, AuditFailed
from backends.liveness import Verdict
from backends.records import AnyRecord
from backends.store import Cause, Outcome, Removal, Unreachable
from tui.commands import say, speaks_utf8, write_lines
from tui.commands.looking import Place
from tui.complaints import Exit, explain, not_written_down
from tui.consequences import consequences, still_routed
from tui.opening import opened
from tui.plain import plain, plain_key
from tui.settings import Settings


def is_refused(settings: Settings, verb: str, *, dry_run: bool = False) -> bool:
    """Whether nothing may be changed here; says so. `verb` is what was to be done."""
    if settings.read_only and not dry_run:
        say(
            "nothing is changed under --read-only, DYNTOP_READ_ONLY or a read-only context: "
            f"leave it out to {verb}"
        )
        return True
    if settings.demo:
        say(f"--demo lives in each process's own memory, so there is nothing to {verb}: start it")
        return True
    return False


def can_ask() -> bool:
    """Whether a person is there to ask; says so if nobody is."""
    if sys.stdin is not None and sys.stdin.isatty():
        return True
    say("there is no terminal to ask at: name --yes to remove without a question")
    return False


def ask(question: str) -> str:
    """What a person at the terminal answers, without blanks around it; nothing at the end."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def agreed(targets: Sequence[Condemned], place: Place) -> list[Condemned]:
    """Those that the person at the terminal says yes to, one by one."""
    if not targets or not can_ask():
        return []
    chosen = []
    for target in targets:
        describe(target, place)
        if ask("Remove it? [y/N]").lower() in ("y", "yes"):
            chosen.append(target)
        else:
            say(f"kept {plain_key(target.record.key)}")
    return chosen


def describe(target: Condemned, place: Place) -> None:
    """Everything that a person decides by, on standard error."""
    record = target.record
    lease = "none" if record.lease is None else f"{record.lease:x}"
    follows = consequences(
        record,
        verdict=Verdict(target.verdict),
        leases=place.has_leases,
        kept_alive=place.is_kept_alive,
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
    # Without a standard error there is nobody to tell.
    if sys.stderr is not None:
        print("\n".join(lines), file=sys.stderr, flush=True)


def report(records: Iterable[AnyRecord], outcome: str) -> None:
    """A line of output for each record."""
    utf8 = speaks_utf8(sys.stdout)
    write_lines(f"{outcome} {plain_key(record.key, ascii_only=not utf8)}" for record in records)


def remove(settings: Settings, kind: ActKind, targets: Sequence[Condemned]) -> list[Exit]:
    """Remove all in one act, and tell what came of each. Returns an exit code for each failure.

    Raises `Misconfigured`, `OutputFailed`, BrokenPipeError.
    """
    if not targets:
        return []
    try:
        return asyncio.run(_remove(settings, kind, targets))
    except AuditFailed as error:
        say(not_written_down(error))
        return [Exit.REFUSED] * len(targets)
    except KeyboardInterrupt:
        if settings.audit is not None:
            say("interrupted: `dyntop history` tells what came of it")
        raise


def exit_code(failures: Sequence[Exit]) -> Exit:
    """Of a command with these failures. A store that is not there is said whatever else failed."""
    if not failures:
        return Exit.DONE
    if Exit.UNREACHABLE in failures:
        return Exit.UNREACHABLE
    return failures[0] if len(set(failures)) == 1 else Exit.REFUSED


def is_left_open(outcome: object) -> bool:
    """Whether it is not known what came of it: the store was asked, and did not answer."""
    return isinstance(outcome, Unreachable) and outcome.cause in (Cause.TIMEOUT, Cause.LOST)


async def _remove(settings: Settings, kind: ActKind, targets: Sequence[Condemned]) -> list[Exit]:
    async with opened(settings) as plane:
        done = await plane.acts.remove(kind, targets)
        store = plane.discovery.store.name
    try:
        failures = [
            failure
            for target in targets
            if (failure := _told(target.record, done.outcomes[target.record.key], store))
        ]
    finally:
        # Also where standard output cannot take any more.
        _tell_way_back(done)
    lost = [one for one in done.outcomes.values() if isinstance(one, Unreachable)]
    if lost:
        say(explain(lost[0], store).sentence)
    return failures


def _told(record: AnyRecord, outcome: Outcome, store: str) -> Exit | None:
    """Tells what came of one key. Returns the exit code that goes with a failure."""
    key = plain_key(record.key)
    match outcome:
        case Removal.REMOVED:
            report([record], "removed")
            if record.conflict is not None:
                say(f"{key}: {still_routed(record)}")
            return None
        case Removal.CHANGED:
            say(f"kept {key}: it changed since it was looked at; look at it again")
            return Exit.REFUSED
        case Removal.GONE:
            say(f"{key} was gone already")
            return Exit.REFUSED
        case Unreachable():
            # Why is said once for all keys.
            if is_left_open(outcome):
                say(f"not known whether {key} was removed: look with `dyntop list`")
            else:
                say(f"kept {key}: the store was not reached")
            return Exit.UNREACHABLE
    complaint = explain(outcome, store)
    say(f"kept {key}: {complaint.sentence}")
    return complaint.exit_code


def _tell_way_back(done: Done) -> None:
    if done.audit_problem is not None:
        problem = done.audit_problem
        say(f"what came of it could not be written down ({problem.path}: {problem.reason})")
    outcomes = done.outcomes.values()
    if done.id is not None and any(one is Removal.REMOVED or is_left_open(one) for one in outcomes):
        say(f"undo with: dyntop restore {done.id}")
