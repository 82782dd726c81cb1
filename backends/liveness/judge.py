"""A verdict for each record: whether its worker is alive and reached.

Pure functions over `JudgeInput`. Where nothing is known they say `unknown`, they do not guess.
How Dynamo's workers renew what they register was measured on releases 0.6 to 1.6.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.discovery.lease_ttl import LeaseStanding
from backends.discovery.lease_ttl import LeaseTtl as LeaseTtl
from backends.discovery.lease_ttl import is_late as is_late
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import CardsDiffer
from backends.liveness.failure import NOT_PROBED, Failure, Probed, Way
from backends.liveness.owned import (
    container_is_down,
    goes_with_its_pod,
    has_id_of_object,
    has_shut_down,
    is_not_ready,
    is_taken_out,
    is_undiscovered,
    is_vouched_for,
    started_after_change,
)
from backends.liveness.routing import Routing
from backends.store import Lifetime
from backends.store.owner import Owner


class Verdict(StrEnum):
    """What the evidence says of one record."""

    LIVE = "live"
    LATE = "late"
    """A keep-alive was missed; the lease has not ended yet."""
    EXPIRED = "expired"
    """Its time to live ran out, and it was not removed."""
    UNREACHABLE = "unreachable"
    """Its process does not answer where it is registered: it accepts connections and is silent, its
    address refuses them and no renewal was seen since, or its renewal was missed, too."""
    UNREACHABLE_FROM_HERE = "unreachable from here"
    """Its address cannot be reached from this host, which says as much about the way there as about
    its worker: its lease is renewed all the same, or there is no other evidence."""
    UNLEASED = "unleased"
    """It hangs on no lease in a store that has them: nothing will ever remove it."""
    ORPHANED = "orphaned"
    """A card, adapter, channel or source whose worker is gone. In Kubernetes any record whose pod
    is gone, or that the process before registered."""
    NOT_READY = "not ready"
    """Kubernetes: it is registered, and clients do not discover it."""
    LEFTOVER = "leftover"
    """Kubernetes: a card or adapter without an instance, whose process has shut down."""
    DRAINED = "drained"
    """A card, adapter, channel or source whose worker has no endpoint instance, while its lease
    lives on: the worker was drained, or the keys were deleted, or it is about to stop or begin.
    In Kubernetes also any record of a pod that a lasting drain took out of discovery."""
    UNROUTABLE = "unroutable"
    """A card or adapter whose worker no request reaches: all its instances are dead or have
    addresses that no client can connect to, or its model needs workers of another role that are not
    there."""
    CONFLICT = "conflict"
    """Its body names another than its key, or its card is one of several sorts in its worker set.
    """
    MALFORMED = "malformed"
    """Its key or value is not as Dynamo writes it, and Dynamo skips it."""
    UNKNOWN = "unknown"
    """There is no evidence."""


FINDINGS = frozenset(Verdict) - {Verdict.LIVE, Verdict.UNKNOWN}
"""What is not live, as far as there is evidence."""

TOLERATED = frozenset({Verdict.UNREACHABLE_FROM_HERE})
"""Findings that `check` names and that do not make it fail: they may be this host's alone."""

DEAD = frozenset({Verdict.EXPIRED, Verdict.UNREACHABLE, Verdict.ORPHANED, Verdict.MALFORMED})
"""No request is answered by it, nor by an instance that is so."""

STALE = DEAD
"""Verdicts that propose a record for removal, as far as the verdict decides it: see `is_stale`.
Requests routed to it fail: removing it disturbs no worker that is known to live. Of what is
`unreachable`, `is_proved` decides whether its lease may still speak for its worker.

What is `not ready` is not stale: its worker lives, or Kubernetes starts it again. Nor is what is
`leftover`: no request is routed to it, and the worker's next start registers it again."""


