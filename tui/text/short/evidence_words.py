"""Evidence in one to three words, where there is no room for `brief_evidence`. No Textual in here.

The state stands beside it, and its sentence in the detail. Untrusted text is not escaped yet.
"""

from __future__ import annotations

from backends.liveness import evidence_kinds as kinds
from backends.probe.types import ProbeAnswer
from backends.store.owner import Readiness
from tui.text.short import forms

_ANSWERS: dict[ProbeAnswer, tuple[str, ...]] = {
    ProbeAnswer.ANSWERS: ("answers",),
    ProbeAnswer.ACCEPTS: ("accepts connections", "accepts"),
    ProbeAnswer.REFUSED: ("refuses connections", "refused"),
    ProbeAnswer.UNREACHED: ("not reached",),
    ProbeAnswer.SILENT: ("accepts, does not answer", "no answer"),
    ProbeAnswer.AWAY: ("NATS is away", "NATS away"),
    ProbeAnswer.UNTRIED: ("not tried",),
}

_MALFORMED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("the value is not JSON", ("value is not JSON", "not JSON")),
    ("the value is nested", ("nested too deep", "too deep")),
    ("the value is not", ("no JSON object", "no object")),
    ("the key is", ("key is malformed", "bad key")),
    ("the id is", ("id is malformed", "bad id")),
    ("the body is", ("body is malformed", "bad body")),
)
"""By how `backends.dynamo` begins to say it."""
_SKIPPED = ("Dynamo skips it", "skipped")
"""Of all else that is malformed."""

_READINESS: dict[Readiness, tuple[str, ...]] = {
    Readiness.DISCOVERABLE: ("ready",),
    Readiness.UNKNOWN: ("not known",),
    Readiness.NOT_READY: ("pod not ready", "pod unready"),
    Readiness.NO_ENDPOINT: ("no EndpointSlice", "no endpoint"),
    Readiness.READY_ABSENT: ("no ready condition", "ready unset"),
    Readiness.NO_CONTAINER: ("no container status", "no status"),
    Readiness.NO_LABEL: ("pod not labelled", "no label"),
    Readiness.TAKEN_OUT: ("label taken off", "label off"),
    Readiness.NO_POD: ("no pod",),
    Readiness.OTHER_UID: ("another pod",),
    Readiness.NO_UID: ("pod without uid", "no pod uid"),
    Readiness.NO_OWNER: ("no owner",),
    Readiness.TWO_UIDS: ("two pods",),
}


def evidence_words(values: kinds.Values) -> tuple[str, ...]:
    """Return shorter and shorter forms of a piece of evidence."""
    match values:
        case kinds.AddressProbed() | kinds.AddressProbedFromHere():
            return _ANSWERS[values.answer]
        case kinds.NotReady(container=str(), readiness=Readiness.NOT_READY):
            return ("container unready", "unready")
        case kinds.NotReady():
            return readiness_words(values.readiness)
        case kinds.ContainerDown():
            ended = "ended" if values.state == "terminated" else "not running"
            return forms(values.reason or "", f"container {ended}", ended)
        case kinds.Drained(user=user, host=host):
            by = (f"by {user} on {host}", f"by {user}") if user else ("by this dyntop",)
            return forms(*by, "by dyntop")
        case kinds.Malformed(detail):
            return next((words for part, words in _MALFORMED if detail.startswith(part)), _SKIPPED)
        case kinds.NeedsNotMet(missing):
            return lacking(missing)
        case kinds.CardsDiffer(number):
            return (f"{number:,} sorts of card", f"{number:,} sorts")
        case kinds.LeaseLeft(reset_ago=float()):
            return ("not due yet",)
    return _WORDS.get(type(values), ())


def readiness_words(readiness: Readiness) -> tuple[str, ...]:
    """Return shorter and shorter forms of what prevents that clients discover a process."""
    return _READINESS[readiness]


def lacking(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return shorter and shorter forms of which roles no routable worker has."""
    if len(roles) == 1:
        return forms(f"no {roles[0]}", "lacks role")
    return forms(f"no {', no '.join(roles)}", f"lacks {len(roles)} roles", "lacks roles")


_WORDS: dict[type, tuple[str, ...]] = {
    kinds.NothingAsked: ("no evidence",),
    kinds.Unread: ("value not known", "not read"),
    kinds.OddKey: ("odd key, valid body", "odd key"),
    kinds.NamesAnother: ("key and body differ", "key ≠ body"),
    kinds.TimeRanOut: ("time to live ended", "ran out"),
    kinds.AddressUnusable: ("address unusable", "bad address"),
    kinds.LeaseLeft: ("lease alive",),
    kinds.LeaseLate: ("keep-alive missed", "not renewed"),
    kinds.LeaseUnproved: ("no keep-alive seen", "none seen"),
    kinds.LeaseGone: ("lease is gone", "lease gone"),
    kinds.NoLease: ("never expires", "no lease"),
    kinds.RenewalAwaited: ("renewal awaited", "awaited"),
    kinds.FileTouched: ("touched",),
    kinds.FileLate: ("keep-alive missed", "not touched"),
    kinds.KeptAlive: ("kept alive",),
    kinds.BucketKeeps: ("kept by its bucket", "not renewed"),
    kinds.NotRenewed: ("not renewed",),
    kinds.NatsNotAsked: ("NATS not asked", "not asked"),
    kinds.Ready: ("ready",),
    kinds.TakenOut: ("label taken off", "label off"),
    kinds.PodEnding: ("pod is ending", "pod ending"),
    kinds.PodGone: ("pod is gone", "pod gone"),
    kinds.PodReplaced: ("pod was replaced", "replaced"),
    kinds.PreviousProcess: ("process before", "restarted"),
    kinds.LeftByShutdown: ("process shut down", "shut down"),
    kinds.IdNotOfObject: ("id of another object", "id differs"),
    kinds.IdRounded: ("id was rounded", "id rounded"),
    kinds.HidesWorker: ("hides its object", "unreadable"),
    kinds.RightMissing: ("a right is missing", "no right"),
    kinds.WorkerGone: ("worker is gone", "worker gone"),
    kinds.InstancesUnusable: ("bad instance", "unusable"),
    kinds.WorkerUnknown: ("worker unknown", "worker?"),
    kinds.NoSource: ("no source names it", "no source"),
    kinds.DrainedOrDeleted: ("drained or deleted", "or deleted"),
    kinds.NoInstance: ("no instance",),
    kinds.InstanceDead: ("instance is dead", "worker dead"),
    kinds.InstanceAddressUnusable: ("address unusable", "bad address"),
}
