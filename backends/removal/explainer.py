"""Find out why records went, from the store's leases and from this machine's audit.

After a removal it queries the store once for each lease. It remembers other removals from the same
lease, so that the first gets its reason when the rest has followed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.discovery.history import KEPT, Event, EventType
from backends.discovery.reasons import (
    ObservedRemoval,
    Reason,
    ReasonKind,
    why_entry_went,
    why_file_went,
    why_lease_ended,
    why_lease_lives,
)
from backends.discovery.record_index import object_of, own_worker, process_of
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.removal.audit.operation import Operation
from backends.store import Entry, Lifetime, StoreError, TimeToLive

MOST_GOINGS = 500
"""Removals of one worker that are remembered, the newest."""
STOPPING = 5.0
"""Seconds from a stopping worker's first removed instance to the end of its lease, without pending
requests. 15 ms were measured; busy machines are slow."""

_BY_HAND = frozenset(ReasonKind) - {
    ReasonKind.STOPPED,
    ReasonKind.REVOKED,
    ReasonKind.RAN_OUT,
    ReasonKind.LEASE_ENDED,
}
"""Reasons that another dyntop may have caused."""

FindOperations = Callable[[Collection[Entry]], Awaitable[Mapping[bytes, Operation]]]
"""Return the audit's acts that removed entries, by key."""


class _Lives(Protocol):
    @property
    def lifetime(self) -> Lifetime: ...


class LeasesAsked(Protocol):
    """Tells what is left of leases: `Discovery`, or a recording of one."""

    @property
    def store(self) -> _Lives:
        """The store that they are of."""

    async def time_to_live(self, records: Iterable[AnyRecord]) -> dict[bytes, TimeToLive]:
        """Return each record's time limit, by key."""