# Not frozen, which would take as long as the verdict: there is one for each record at the start.
class JudgeInput(msgspec.Struct):
    """All that bears on one record's verdict."""

    record: AnyRecord
    lifetime: Lifetime
    """Of the record's store."""
    stored_at: float
    """When the store last confirmed what it holds, in POSIX seconds."""
    lease_ttl: LeaseTtl | None = None
    """Of its lease, or of its key where there are no leases. None: not asked yet."""
    probed: Probed = NOT_PROBED
    """What was found at its own addresses, and at the others of its worker."""
    worker: int | None = None
    """The instance id of its worker. None: not known."""
    worker_is_there: bool = False
    """Whether the worker has an instance, or anything on a lease, registered."""
    unusable_instances: int = 0
    """How many instances of the worker are there and do not show that it is: expired, malformed."""
    lacks_instance: bool = False
    """Whether it is a card, adapter, channel or source whose endpoint instance is missing in its
    object. False where no object holds it."""
    hidden_by: bytes | None = None
    """The key of an entry of its object that no client can read. None: all can be read."""
    drained: DrainMark | None = None
    """How the instance that it belongs to was taken away. None: it is there, or its lease does not
    live."""
    disagreement: CardsDiffer | None = None
    """How the cards of its worker set differ in what Dynamo compares. None: they do not."""
    routing: Routing | None = None
    """Of a card: whether a request reaches its worker. None: it is not known."""
    host: str = ""
    """The name of the host that the addresses were tried from. Empty: not known."""

    @property
    def is_renewed(self) -> bool:
        """Whether a worker that lives renews this record."""
        return is_renewed(self.record, self.lifetime)

    @property
    def is_left_behind(self) -> bool:
        """Whether it is as what stays behind when a worker ends: on no lease where others are.

        Where no worker renews anything, what has no instance beside it may as well belong to one
        that was drained; only an address that refuses distinguishes them.
        """
        return self.record.lease is None and self.lifetime.has_leases


def is_renewed(record: AnyRecord, lifetime: Lifetime) -> bool:
    """Return whether a worker that lives renews a record: its lease, or the time of its file."""
    return lifetime.is_renewed and (record.lease is not None or not lifetime.has_leases)


def judge_by_itself(record: AnyRecord) -> Verdict | None:
    """What a record's own text shows, whatever else is known. None: nothing.

    What is not known in full is `unknown`, whatever else speaks against it: nothing of it may be
    taken for stale.
    """
    entry, malformed = record.entry, record.malformed
    if entry.unread:
        return Verdict.UNKNOWN
    if malformed is not None and not record.readable:
        return Verdict.MALFORMED
    if entry.expired_at is not None:
        return Verdict.EXPIRED
    # Under an odd key clients go by the body all the same.
    if malformed is not None or record.conflict is not None or not has_id_of_object(record):
        return Verdict.CONFLICT
    return None


def judge_serving(routing: Routing | None, *, disagrees: bool) -> Verdict | None:
    """What the cards and instances beside a card show of it. None: nothing is wrong.

    `disagrees`: whether its worker set has several sorts of card. A card without an instance is one
    of them all the same: a frontend that accepted it serves nothing, so that comes first.
    """
    if disagrees:
        return Verdict.CONFLICT
    return Verdict.UNROUTABLE if routing is not None and routing.unroutable else None


def judge(facts: JudgeInput) -> Verdict:
    """Return the worst that the evidence shows; what is dead before what is in conflict."""
    record, lifetime, probed = facts.record, facts.lifetime, facts.probed
    by_itself = judge_by_itself(record)
    if by_itself is not None and by_itself is not Verdict.CONFLICT:
        return by_itself
    owner = record.entry.owner
    if owner is not None and (by_object := judge_object(owner, facts)) is not None:
        return by_object
    belongs = not isinstance(record, EndpointInstance)
    standing = None if facts.lease_ttl is None else facts.lease_ttl.standing
    unleased = lifetime.has_leases and record.lease is None
    if standing is LeaseStanding.GONE and lease_is_gone(facts):
        return Verdict.ORPHANED if belongs else Verdict.EXPIRED
    if unleased and is_left_by_its_worker(facts):
        return Verdict.ORPHANED
    if probed.failure is not None and is_against_worker(probed.failure, facts):
        return Verdict.UNREACHABLE
    if not belongs and probed.carrier_is_away:
        return Verdict.UNREACHABLE
    if owner is not None and is_not_ready(owner):
        return Verdict.NOT_READY
    if by_itself is not None:
        return by_itself
    by_serving = judge_serving(facts.routing, disagrees=facts.disagreement is not None)
    if by_serving is Verdict.CONFLICT:
        return by_serving
    if belongs and facts.drained is not None:
        return Verdict.DRAINED
    if by_serving is not None:
        return by_serving
    if unleased:
        return Verdict.UNLEASED
    if standing is LeaseStanding.LATE and lifetime.is_renewed:
        return Verdict.LATE
    if probed.failure is not None:
        return Verdict.UNREACHABLE_FROM_HERE
    if not lifetime.is_renewed and not is_vouched_for(record):
        return Verdict.LIVE if probed.runs else Verdict.UNKNOWN
    if probed.carrier_is_away:
        return Verdict.UNKNOWN
    if standing is LeaseStanding.RENEWED or not lifetime.has_leases or probed.runs:
        return Verdict.LIVE
    return Verdict.UNKNOWN


