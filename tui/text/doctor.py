"""An examination's steps in words: what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from backends.doctor.steps import (
    Alarms,
    Answers,
    ClockDifference,
    Contents,
    FrontendsAsked,
    LoggedIn,
    NatsAnswered,
    NatsFailed,
    NatsMissing,
    NotApplicable,
    Opened,
    Ports,
    RaftTerms,
    Readable,
    ReleasesFound,
    Removable,
    Resolved,
    Skipped,
    Step,
    StepFailure,
    StepKind,
    StepResult,
    TimedOut,
    WhyNot,
)
from backends.dynamo.queries import ANY_END
from backends.store import Misconfigured, StoreError
from tui.text.errors import WHERE, WHERE_ETCD, WHERE_NATS, Exit, explain
from tui.text.format import count
from tui.text.sanitize import plain

SIGNS = {
    StepResult.OK: "✓",
    StepResult.WARNING: "!",
    StepResult.FAILED: "✗",
    StepResult.SKIPPED: "-",
    StepResult.NOT_APPLICABLE: "-",
}
MOST_NAMED = 5
"""Namespaces and ranges that are named."""


class StepText(msgspec.Struct, frozen=True):
    """Harmless text, without a full stop."""

    detail: str
    """What was seen."""
    remedy: str = ""
    """What to do. Empty: nothing."""


def text_of(step: Step) -> StepText:
    """Return a step in words."""
    found = _text_of(step)
    return StepText(plain(found.detail), plain(found.remedy))


def exit_code(steps: Iterable[Step]) -> Exit:
    """Return the exit code of an examination: that of the first step that failed. A warning is
    none."""
    for step in steps:
        if step.result is StepResult.FAILED:
            match step.finding:
                case StepFailure(error=error) | Answers(failed=(error, *_)):
                    return explain(error, step.store).exit_code
            return _CODES.get(step.kind, Exit.REFUSED)
    return Exit.DONE


_CODES = {
    StepKind.NAME: Exit.UNREACHABLE,
    StepKind.PORT: Exit.UNREACHABLE,
    StepKind.TLS: Exit.UNREACHABLE,
    StepKind.ANSWER: Exit.UNREACHABLE,
    StepKind.LOGIN: Exit.UNREACHABLE,
    StepKind.READ: Exit.UNREACHABLE,
}
"""The codes of steps that failed without an error of the store."""


def _text_of(step: Step) -> StepText:
    match step.finding:
        case Opened(store=store, address=address):
            return StepText(f"{store} ({address})")
        case Resolved() as found:
            return _resolved(found, step.store)
        case Ports() as found:
            return _ports(found, step.store)
        case Answers() as found:
            return _answers(found, step)
        case LoggedIn() as found:
            return StepText(_logged_in(found))
        case Readable(unread=unread):
            if unread:
                return StepText(unread, "grant this user what is missing, if it should see it")
            return StepText("all that was asked for")
        case Removable() as found:
            return _removable(found)
        case Contents() as found:
            return _contents(found, step.store)
        case ReleasesFound(numbers=numbers):
            parts = (
                f"{one or 'a release that is not told'} ({count(number, 'process')})"
                for one, number in sorted(numbers.items(), key=lambda item: str(item[0]))
            )
            return StepText(f"records as written by {', '.join(parts)}")
        case ClockDifference() as found:
            return _clock(found)
        case NatsAnswered(address=address, seconds=seconds):
            return StepText(f"{address} answers in {seconds * 1000:.1f} ms")
        case NatsFailed(address=address, reason=reason, check=check):
            return StepText(f"{reason} ({address})", f"check {check}" if check else "")
        case NatsMissing(records=number):
            return StepText(
                f"no server is named, and {count(number, 'record')} are reached by NATS",
                f"set {WHERE_NATS} to see what is counted and published there",
            )
        case FrontendsAsked() as found:
            return _frontends(found)
        case Alarms(raised=raised):
            return _alarms(raised, step.store)
        case RaftTerms() as found:
            return _terms(found)
        case StepFailure(error=error):
            return _failure(error, step.store)
        case TimedOut(seconds=seconds):
            return _timed_out(seconds, step)
        case Skipped(after=after):
            return StepText(f"skipped: it needs {after.value}, which failed")
        case NotApplicable(reason=reason):
            return StepText(_why_not(reason, step))


def _resolved(found: Resolved, store: str) -> StepText:
    parts = [
        host if addresses == (host,) else f"{host} is {', '.join(addresses)}"
        for host, addresses in found.found.items()
    ]
    parts += [f"{host} cannot be resolved ({why})" for host, why in found.failed.items()]
    remedy = f"correct the host name in {_where(store)}, or this machine's DNS"
    return StepText("; ".join(parts), remedy if found.failed else "")


def _ports(found: Ports, store: str) -> StepText:
    parts = [f"{address} is open" for address in found.opened]
    parts += [f"{address}: {why}" for address, why in found.failed.items()]
    remedy = f"is the server running there? Correct {_where(store)}, or look at firewalls"
    return StepText("; ".join(parts), remedy if found.failed else "")


def _answers(found: Answers, step: Step) -> StepText:
    texts = [_failure(error, step.store) for error in found.failed]
    if step.kind is StepKind.TLS:
        seen = [f"{address} is trusted" for address in found.answered]
    else:
        seen = [f"{address} answers" for address in found.answered]
    remedies = list(dict.fromkeys(filter(None, (text.remedy for text in texts))))
    if found.clusters > 1:
        seen.append(f"they are of {found.clusters} different clusters")
        remedies.append(f"name the members of one cluster in {_where(step.store)}")
    return StepText("; ".join([*seen, *(text.detail for text in texts)]), "; ".join(remedies))


def _logged_in(found: LoggedIn) -> str:
    if found.user and found.is_needed is False:
        return f"not needed: authentication is off (the user {found.user} is set)"
    if found.user:
        return f"as {found.user}"
    if found.is_needed is False:
        return "no user is set, and none is needed: authentication is off"
    return "accepted without a user's name"


def _removable(found: Removable) -> StepText:
    if not found.allowed:
        detail = f"no: {found.reason}"
    elif found.only:
        detail = f"only {_named(found.only)}, {found.reason}"
    else:
        detail = f"yes: {found.reason}"
    if found.read_only:
        detail += "; dyntop is read-only here, by its own settings"
    return StepText(detail)


def _contents(found: Contents, store: str) -> StepText:
    where = "" if found.namespace is None else f" in namespace {found.namespace}"
    if not found.numbers:
        if found.beside:
            return StepText(
                f"none{where}; there is {_named(found.beside)}",
                f"choose one with -n, or all that begin so with -n 'START{ANY_END}'",
            )
        return StepText(
            f"none{where}",
            f"do workers register in another store? Compare {_where(store)} with their settings",
        )
    parts = [f"{prefix.decode()} {number:,}" for prefix, number in found.numbers.items()]
    detail = f"{', '.join(parts)}{where}"
    if found.namespace is None or found.namespace.endswith(ANY_END):
        detail += f"; {_namespaces(found.namespaces)}"
    if not found.malformed:
        return StepText(detail)
    return StepText(
        f"{detail}; {found.malformed:,} malformed", "dyntop check names the malformed records"
    )


def _namespaces(names: Sequence[str]) -> str:
    if not names:
        return "no namespace"
    return f"{'namespace' if len(names) == 1 else 'namespaces'} {_named(names)}"


def _clock(found: ClockDifference) -> StepText:
    if found.most == float("inf"):
        return StepText(
            f"the clock of {found.whose} is ahead of this host's by {found.least:.1f} s or more",
            "set the clocks, e.g. by NTP: a file store's keys expire by them",
        )
    if found.least > 0 or found.most < 0:
        least, most = sorted((abs(found.least), abs(found.most)))
        direction = "ahead of" if found.least > 0 else "behind"
        detail = (
            f"the clock of {found.whose} is {direction} this host's by {least:.1f} to {most:.1f} s"
        )
        return StepText(detail, "set the clocks, e.g. by NTP" if least > 1 else "")
    most = max(abs(found.least), abs(found.most))
    return StepText(f"no difference seen to {found.whose} (less than {most:.1f} s)")


def _frontends(found: FrontendsAsked) -> StepText:
    parts = []
    for report in found.reports:
        if report.trouble:
            parts.append(f"{report.name} {report.trouble}")
        elif report.listed is None:
            parts.append(f"{report.name} gives no list of models")
        else:
            more = " or more" if report.lists_more else ""
            parts.append(f"{report.name} lists {count(len(report.listed), 'model')}{more}")
    if found.silent:
        is_are = "is" if found.silent == 1 else "are"
        parts.append(f"{count(found.silent, 'process')} answered and {is_are} no frontend")
    troubled = found.silent or any(report.trouble for report in found.reports)
    remedy = "correct --metrics, DYNTOP_METRICS or the context" if troubled else ""
    return StepText("; ".join(parts), remedy)


def _alarms(raised: Sequence[str], store: str) -> StepText:
    if not raised:
        return StepText("none")
    remedy = "free space there, or mount it for writing"
    if store == "etcd":
        remedy = "mend the cause, then disarm: etcdctl alarm list, etcdctl alarm disarm"
    return StepText("; ".join(raised), remedy)


def _terms(found: RaftTerms) -> StepText:
    if found.leaderless:
        return StepText(
            f"no leader is known to {', '.join(found.leaderless)}",
            "find the members that are down: etcdctl endpoint status --cluster",
        )
    terms = sorted({*found.first.values(), *found.last.values()})
    over = f"within {found.seconds:.1f} s"
    if len(terms) == 1:
        return StepText(f"raft term {terms[0]}, no change {over}")
    return StepText(
        f"raft terms {' and '.join(map(str, terms))} {over}: a new leader, which gives every lease "
        "its full time",
        "look at etcd's log if that repeats itself: slow disks and networks cost it the leader",
    )


def _failure(error: StoreError, store: str) -> StepText:
    sentence = explain(error, store).sentence
    if isinstance(error, Misconfigured):
        return StepText(
            sentence,
            f"correct {error.setting}: dyntop config show prints where each setting is set",
        )
    return StepText(*split(sentence))


def split(sentence: str) -> tuple[str, str]:
    """Return what an error's sentence says, and what it says to do: that is after the first colon
    that is neither in parentheses nor in an address. Empty: it says nothing to do."""
    depth = 0
    for place, character in enumerate(sentence):
        depth += (character == "(") - (character == ")")
        if not depth and sentence.startswith(": ", place):
            return sentence[:place], sentence[place + 2 :]
    return sentence, ""


def _timed_out(seconds: float, step: Step) -> StepText:
    remedy = f"find out whether the server hangs; {_where(step.store)} names it"
    if step.store == "file":
        remedy = "find out whether its file system hangs, e.g. one of a network"
    return StepText(f"no answer within {seconds:g} s", remedy)


def _why_not(reason: WhyNot, step: Step) -> str:
    if reason is WhyNot.CLIENT_CERTIFICATE and step.kind is StepKind.REMOVE:
        return f"not told: {step.store} tells the rights of users with a name only"
    if reason is WhyNot.NOT_NAMED:
        return _NOT_NAMED.get(step.kind, "none is named")
    if reason is WhyNot.OTHER_STORE and step.kind is StepKind.TERM:
        return f"only etcd has raft terms, and this is {step.store}"
    if reason is WhyNot.NO_CLOCK and step.store == "file":
        return "not measured: a folder has no clock, and no file was touched in the future"
    if reason is WhyNot.NOTHING_THERE:
        return "no record tells it" if step.kind is StepKind.RELEASES else "there is no bucket yet"
    if reason is WhyNot.NOT_TOLD and step.store == "file":
        return "not told: the folders are sticky, so it depends on who owns a file"
    return _REASONS[reason].format(store=step.store)


_NOT_NAMED = {
    StepKind.NATS: f"no server is named ({WHERE_NATS})",
    StepKind.FRONTENDS: "none is named (--metrics or DYNTOP_METRICS)",
}
_REASONS = {
    WhyNot.NO_NETWORK: "a {store} store is a folder, and no server",
    WhyNot.PROXY: "connections go through the proxy of the kubeconfig",
    WhyNot.PLAIN: "not used: the address is for plain text",
    WhyNot.SERVER_DECIDES: "used if the server asks for it: the address is nats://",
    WhyNot.NO_ANSWER: "not known, since no server answered",
    WhyNot.NO_LOGIN: "a {store} store has no users of its own",
    WhyNot.NOT_TOLD: "not told: {store} does not say what a user may do",
    WhyNot.NO_CLOCK: "not measured: no answer of {store} carries a time",
    WhyNot.CLIENT_CERTIFICATE: "not measured: it would take the client's certificate",
    WhyNot.SAME_PROCESS: "it is in this process",
    WhyNot.OTHER_STORE: "a {store} store has none",
}


def _where(store: str) -> str:
    return WHERE.get(store, WHERE_ETCD)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"
