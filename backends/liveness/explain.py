"""Gather the evidence for a verdict, as data; the decisive piece comes first. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from backends.discovery.lease_ttl import LeaseStanding, is_late
from backends.dynamo.ids import Kind
from backends.dynamo.records import EndpointInstance
from backends.liveness import evidence_kinds as kinds
from backends.liveness.evidence import Assessment, Evidence
from backends.liveness.explain_object import evidence_of_object, ids_differ, object_decides
from backends.liveness.failure import SAME_TIME, Failure, Probed, Way
from backends.liveness.judge import (
    JudgeInput,
    Verdict,
    awaits_renewal,
    is_against_worker,
    is_carried_by_nats,
    is_left_by_its_worker,
    judge,
    judge_by_itself,
    lease_is_gone,
)
from backends.liveness.routing import ServingReason
from backends.probe.probe_targets import unusable
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.store import Lifetime


def assess(facts: JudgeInput) -> Assessment:
    """Return the verdict with its evidence."""
    verdict = judge(facts)
    return Assessment(verdict, explain(facts, verdict), facts.routing)


def explain(facts: JudgeInput, verdict: Verdict) -> tuple[Evidence, ...]:
    """Return the evidence for a verdict: the decisive piece first, then the rest to weigh against
    it."""
    record, at = facts.record, facts.stored_at
    by_itself = _shown_by_itself(facts, verdict)
    reading = []
    if facts.lease_ttl is not None and record.expired_at is None:
        reading = [Evidence(_of_lease(facts), facts.lease_ttl.at)]
    failure = facts.probed.failure
    found = reading if (lease_first := _lease_decides(facts)) else []
    worker_is_gone = is_left_by_its_worker(facts)
    if worker_is_gone:
        found.append(Evidence(_of_a_worker_that_is_gone(facts), at))
    found += _of_readings(facts, failure)
    against_worker = failure is not None and is_against_worker(failure, facts)
    dead = lease_is_gone(facts) or against_worker or worker_is_gone
    # A verdict by the record's own text does not depend on the lease or an address.
    decided = judge_by_itself(record) not in (None, Verdict.CONFLICT)
    found = [*found, *by_itself] if dead and not decided else [*by_itself, *found]
    if failure is not None and failure.way is Way.REFUSED and awaits_renewal(failure, facts):
        found.append(Evidence(kinds.RenewalAwaited(), at))
    found += [Evidence(kinds.AddressUnusable(shown, why), at) for shown, why in unusable(record)]
    if is_carried_by_nats(record) and not facts.probed.own:
        found.append(Evidence(kinds.NatsNotAsked(), at))
    if facts.drained is not None and not isinstance(record, EndpointInstance):
        decides = verdict is Verdict.DRAINED
        found.insert(0 if decides else len(found), Evidence(facts.drained.by, facts.drained.at))
    if facts.lifetime.has_leases and record.lease is None:
        if record.kind is not Kind.ENDPOINT and not facts.worker_is_there and not worker_is_gone:
            found.append(Evidence(_of_a_worker_that_is_gone(facts), at))
        on_no_lease = Evidence(kinds.NoLease(), at)
        found.insert(0 if verdict is Verdict.UNLEASED else len(found), on_no_lease)
    if not lease_first:
        found += reading
    if facts.lifetime is Lifetime.UNBOUNDED:
        if record.kind is not Kind.ENDPOINT and not facts.worker_is_there:
            found.append(Evidence(_of_a_worker_that_is_gone(facts), at))
        if facts.lease_ttl is None:
            found.append(Evidence(kinds.NotRenewed(), at))
    elif record.entry.owner is not None:
        of_object = evidence_of_object(facts, verdict)
        decides = object_decides(facts, verdict)
        found = [*of_object, *found] if decides else [*found, *of_object]
    elif (
        facts.lifetime is Lifetime.TOUCHED and facts.lease_ttl is None and record.expired_at is None
    ):
        found.append(Evidence(kinds.KeptAlive(), at))
    if _stands_alone(facts) and failure is None:
        found.append(Evidence(kinds.NoSource(has_address=not is_carried_by_nats(record)), at))
    return tuple(found) or (Evidence(kinds.NothingAsked(), at),)


def _shown_by_itself(facts: JudgeInput, verdict: Verdict) -> list[Evidence]:
    """Return the evidence in the record's own text, and in its model's other cards."""
    record, at = facts.record, facts.stored_at
    found = []
    if record.unread:
        found.append(Evidence(kinds.Unread(record.unread), at))
    if record.malformed is not None:
        odd = kinds.OddKey if record.readable else kinds.Malformed
        found.append(Evidence(odd(record.malformed), at))
    if record.conflict is not None:
        found.append(Evidence(kinds.NamesAnother(record.conflict), at))
    found += ids_differ(facts)
    if verdict in (Verdict.UNROUTABLE, Verdict.CONFLICT):
        found += _of_serving(facts)
    if record.expired_at is not None:
        ran_out = Evidence(kinds.TimeRanOut(), record.expired_at)
        # Dead outranks conflict, so it comes first then.
        found.insert(0 if verdict is Verdict.EXPIRED else len(found), ran_out)
    return found


def _of_readings(facts: JudgeInput, failure: Failure | None) -> list[Evidence]:
    """Return one piece of evidence for each address, the decisive first; one for many with equal
    results."""
    alike = _alike(_Once(facts.probed))
    found = [Evidence(asked, at) for asked, at in alike]
    if failure is None or is_against_worker(failure, facts):
        return found
    return [_tried_from_here(facts, *alike[0]), *found[1:]]


class _Once:
    """Results that are the same object are grouped once: those of a worker with thousands of
    addresses are of thousands of records."""

    __slots__ = ("probed",)

    def __init__(self, probed: Probed) -> None:
        self.probed = probed

    def __hash__(self) -> int:
        return id(self.probed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other.probed is self.probed


@lru_cache(maxsize=16)
def _alike(of: _Once) -> tuple[tuple[kinds.AddressProbed, float], ...]:
    """Return what was found at one address, or at several alike, and when; the decisive first."""
    probed = of.probed
    decisive = () if probed.failure is None else probed.failure.readings
    deciding = set(decisive)
    rest = sorted(
        (one for one in probed.own + probed.others if one not in deciding),
        key=_severity,
    )
    newest = max((one.at for one in (*decisive, *rest)), default=0.0)
    groups: dict[tuple[object, ...], list[ProbeResult]] = {}
    for one in (*decisive, *rest):
        is_new = newest - one.at <= SAME_TIME
        groups.setdefault((one in deciding, one.target.method, one.text, is_new), []).append(one)
    return tuple((_asked(some), min(one.at for one in some)) for some in groups.values())


def _asked(readings: Sequence[ProbeResult]) -> kinds.AddressProbed:
    """Return the result of probing one address, or several by one method."""
    first = readings[0]
    # The same for each record of a worker, whichever address is its own: shown once for all.
    address = min((one.target.address for one in readings), key=lambda text: (len(text), text))
    return kinds.AddressProbed(
        first.target.method, first.answer, address, len(readings), first.text
    )


def _tried_from_here(facts: JudgeInput, asked: kinds.AddressProbed, at: float) -> Evidence:
    """Return the same for an address that another host may reach, with its last known renewal."""
    renewed_ago = None
    renewed_at = (
        facts.lease_ttl.renewed_at if facts.is_renewed and facts.lease_ttl is not None else None
    )
    if facts.lease_ttl is not None and renewed_at is not None:
        at = max(at, facts.lease_ttl.at)
        renewed_ago = max(0.0, at - renewed_at)
    is_leased = facts.record.lease is not None
    values = kinds.AddressProbedFromHere(
        asked.method,
        asked.answer,
        asked.address,
        asked.addresses,
        asked.detail,
        facts.host or None,
        lease_renewed_ago=renewed_ago if is_leased else None,
        file_touched_ago=None if is_leased else renewed_ago,
    )
    return Evidence(values, at)


def _stands_alone(facts: JudgeInput) -> bool:
    """Return whether it is a channel in a file that no record joins to its worker, as Dynamo's
    `kv_metrics`: other failures of that worker prove nothing about it."""
    record = facts.record
    is_file = facts.lifetime.is_renewed and not facts.lifetime.has_leases
    alone = record.kind is Kind.EVENT_CHANNEL and facts.worker is None
    return is_file and alone and record.expired_at is None


def _of_serving(facts: JudgeInput) -> list[Evidence]:
    """Return the evidence of its worker set against a card; the decisive piece comes first."""
    record, routing, found = facts.record, facts.routing, list[kinds.Values]()
    if facts.disagreement is not None:
        found.append(facts.disagreement)
    if routing is not None and routing.unroutable:
        where = record.id.path() or None
        match routing.reason:
            case ServingReason.NEEDS:
                found.append(kinds.NeedsNotMet(routing.missing, record.id.namespace))
            case ServingReason.DEAD:
                found.append(kinds.InstanceDead(where))
            case ServingReason.UNUSABLE:
                found.append(kinds.InstanceAddressUnusable(where))
            case _:
                found.append(kinds.NoInstance(where))
    return [Evidence(values, facts.stored_at) for values in found]


def _lease_decides(facts: JudgeInput) -> bool:
    """Return whether its lease (or key) proves more than its addresses."""
    if lease_is_gone(facts):
        return True
    lease_ttl = facts.lease_ttl
    late = (
        facts.lifetime.is_renewed
        and lease_ttl is not None
        and lease_ttl.standing is LeaseStanding.LATE
    )
    return late and facts.probed.failure is None


def _severity(reading: ProbeResult) -> int:
    order = (
        ProbeAnswer.REFUSED,
        ProbeAnswer.SILENT,
        ProbeAnswer.UNREACHED,
        ProbeAnswer.AWAY,
        ProbeAnswer.ANSWERS,
        ProbeAnswer.ACCEPTS,
        ProbeAnswer.UNTRIED,
    )
    return order.index(reading.answer)


def _of_a_worker_that_is_gone(facts: JudgeInput) -> kinds.Values:
    if facts.worker is None:
        return kinds.WorkerUnknown()
    if facts.unusable_instances:
        return kinds.InstancesUnusable(facts.worker, facts.unusable_instances)
    return kinds.WorkerGone(facts.worker, has_leases=facts.lifetime.has_leases)


def _of_lease(facts: JudgeInput) -> kinds.Values:
    """Return the last reading of its lease, file or bucket as evidence."""
    assert facts.lease_ttl is not None
    ttl = facts.lease_ttl.ttl
    remaining, granted = ttl.remaining, ttl.granted or 0.0
    if not facts.lifetime.is_renewed:
        return kinds.BucketKeeps(remaining, granted)
    if facts.record.lease is None:
        touched = kinds.FileLate if is_late(ttl) else kinds.FileTouched
        return touched(granted - remaining, granted)
    if ttl.granted is None:
        return kinds.LeaseGone()
    if is_late(ttl):
        # The time that the leader gave is over: this renewal was missed after it.
        return kinds.LeaseLate(remaining, granted, reset_ago=None)
    if ttl.reset_ago is None:
        return kinds.LeaseLeft(remaining, granted, reset_ago=None)
    match facts.lease_ttl.standing:
        case LeaseStanding.RENEWED:
            return kinds.LeaseLeft(remaining, granted, ttl.reset_ago)
        case LeaseStanding.LATE:
            return kinds.LeaseLate(remaining, granted, ttl.reset_ago)
    return kinds.LeaseUnproved(remaining, granted, ttl.reset_ago)
