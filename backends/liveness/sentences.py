"""The sentence for each kind of evidence. Pure.

It is here and not in a front end, because the library prints evidence, and the audit keeps it as it
read at the time of the act.
"""

from __future__ import annotations

from typing import assert_never

from backends.liveness import evidence_kinds as kinds
from backends.liveness.object_sentences import of_its_object
from backends.probe.types import ProbeMethod

AHEAD = 2.0
"""Seconds that a file's time may be ahead of the clock without a word."""

FRONTEND_RULE = "a running frontend keeps the sort that it accepted first, a new one takes either"

_PLURALS = {
    ProbeMethod.TCP: "request planes",
    ProbeMethod.HTTP: "request planes",
    ProbeMethod.ZMTP: "publishers",
    ProbeMethod.HEALTH: "system servers",
    ProbeMethod.NATS: "subjects",
}


def sentence(values: kinds.Values) -> str:
    """Return a sentence without its full stop, without the time; may hold untrusted text."""
    match values:
        case kinds.NothingAsked():
            return "no evidence was gathered yet"
        case (
            kinds.Unread()
            | kinds.Malformed()
            | kinds.OddKey()
            | kinds.NamesAnother()
            | kinds.TimeRanOut()
            | kinds.AddressUnusable()
        ):
            return _of_the_record(values)
        case (
            kinds.LeaseLeft()
            | kinds.LeaseLate()
            | kinds.LeaseUnproved()
            | kinds.LeaseGone()
            | kinds.NoLease()
            | kinds.RenewalAwaited()
        ):
            return _of_its_lease(values)
        case (
            kinds.FileTouched()
            | kinds.FileLate()
            | kinds.KeptAlive()
            | kinds.BucketKeeps()
            | kinds.NotRenewed()
        ):
            return _of_its_file_or_bucket(values)
        case kinds.AddressProbed() | kinds.AddressProbedFromHere() | kinds.NatsNotAsked():
            return _of_addresses(values)
        case (
            kinds.Ready()
            | kinds.NotReady()
            | kinds.TakenOut()
            | kinds.ContainerDown()
            | kinds.PodEnding()
            | kinds.PodGone()
            | kinds.PodReplaced()
            | kinds.PreviousProcess()
            | kinds.LeftByShutdown()
            | kinds.IdNotOfObject()
            | kinds.IdRounded()
            | kinds.HidesWorker()
            | kinds.RightMissing()
        ):
            return of_its_object(values)
        case (
            kinds.WorkerGone()
            | kinds.InstancesUnusable()
            | kinds.WorkerUnknown()
            | kinds.NoSource()
            | kinds.Drained()
            | kinds.DrainedOrDeleted()
        ):
            return _of_its_worker(values)
        case (
            kinds.NoInstance()
            | kinds.InstanceDead()
            | kinds.InstanceAddressUnusable()
            | kinds.NeedsNotMet()
            | kinds.CardsDiffer()
        ):
            return _of_requests(values)
    assert_never(values)


def _of_the_record(
    values: kinds.Unread
    | kinds.Malformed
    | kinds.OddKey
    | kinds.NamesAnother
    | kinds.TimeRanOut
    | kinds.AddressUnusable,
) -> str:
    match values:
        case kinds.Unread(detail):
            return f"its value is not known: {detail}"
        case kinds.Malformed(detail):
            return f"Dynamo skips it: {detail}"
        case kinds.OddKey(detail):
            return f"{detail}, but its body is valid: clients of Dynamo 1.6 go by the body"
        case kinds.NamesAnother(detail):
            return detail
        case kinds.TimeRanOut():
            return "its time to live has expired, but the key is still there"
        case kinds.AddressUnusable(address, detail):
            named = f"its address {address}" if address else "its address"
            return f"{named} {detail}: no client can connect to it"
    assert_never(values)


def _of_its_lease(
    values: kinds.LeaseLeft
    | kinds.LeaseLate
    | kinds.LeaseUnproved
    | kinds.LeaseGone
    | kinds.NoLease
    | kinds.RenewalAwaited,
) -> str:
    match values:
        case kinds.LeaseGone():
            return "its lease no longer exists"
        case kinds.NoLease():
            return "it has no lease: it will never expire"
        case kinds.RenewalAwaited():
            return "its next renewal will show whether its worker is alive"
    left = f"its lease has {values.remaining:.0f} of {values.granted:.0f} s left"
    if values.reset_ago is not None:
        ago = _ago(values.reset_ago)
        left = f"{left}, which the store's new leader gave every lease {ago}"
    match values:
        case kinds.LeaseLeft(reset_ago=None):
            return left
        case kinds.LeaseLeft():
            return f"{left}: no renewal is due yet"
        case kinds.LeaseLate(reset_ago=None):
            return f"{left}: the keep-alive at {values.granted / 2:.0f} s was missed"
        case kinds.LeaseLate():
            return f"{left}: the keep-alive that was due before was missed"
        case kinds.LeaseUnproved():
            return f"{left}: no keep-alive was seen since"
    assert_never(values)