class Explainer:
    """Derives the reasons of removals. `find_operations` None: there is no audit."""

    def __init__(
        self,
        discovery: LeasesAsked,
        cluster: Cluster,
        *,
        clock: Callable[[], float],
        find_operations: FindOperations | None = None,
        kept: int = KEPT,
    ) -> None:
        """`cluster`: the present records. `clock`: POSIX seconds. `kept`: removals of all workers
        that are remembered."""
        self._kept = kept
        self._discovery = discovery
        self._cluster = cluster
        self._clock = clock
        self._find_operations = find_operations
        self._went: OrderedDict[int, list[Event]] = OrderedDict()
        """The removals of each worker (by lease; in stores without leases, by id), oldest first."""
        self._remembered = 0
        self._ended: set[int] = set()
        """The leases that ended, and whose removals are explained."""
        self._samples: dict[Hashable, list[AnyRecord]] = {}
        """A few of the records that are left of each process, by what `_rest` asks for."""

    def note(self, event: Event) -> None:
        """Remember a removal, with or without a known reason."""
        record = event.record
        if event.type is not EventType.REMOVED or record is None:
            return
        if (worker := own_worker(record)) is None:
            return
        went = self._went.setdefault(worker, [])
        self._went.move_to_end(worker)
        went.append(event)
        self._remembered += 1
        if len(went) > MOST_GOINGS:
            del went[0]
            self._remembered -= 1
        # The history holds as many events, mostly the same objects: they take no more memory.
        while self._remembered > self._kept:
            _, oldest = self._went.popitem(last=False)
            self._remembered -= len(oldest)

    async def explain(self, events: Sequence[Event], *, again: bool = False) -> list[Event]:
        """Set the reason of each removal without one, and with `again` of those whose lease was
        alive at the last query. If the store does not answer, events stay as they are.

        Returns the events to explain once more in a few seconds: a stopping worker's instance goes
        before its lease, and may be the last key of that lease.
        """
        unknown = [
            one
            for one in events
            if one.removal is not None and (one.why is None or (again and _is_provisional(one.why)))
        ]
        records = [one.record for one in unknown if one.record is not None]
        try:
            leases = await self._discovery.time_to_live(
                record for record in records if record.lease is not None
            )
        except StoreError:
            return []
        asked_at = self._clock()
        self._begin()
        for one in unknown:
            if one.removal is not None and (one.why is None or _is_provisional(one.why)):
                self._derive(one, one.removal, leases.get(one.removal.record.key), asked_at)
        await self._ask_audit(unknown)
        self._begin()
        return [one for one in unknown if self._is_open(one)]

    def _begin(self) -> None:
        """Forget what is found once for all removals of one worker that are explained together."""
        self._ended.clear()
        self._samples.clear()

    def _derive(
        self, event: Event, going: ObservedRemoval, lease_ttl: TimeToLive | None, asked_at: float
    ) -> None:
        record = going.record
        lifetime = self._discovery.store.lifetime
        if lease_ttl is not None and lease_ttl.granted is None:
            self._lease_ended(record, lease_ttl, asked_at, event)
        elif lease_ttl is not None:
            event.why = self._lease_lives(going, lease_ttl)
        elif lifetime is Lifetime.UNBOUNDED:
            event.why = Reason(ReasonKind.NOT_KEPT_ALIVE, after_gap=going.after_gap)
        elif lifetime is Lifetime.LEASED:
            event.why = Reason(ReasonKind.NO_LEASE, after_gap=going.after_gap)
        elif lifetime is Lifetime.OWNED:
            event.why = self._entry_went(going)
        else:
            event.why = self._file_went(going)

    def _lease_ended(
        self, record: AnyRecord, lease_ttl: TimeToLive, asked_at: float, asked: Event
    ) -> None:
        if record.lease is not None and record.lease in self._ended:
            if asked.why is None:
                asked.why = Reason(ReasonKind.LEASE_ENDED)
            return
        went = self._gone_of(record)
        if went and record.lease is not None:
            self._ended.add(record.lease)
        went = went or [asked]
        goings = [one.removal for one in went if one.removal is not None]
        reasons = why_lease_ended(goings, lease_ttl, asked_at)
        ended_at = max(one.at for one in goings)
        # The instance was the lease's last key: the lease was seen alive after it went.
        in_order = any(_is_first_step(one, ended_at) for one in went)
        explained = (one for one in went if one.removal is not None)
        for one, reason in zip(explained, reasons, strict=True):
            if in_order and reason.kind is ReasonKind.REVOKED:
                reason = replace(reason, kind=ReasonKind.STOPPED)
            if one.why is None:
                one.why = reason
            elif _is_provisional(one.why) and reason.kind is ReasonKind.STOPPED:
                ahead = ended_at - one.at
                # A drain, or a stop that waits for requests: both look so.
                later = replace(one.why, ended_after=ahead)
                one.why = reason if ahead <= STOPPING else later
        if asked.why is None:
            asked.why = Reason(ReasonKind.LEASE_ENDED)

    def _gone_of(self, record: AnyRecord) -> list[Event]:
        """Return the last removal of each key of a record's lease that is still gone, as far as
        they are remembered."""
        last: dict[bytes, Event] = {}
        for one in () if record.lease is None else self._went.get(record.lease, ()):
            if one.record is None or one.removal is None:
                continue
            now = self._cluster.records.get(one.record.key)
            # A frozen view still contains records that went meanwhile, unchanged.
            if now is None or now.entry == one.record.entry:
                last[one.record.key] = one
        return list(last.values())

    def _lease_lives(self, going: ObservedRemoval, lease_ttl: TimeToLive) -> Reason:
        record = going.record
        rest = self._rest(record)
        went = [] if record.lease is None else self._went.get(record.lease, [])
        held = [*rest, *(one.record for one in went)]
        return why_lease_lives(
            going,
            lease_ttl,
            rest,
            is_worker=any(isinstance(one, EndpointInstance | ModelCard) for one in held),
            model_gone=not self._has_card(record),
        )

    def _file_went(self, going: ObservedRemoval) -> Reason:
        if own_worker(going.record) is None and going.record.expired_at is None:
            return Reason(ReasonKind.REMOVED, after_gap=going.after_gap)
        reason = why_file_went(going, self._rest(going.record))
        if reason.kind is ReasonKind.ALL_REMOVED:
            worker = own_worker(going.record)
            for one in () if worker is None else self._went.get(worker, ()):
                is_step = one.why is not None and one.why.kind is ReasonKind.DELETED_ALONE
                if one.why is not None and is_step and going.at - one.at <= STOPPING:
                    one.why = replace(one.why, kind=ReasonKind.ALL_REMOVED)
        return reason

    def _entry_went(self, going: ObservedRemoval) -> Reason:
        worker, of = own_worker(going.record), object_of(going.record)
        recent = [
            one
            for one in (() if worker is None else self._went.get(worker, ()))
            if one.record is not None
            and object_of(one.record) == of
            and abs(going.at - one.at) <= STOPPING
        ]
        removals = [one.removal for one in recent if one.removal is not None]
        reason = why_entry_went(going, self._rest(going.record), removals)
        if reason.kind is ReasonKind.SHUT_DOWN:
            for one in recent:
                if one.why is not None and one.why.kind is ReasonKind.ENTRY_REMOVED:
                    one.why = replace(one.why, kind=ReasonKind.SHUT_DOWN)
        return reason

    def _rest(self, record: AnyRecord) -> list[AnyRecord]:
        """Return some of the present records of the same worker: at least one of each kind, and of
        those that have expired and those that have not. A worker may have thousands."""
        process = (self._cluster.worker_of(record), process_of(record), record.lease)
        if process not in self._samples:
            self._samples[process] = self._sample(record)
        return [one for one in self._samples[process] if one.key != record.key]

    def _sample(self, record: AnyRecord) -> list[AnyRecord]:
        """Return two of each sort, so that one is left without the record itself."""
        worker = own_worker(record)
        gone = set()
        if worker is not None:
            # A frozen view still contains records that went meanwhile.
            went = self._went.get(worker, ())
            gone = {one.record.entry for one in went if one.record is not None}
        found: dict[tuple[Kind, bool], list[AnyRecord]] = {}
        for one in self._cluster.with_siblings([record]):
            is_there = self._cluster.records.get(one.key) is one
            if is_there and one.lease == record.lease and one.entry not in gone:
                alike = found.setdefault((one.kind, one.expired_at is None), [])
                if len(alike) < 2:
                    alike.append(one)
        return [one for alike in found.values() for one in alike]

    def _has_card(self, record: AnyRecord) -> bool:
        """Return whether a model is registered at a record's endpoint."""
        at = record.id
        scope = tuple(name for name in (at.namespace, at.component, at.endpoint) if name)
        return bool(self._cluster.keys(ModelCard.kind, scope))

    async def _ask_audit(self, events: Iterable[Event]) -> None:
        if self._find_operations is None:
            return
        by_hand = {
            one.record.key: one
            for one in events
            if one.record is not None and one.why is not None and one.why.kind in _BY_HAND
        }
        if not by_hand:
            return
        found = await self._find_operations(
            [one.record.entry for one in by_hand.values() if one.record]
        )
        for key, act in found.items():
            event = by_hand[key]
            after_gap = event.why is not None and event.why.after_gap
            event.why = replace(by_another(act), after_gap=after_gap)

    def _is_open(self, event: Event) -> bool:
        record = event.record
        return record is not None and _is_provisional(event.why) and not self._rest(record)


def by_another(act: Operation) -> Reason:
    """Return the reason of what an act of the audit removed."""
    return Reason(
        ReasonKind.ANOTHER_DYNTOP, user=act.user, host=act.host, act=act.id, act_kind=act.kind
    )


def _is_provisional(why: Reason | None) -> bool:
    return why is not None and why.kind in (ReasonKind.DELETED, ReasonKind.CHANNEL_DROPPED)


def _is_first_step(event: Event, ended_at: float) -> bool:
    """Return whether an instance went while its lease lived, shortly before that ended."""
    is_instance = isinstance(event.record, EndpointInstance)
    soon = ended_at - event.at <= STOPPING
    return is_instance and soon and _is_provisional(event.why)
