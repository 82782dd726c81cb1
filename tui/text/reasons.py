"""Sentences for the reasons of events. No Textual in here. Untrusted text is not escaped yet."""

from __future__ import annotations

from collections.abc import Callable

from backends.discovery.reasons import Reason, ReasonKind
from backends.liveness.object_sentences import not_ready_because, who_discovers
from backends.store.owner import Readiness
from tui.text.format import count, duration, hex_id
from tui.text.outcomes import DONE_AS

AFTER_GAP = "in a gap: "


def reason_text(reason: Reason | None) -> str:
    """Return a reason as a clause in lower case. Empty: unknown (yet)."""
    if reason is None:
        return ""
    text = _TEXTS[reason.kind](reason)
    return AFTER_GAP + text if reason.after_gap and reason.kind is not ReasonKind.GAP else text


def _left(reason: Reason) -> str:
    if reason.left is None:
        return ""
    about = "at least " if reason.at_least else ""
    of = "" if reason.granted is None else f" of {reason.granted:.0f}"
    return f" with {about}{max(0.0, reason.left):.0f}{of} s left"


def _ran_out(reason: Reason) -> str:
    granted = "" if reason.granted is None else f" for {reason.granted:.0f} s"
    if reason.by_store:
        return f"lease ran out: not renewed{granted}, since etcd restarted or has a new leader"
    return f"lease ran out: not renewed{granted}"


def _deleted(reason: Reason) -> str:
    if reason.ended_after is not None:
        after = duration(reason.ended_after)
        return f"drained, or its worker finished its requests: lease revoked {after} later"
    return f"drained or deleted, or its worker is stopping: its lease was alive{_left(reason)}"


def _dropped(reason: Reason) -> str:
    by = "dropped by its frontend or router, whose lease is alive"
    return f"{by}: no model is left at its endpoint" if reason.model_gone else by


def _done(reason: Reason) -> str:
    return DONE_AS.get(reason.act_kind, DONE_AS["unregister"])


def _by_another(reason: Reason) -> str:
    return f"{_done(reason)} by {reason.user}@{reason.host} with dyntop, act {reason.act}"


def _swept(reason: Reason) -> str:
    if reason.expired_for is None:
        return "swept by another process after it had expired"
    if reason.expired_for < 1:
        return "swept by another process as it expired"
    return f"swept by another process, {duration(reason.expired_for)} after it had expired"


def _new_lease(reason: Reason) -> str:
    if reason.lease is None:
        return "replaced: registered again, without a lease"
    return f"replaced: registered again under lease {hex_id(reason.lease)}"


def before_start(reason: Reason) -> str:
    """Return that something happened before the start, and at which revision if it has one."""
    at = f"revision {reason.revision}, " if reason.revision else ""
    return f"{at}before the start"


def in_the_past(reason: Reason) -> str:
    """Return at which revision something happened; without one, that nothing tells why."""
    return f"revision {reason.revision}" if reason.revision else "why is not known"


def _before_start(reason: Reason) -> str:
    return before_start(reason) + _new_lease_of(reason)


def _in_the_past(reason: Reason) -> str:
    return in_the_past(reason) + _new_lease_of(reason)


def _new_lease_of(reason: Reason) -> str:
    return "" if reason.lease is None else f": registered again under lease {hex_id(reason.lease)}"


def _pod_warning(reason: Reason) -> str:
    times = f" ×{reason.times:,}" if reason.times > 1 else ""
    where = f"{reason.container}: " if reason.container else ""
    return f"before the start: {reason.warning}{times}, {where}{reason.message}"


def _not_ready(reason: Reason) -> str:
    if not reason.readiness:
        return "not ready: clients do not discover it any more"
    readiness = Readiness(reason.readiness)
    because = not_ready_because(readiness, reason.pod or None, reason.container or None)
    return f"not ready: {because}, so {who_discovers(readiness)}"


def _resynced(reason: Reason) -> str:
    at = f" at revision {reason.revision}" if reason.revision else ""
    if reason.at_start:
        return f"{count(reason.added, 'record')} at the start{at}"
    return f"{reason.added:,} added or changed, {reason.removed:,} removed{at}"


_TEXTS: dict[ReasonKind, Callable[[Reason], str]] = {
    ReasonKind.THIS_DYNTOP: lambda reason: f"{_done(reason)} by this dyntop",
    ReasonKind.PERHAPS_THIS_DYNTOP: lambda reason: (
        f"perhaps {_done(reason)} by this dyntop, which got no answer for it"
    ),
    ReasonKind.ANOTHER_DYNTOP: _by_another,
    ReasonKind.STOPPED: lambda reason: f"stopped in order: lease revoked{_left(reason)}",
    ReasonKind.REVOKED: lambda reason: (
        f"lease revoked{_left(reason)}: its process ended, or it was revoked by hand"
    ),
    ReasonKind.RAN_OUT: _ran_out,
    ReasonKind.LEASE_ENDED: lambda _: "lease ended: it ran out, or its process shut down",
    ReasonKind.LORA_UNLOADED: lambda _: "LoRA unloaded, or its card deleted: its worker is alive",
    ReasonKind.CHANNEL_DROPPED: _dropped,
    ReasonKind.DELETED: _deleted,
    ReasonKind.SWEPT: _swept,
    ReasonKind.ALL_REMOVED: lambda _: "stopped: all keys of its worker were removed",
    ReasonKind.DELETED_ALONE: lambda _: (
        "drained or deleted, or its worker is stopping: its other files are still touched"
    ),
    ReasonKind.REMOVED: lambda _: "removed before it expired, by its worker or by hand",
    ReasonKind.NO_LEASE: lambda _: "deleted; it had no lease",
    ReasonKind.NOT_KEPT_ALIVE: lambda _: (
        "removed by its worker or by hand, or its bucket's time to live ran out"
    ),
    ReasonKind.OBJECT_DELETED: lambda _: (
        "its object was deleted or emptied, with its pod or by hand"
    ),
    ReasonKind.POD_ENDED: lambda _: "its pod ended, and Kubernetes removed its object",
    ReasonKind.SHUT_DOWN: lambda _: (
        "its worker shut down in order, or its entries were removed by hand: model cards stay"
    ),
    ReasonKind.ENTRY_REMOVED: lambda _: (
        "removed from its object by its worker, or drained or deleted by hand: other entries stay"
    ),
    ReasonKind.READY: lambda _: "ready again: clients discover it",
    ReasonKind.NOT_READY: _not_ready,
    ReasonKind.TAKEN_OUT: lambda reason: (
        f"taken out of discovery by hand: label {reason.label} of pod {reason.pod} is off"
    ),
    ReasonKind.LABEL_BACK: lambda reason: (
        f"label {reason.label} of pod {reason.pod} is back: its Service selects it in a moment"
    ),
    ReasonKind.RESTARTED: lambda reason: f"container restarted (restarts: {reason.restarts:,})",
    ReasonKind.POD_ENDING: lambda _: "its pod is being deleted",
    ReasonKind.POD_GONE: lambda _: "its pod does not exist any more",
    ReasonKind.POD_REPLACED: lambda _: "its pod was replaced by another of that name",
    ReasonKind.POD_WARNING: _pod_warning,
    ReasonKind.BEFORE_START: _before_start,
    ReasonKind.IN_THE_PAST: _in_the_past,
    ReasonKind.NEW_LEASE: _new_lease,
    ReasonKind.GAP: lambda _: "differed after a gap",
    ReasonKind.RESYNCED: _resynced,
    ReasonKind.LOST: lambda reason: reason.error,
}