def _of_its_file_or_bucket(
    values: kinds.FileTouched
    | kinds.FileLate
    | kinds.KeptAlive
    | kinds.BucketKeeps
    | kinds.NotRenewed,
) -> str:
    match values:
        case kinds.FileTouched(ago) if ago < -AHEAD:
            return f"last touched by a clock that is {-ago:.0f} s ahead of this one's"
        case kinds.FileTouched(ago):
            return f"last touched {max(0.0, ago):.0f} s ago"
        case kinds.FileLate(ago):
            return f"last touched {max(0.0, ago):.0f} s ago: a keep-alive was missed"
        case kinds.KeptAlive():
            return "it is kept alive: touched within its time to live"
        case kinds.BucketKeeps(remaining, granted):
            left = f"{max(0.0, remaining):.0f} of {granted:.0f} s"
            return f"no worker renews it: its bucket keeps it for {left} more"
        case kinds.NotRenewed():
            return "no worker renews it: it proves nothing about its worker"
    assert_never(values)


def _of_addresses(
    values: kinds.AddressProbed | kinds.AddressProbedFromHere | kinds.NatsNotAsked,
) -> str:
    match values:
        case kinds.NatsNotAsked():
            return "the NATS server that carries it was not asked"
        case kinds.AddressProbed():
            return _asked(values)
        case kinds.AddressProbedFromHere():
            # From another host it may be otherwise, so the sentence names this one.
            host = f" {values.host}" if values.host else ""
            tried = f"{_asked(values)}, tried from this host{host}"
            if (ago := values.lease_renewed_ago) is not None:
                return f"{tried}; its lease was renewed {ago:.0f} s ago"
            if (ago := values.file_touched_ago) is not None:
                return f"{tried}; it was touched {ago:.0f} s ago"
            return tried
    assert_never(values)


def _asked(values: kinds.AddressProbed | kinds.AddressProbedFromHere) -> str:
    """Return the result of probing one address, or several of one kind: `16 publishers greet`."""
    if values.addresses == 1:
        return f"{values.address} {values.detail}"
    named = f"each of {values.addresses:,} {_PLURALS[values.method]}"
    return f"{named} {values.detail} ({values.address} and {values.addresses - 1:,} more)"


def _of_its_worker(
    values: kinds.WorkerGone
    | kinds.InstancesUnusable
    | kinds.WorkerUnknown
    | kinds.NoSource
    | kinds.Drained
    | kinds.DrainedOrDeleted,
) -> str:
    match values:
        case kinds.WorkerGone(worker, has_leases):
            lease = " and no lease" if has_leases else ""
            return f"its worker {worker:x} has no instance{lease}"
        case kinds.InstancesUnusable(worker, instances):
            those = "its instance is" if instances == 1 else "all its instances are"
            return f"of its worker {worker:x} {those} expired or malformed"
        case kinds.WorkerUnknown():
            return "its worker is unknown"
        case kinds.NoSource(has_address):
            address = ", or its own address fails" if has_address else ""
            return f"no source names its worker: it is dead once its file expires{address}"
        case kinds.Drained(user, host, act):
            by = f"drained by {user} on {host}" if user else "this dyntop drained its worker"
            return f"{by}: dyntop restore {act} puts it back" if act else by
        case kinds.DrainedOrDeleted(has_leases):
            lease = "its lease is alive" if has_leases else "its other files are kept alive"
            return f"drained or deleted, {lease}"
    assert_never(values)


def _of_requests(
    values: kinds.NoInstance
    | kinds.InstanceDead
    | kinds.InstanceAddressUnusable
    | kinds.NeedsNotMet
    | kinds.CardsDiffer,
) -> str:
    match values:
        case kinds.NeedsNotMet(missing, namespace):
            roles = " and no routable ".join(missing)
            return f"its model is not served: no routable {roles} worker in {namespace or ''}"
        case kinds.CardsDiffer():
            return _several_sorts(values)
    where = values.endpoint or "its endpoint"
    match values:
        case kinds.NoInstance():
            return (
                f"no instance of it is registered on {where}: "
                "drained, deleted, stopping, or not there yet"
            )
        case kinds.InstanceDead():
            return f"its instance on {where} is dead"
        case kinds.InstanceAddressUnusable():
            return f"its instance on {where} has an address that no client can connect to"
    assert_never(values)


def _several_sorts(values: kinds.CardsDiffer) -> str:
    """Return a sentence on a conflict, as seen from the first sort: the workers of each sort, since
    when, the fields that differ, and what a frontend does."""
    if not values.sorts:
        return "the cards of its worker set differ"
    mine, *others = values.sorts
    workers = "1 worker has" if mine.workers == 1 else f"{mine.workers:,} workers have"
    rest = " and ".join(
        f"{one.workers:,} another{_known_for(one)}, which differs in "
        f"{', '.join(one.differs_in) or 'fields that are not shown'}"
        for one in others
    )
    more = values.number - len(values.sorts)
    rest += f" and {more:,} more sorts" if more > 0 else ""
    return (
        f"{values.number:,} sorts of card in its worker set: {workers} this one"
        f"{_known_for(mine)}, {rest}; {FRONTEND_RULE}"
    )


def _known_for(sort: kinds.CardSort) -> str:
    """Return since when a sort is known; for one that was there at the start a minimum."""
    if sort.known_for < 1 and sort.was_there:
        return ""
    age = sort.known_for
    text = f"{age:.0f} s" if age < 120 else f"{age / 60:.0f} min"
    return f" (for more than {text})" if sort.was_there else f" (for {text})"


def _ago(seconds: float) -> str:
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"
