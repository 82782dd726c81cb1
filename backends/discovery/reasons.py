"""Why a record was removed or changed, as data. `tui.text.reasons` makes the sentences.

Pure. No store gives the reason for a removal. It is derived from the lease: whether it still
exists, the remaining time when it was last read, whether etcd itself gave it its full time since (a
new leader), and the order in which the keys of one lease were removed.

Measured with Dynamo 1.6.1 on etcd 3.5: a worker that is stopped removes its instances one by one,
each in its own revision, and then revokes its lease, which removes all the rest in one revision. A
lease that expires removes all its keys in one revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from backends.discovery.lease_ttl import MARGIN, ROUNDING, LeaseTtl
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.store import TimeToLive

EXPIRY_DELAY = 5.0
"""Seconds after its expiry within which etcd removes a lease: it checks twice a second, and removes
1,000 leases a second at most.
"""
SWEEP_SLACK = 1.0
"""Seconds before the end of a file's time to live from which its removal counts as a sweep: the
sweeping process's clock may be ahead. A worker touches each file every 3 s of 10.
"""
AT_ONCE = 5.0
"""Seconds without contact to the store up to which a removal counts as seen when it happened."""


class ReasonKind(StrEnum):
    """The known reason why a record was added, changed or removed, or what happened to the
    store.
    """

    THIS_DYNTOP = "this dyntop"
    PERHAPS_THIS_DYNTOP = "perhaps this dyntop"
    """This dyntop asked for the removal and got no answer."""
    ANOTHER_DYNTOP = "another dyntop"
    """The audit on this machine lists it: `user`, `host`, `act`, `act_kind`."""

    STOPPED = "stopped"
    """The instances were removed first, then the lease was revoked before its expiry."""
    REVOKED = "lease revoked"
    """The lease ended before its expiry, and all its keys were removed at once."""
    RAN_OUT = "lease ran out"
    """No keep-alive came before the lease expired."""
    LEASE_ENDED = "lease ended"
    """The lease is gone; whether it expired or was revoked is not known."""

    LORA_UNLOADED = "LoRA unloaded"
    """An adapter's card was removed, while its worker's lease and instances exist."""
    CHANNEL_DROPPED = "channel dropped"
    """A channel was removed, of a process that is not a worker (a frontend or router) and whose
    lease is alive. `model_gone`: no model is registered at its endpoint any more.
    """
    DELETED = "deleted"
    """The lease is alive: the key was drained or deleted by hand, or the worker began to stop."""

    SWEPT = "swept"
    """It had been expired for `expired_for` seconds, and another process removed the file."""
    ALL_REMOVED = "all removed"
    """In a store without leases: all keys of the worker were removed, and none had expired."""
    DELETED_ALONE = "deleted alone"
    """In a store without leases: another key of the same worker is still renewed."""
    REMOVED = "removed"
    """In a store without leases: nothing else of its worker is known."""
    NO_LEASE = "no lease"
    """The key had no lease, so only a delete removes it."""
    NOT_KEPT_ALIVE = "not kept alive"
    """In a store without renewals: deleted, or removed by the bucket's time to live."""

    OBJECT_DELETED = "object deleted"
    """Kubernetes: all entries of the object were removed at once, while its pod existed or was not
    known."""
    POD_ENDED = "pod ended"
    """Kubernetes: all entries of the object were removed, and its pod was gone or being deleted."""
    SHUT_DOWN = "shut down"
    """Kubernetes: endpoints, channels and sources left the object within moments, as at a stop in
    order from 1.4 on. Model cards stay."""
    ENTRY_REMOVED = "entry removed"
    """Kubernetes: the object still holds other entries of its process."""

    READY = "ready"
    """Kubernetes: clients discover the process again."""
    NOT_READY = "not ready"
    """Kubernetes: clients do not discover the process any more: `readiness`."""
    TAKEN_OUT = "taken out"
    """Kubernetes: a lasting drain took a label off the pod (`label`), and clients do not discover
    the process any more."""
    LABEL_BACK = "label back"
    """Kubernetes: the label that a lasting drain took off the pod is back (`label`); clients
    discover the process once its Service selects the pod again."""
    RESTARTED = "container restarted"
    """Kubernetes: the container of the process was started again: `restarts`."""
    POD_ENDING = "pod ending"
    """Kubernetes: the pod is being deleted."""
    POD_GONE = "pod gone"
    """Kubernetes: the pod that owns the object does not exist any more."""
    POD_REPLACED = "pod replaced"
    """Kubernetes: another pod has the name of the one that owned the object."""

    POD_WARNING = "pod warning"
    """Kubernetes: a warning about the pod was written down before this dyntop had read the store:
    `warning`, `message`, `times`, and `container` if it is about one."""

    BEFORE_START = "before start"
    """It happened before this dyntop had read the store, which kept that and not the reason:
    `revision`, where it has one; `lease` where it is another one."""
    IN_THE_PAST = "in the past"
    """A moment of the past is shown, of which the change is known and not the reason: `revision`,
    where it has one; `lease` where it is another one."""
    NEW_LEASE = "new lease"
    """The same key was registered under another lease (`lease`) before its old lease ended."""
    GAP = "gap"
    """The record was added, changed or removed while the store was not followed."""
    RESYNCED = "resynced"
    """`added`, `removed` and `revision`; `at_start` for the first snapshot."""
    LOST = "lost"
    """`error`: the error of the store or the network."""