def judge_object(owner: Owner, facts: JudgeInput) -> Verdict | None:
    """Return what the object of a record shows of its process, whatever its addresses say. None:
    its addresses may say more.

    Addresses say nothing against a process that clients do not discover: Kubernetes knows, and
    starts it again. Where only some releases discover it, its addresses count.
    """
    if owner.pod_is_gone:
        return Verdict.ORPHANED
    if facts.lacks_instance and isinstance(facts.record, ModelCard) and has_shut_down(owner):
        return Verdict.LEFTOVER
    if started_after_change(owner) is not None and not facts.probed.runs:
        return Verdict.ORPHANED
    if is_taken_out(owner) and not container_is_down(owner):
        return Verdict.DRAINED
    by_old_only = owner.readiness.is_by_old_releases_only
    if container_is_down(owner) or (is_undiscovered(owner) and not by_old_only):
        return Verdict.NOT_READY
    return None


def is_left_by_its_worker(facts: JudgeInput) -> bool:
    """Return whether it is what a worker left behind that is gone."""
    belongs = not isinstance(facts.record, EndpointInstance)
    known = facts.worker is not None and not facts.worker_is_there
    return belongs and facts.is_left_behind and known


def is_proved(failure: Failure, facts: JudgeInput) -> bool:
    """Return whether what is `unreachable` is so beyond what its lease may say for it.

    A connection that this host itself refuses is proof, until a renewal contradicts it. Otherwise
    a renewal must have come due after the address began to fail, and not have come; where nothing
    is ever renewed, there is none to wait for. While its pod exists Kubernetes may start it again,
    so nothing is proved.
    """
    if not failure.is_confirmed or goes_with_its_pod(facts.record):
        return False
    if not facts.is_renewed:
        return failure.way is not Way.UNREACHED
    if failure.way is Way.CLOSED and not failure.is_met_elsewhere:
        return not _renewed_since(failure, facts)
    return _missed_since(failure, facts)


def awaits_renewal(failure: Failure, facts: JudgeInput) -> bool:
    """Return whether the next renewal is to decide what the failure of an address means: it has
    neither come since nor been missed."""
    return (
        facts.is_renewed
        and failure.way is not Way.CLOSED
        and not _renewed_since(failure, facts)
        and not _missed_since(failure, facts)
    )


def is_stale(record: AnyRecord, verdict: Verdict, *, is_proved: bool) -> bool:
    """Return whether a record is proposed for cleaning up: what is dead beyond what its lease may
    say for it, or what no client can read. `is_proved`: of an `unreachable` record, whether its
    failure is."""
    if verdict is Verdict.UNREACHABLE:
        return is_proved
    return verdict in STALE and not is_replaced_by_itself(record, verdict)


def is_replaced_by_itself(record: AnyRecord, verdict: Verdict) -> bool:
    """Return whether a record of a process that has ended is replaced by the process after it, in
    the same pod."""
    return verdict is Verdict.ORPHANED and goes_with_its_pod(record)


def is_against_worker(failure: Failure, facts: JudgeInput) -> bool:
    """Whether a failure is taken to be the worker's, and not the network's."""
    match failure.way:
        case Way.SILENT | Way.CLOSED:
            return True
        case Way.REFUSED if is_vouched_for(facts.record):
            # A process that ends makes its pod unready at once: another host may have the address.
            return False
        case Way.REFUSED if not _renewed_since(failure, facts):
            return True
    return (
        facts.is_renewed
        and facts.lease_ttl is not None
        and facts.lease_ttl.standing is LeaseStanding.LATE
    )


def _renewed_since(failure: Failure, facts: JudgeInput) -> bool:
    """Whether a renewal was seen that came after the addresses began to fail."""
    if not facts.is_renewed or facts.lease_ttl is None:
        return False
    renewed_at = facts.lease_ttl.renewed_at
    return renewed_at is not None and renewed_at > failure.since


def _missed_since(failure: Failure, facts: JudgeInput) -> bool:
    """Whether a renewal is known to be overdue since the addresses began to fail."""
    lease_ttl = facts.lease_ttl
    return (
        lease_ttl is not None
        and lease_ttl.standing is LeaseStanding.LATE
        and lease_ttl.at >= failure.since
    )


def lease_is_gone(facts: JudgeInput) -> bool:
    """Return whether it hangs on a lease that does not exist any more."""
    return (
        facts.record.lease is not None
        and facts.lease_ttl is not None
        and (facts.lease_ttl.ttl.granted is None)
    )


def is_carried_by_nats(record: AnyRecord) -> bool:
    """Return whether it is a channel over NATS: its lease is evidence of its publisher alone."""
    transport = record.transport
    return record.kind is Kind.EVENT_CHANNEL and transport is not None and transport.kind == "Nats"