class Reason(msgspec.Struct, frozen=True):
    """Why an event happened. A value that is unknown, or that the kind does not have, is None."""

    kind: ReasonKind
    after_gap: bool = False
    """It happened while the store was not followed."""
    left: float | None = None
    """Seconds that the lease had left when it was revoked, or has left while it is alive."""
    at_least: bool = False
    """Whether `left` is a lower bound: a renewal may have come since it was read."""
    granted: float | None = None
    """The TTL that the lease was granted, in seconds."""
    by_store: bool = False
    """For an expired lease: etcd gave it its last full time (a new leader or a restart), not a
    keep-alive.
    """
    expired_for: float | None = None
    """Seconds for which the key had been expired when it was removed."""
    ended_after: float | None = None
    """For an instance removed before its lease: seconds until the lease was revoked."""
    model_gone: bool = False
    pod: str = ""
    container: str = ""
    """The container of the process. Empty: one process for the whole pod."""
    readiness: str = ""
    """What prevents that clients discover the process, as `backends.store.owner.Readiness`."""
    label: str = ""
    """`name=value` of a label of the pod."""
    restarts: int = 0
    """How often the container was restarted, in all."""
    warning: str = ""
    """Kubernetes' word for what is wrong with a pod, e.g. `BackOff`."""
    message: str = ""
    """What Kubernetes wrote down about it."""
    times: int = 0
    """How often it did."""
    lease: int | None = None
    user: str = ""
    host: str = ""
    act: str = ""
    """The id of a removal in the audit."""
    act_kind: str = ""
    added: int = 0
    removed: int = 0
    revision: str = ""
    at_start: bool = False
    error: str = ""


class ObservedRemoval(msgspec.Struct, frozen=True):
    """One removal, with what was known when it was seen."""

    record: AnyRecord
    at: float
    """POSIX seconds at which it was seen."""
    since: float
    """POSIX seconds of the last contact before it: the removal happened after that."""
    after_gap: bool = False
    revision: str = ""
    """The store's revision of the removal. Empty: not known."""
    overdue: float | None = None
    """As `Delete.overdue`."""
    reading: LeaseTtl | None = None
    """The last TTL read of its lease. None: it was never read."""


def why_lease_ended(
    removals: Sequence[ObservedRemoval], now: TimeToLive, asked_at: float
) -> list[Reason]:
    """Derive why the keys of one ended lease were removed; one reason for each, in their order.

    `now` is the lease's TTL, read at `asked_at` POSIX seconds: it is gone.
    """
    last = max(removals, key=lambda one: (_number(one.revision), one.at))
    reason = _lease_ended(last, now, asked_at)
    if reason.kind is ReasonKind.REVOKED and _in_order(removals, last):
        reason = replace(reason, kind=ReasonKind.STOPPED)
    return [replace(reason, after_gap=one.after_gap) for one in removals]


def why_lease_lives(
    removal: ObservedRemoval,
    now: TimeToLive,
    rest: Sequence[AnyRecord],
    *,
    is_worker: bool,
    model_gone: bool,
) -> Reason:
    """Derive why a key was removed whose lease is alive.

    `rest`: the records on the same lease now. `is_worker`: whether that lease holds or held an
    instance or a card. `model_gone`: whether no card is registered at the record's endpoint.
    """
    record, kind, gone = removal.record, ReasonKind.DELETED, False
    if isinstance(record, ModelCard) and record.is_lora:
        if any(isinstance(one, EndpointInstance) for one in rest):
            kind = ReasonKind.LORA_UNLOADED
    elif isinstance(record, EventChannel | EventSource) and not is_worker:
        kind, gone = ReasonKind.CHANNEL_DROPPED, model_gone
    return Reason(
        kind,
        after_gap=removal.after_gap,
        left=now.remaining,
        granted=now.granted,
        model_gone=gone,
    )


def why_file_went(removal: ObservedRemoval, rest: Sequence[AnyRecord]) -> Reason:
    """Derive why a key was removed in a store whose keys are touched, as in Dynamo's file store.

    `rest`: the records of the same worker now.
    """
    overdue = removal.overdue
    if removal.record.expired_at is not None or (overdue is not None and overdue > -SWEEP_SLACK):
        expired_for = None if overdue is None else max(0.0, overdue)
        return Reason(ReasonKind.SWEPT, after_gap=removal.after_gap, expired_for=expired_for)
    if any(one.expired_at is None for one in rest):
        return Reason(ReasonKind.DELETED_ALONE, after_gap=removal.after_gap)
    if rest:
        return Reason(ReasonKind.REMOVED, after_gap=removal.after_gap)
    return Reason(ReasonKind.ALL_REMOVED, after_gap=removal.after_gap)


def why_entry_went(
    removal: ObservedRemoval, rest: Sequence[AnyRecord], recent: Sequence[ObservedRemoval]
) -> Reason:
    """Derive why an entry of an object was removed.

    `rest`: the records in the same object now. `recent`: the removals from it in the last moments,
    this one included. A release up to 1.3 that stops in order removes its channels alone.
    """
    record, kind = removal.record, ReasonKind.ENTRY_REMOVED
    if not rest:
        one_by_one = len({one.revision for one in recent if one.revision}) > 1
        kind = ReasonKind.SHUT_DOWN if one_by_one else ReasonKind.OBJECT_DELETED
        if _pod_ended(record):
            kind = ReasonKind.POD_ENDED
    elif isinstance(record, ModelCard):
        if record.is_lora and any(isinstance(one, EndpointInstance) for one in rest):
            kind = ReasonKind.LORA_UNLOADED
    elif all(isinstance(one, ModelCard) for one in rest):
        kind = ReasonKind.SHUT_DOWN
    return Reason(kind, after_gap=removal.after_gap)


def _pod_ended(record: AnyRecord) -> bool:
    """Return whether the pod of a record's object was gone or being deleted, as last seen."""
    owner = record.entry.owner
    return owner is not None and (owner.pod_is_gone or owner.pod_is_ending)


def _lease_ended(removal: ObservedRemoval, now: TimeToLive, asked_at: float) -> Reason:
    unknown = Reason(ReasonKind.LEASE_ENDED)
    reading = removal.reading
    if reading is None or reading.ttl.granted is None:
        return unknown
    granted = reading.ttl.granted
    # A renewal since would have left more.
    left = reading.ttl.remaining - (removal.at - reading.at)
    reset_at = None if now.reset_ago is None else asked_at - now.reset_ago
    was_reset_since = reset_at is not None and reading.at < reset_at
    if left > ROUNDING + MARGIN:
        renewal_due = left < granted / 2 - ROUNDING - MARGIN and not _is_overdue(reading)
        at_least = renewal_due or was_reset_since or removal.after_gap
        return Reason(ReasonKind.REVOKED, left=left, at_least=at_least, granted=granted)
    seen = removal.at - removal.since <= AT_ONCE and not removal.after_gap
    if not seen or was_reset_since or not _is_overdue(reading) or left < -EXPIRY_DELAY:
        return unknown
    return Reason(
        ReasonKind.RAN_OUT,
        granted=granted,
        by_store=reading.ttl.reset_ago is not None,
    )


def _is_overdue(reading: LeaseTtl) -> bool:
    """Return whether a renewal was overdue when the lease was read."""
    granted = reading.ttl.granted or 0.0
    return reading.ttl.remaining + ROUNDING <= granted / 2


def _in_order(removals: Sequence[ObservedRemoval], last: ObservedRemoval) -> bool:
    """Return whether the instances were removed one by one before the lease removed the rest, or
    one of them was removed last.
    """
    instances = [one for one in removals if isinstance(one.record, EndpointInstance)]
    final = sum(one.revision == last.revision for one in removals)
    if final > 1 and any(one.revision == last.revision for one in instances):
        return False
    return any(_number(one.revision) < _number(last.revision) for one in instances)


def _number(revision: str) -> int:
    return int(revision) if revision.isdigit() else 0
