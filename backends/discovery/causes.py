"""Group the events of a history by their cause: a worker's start or end, a drain, a lost store.

Pure. A cause has the events of one process that came within moments, and that have the same reason
by their own records. Every event is in exactly one cause; one that is not known to belong to others
is a cause of its own. Reasons are set after the event, so a cause may be split or joined then.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from enum import StrEnum
from itertools import takewhile
from math import inf
from operator import is_

from backends.discovery.history import KEPT, Event, EventType, History
from backends.discovery.reasons import Reason, ReasonKind
from backends.discovery.record_index import object_of, own_worker
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.store import Lifetime

STARTING = 10.0
"""Seconds between two keys of a process that starts. Measured: 100 ms to some seconds."""
STOPPING = 5.0
"""Seconds between two removals, or two expired files, of one process. Measured: 15 ms when idle; a
file is touched every 3 s."""


class CauseKind(StrEnum):
    """What happened, in one word."""

    STARTED = "started"
    """A process of which nothing was registered registered instances or model cards."""
    BACK = "back"
    """Keys are registered again that went before."""
    ADDED = "added"
    LOADED = "loaded"
    """The card of a LoRA adapter was added."""
    STOPPED = "stopped"
    """A process shut down in order."""
    ENDED = "ended"
    """A process ended, or its keys were taken away by hand."""
    EXPIRED = "expired"
    """A time to live ended: no keep-alive came."""
    REVIVED = "revived"
    DRAINED = "drained"
    """Instances were removed with dyntop so that their process gets no requests."""
    REMOVED = "removed"
    CHANGED = "changed"
    READY = "ready"
    NOT_READY = "not ready"
    RESTARTED = "restarted"
    REPORTED = "reported"
    """Kubernetes wrote down a warning about a pod."""
    RESYNCED = "resynced"
    LOST = "lost"


class EventCause:
    """Events that have one cause, oldest first; at least one."""

    __slots__ = ("events",)

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    @property
    def number(self) -> int:
        """The number of its first event: identifies it."""
        return self.events[0].number

    @property
    def at(self) -> float:
        """When its first event was seen, in POSIX seconds."""
        return self.events[0].at

    @property
    def until(self) -> float:
        """When its last event was seen, in POSIX seconds."""
        return self.events[-1].at

    @property
    def is_untimed(self) -> bool:
        """Whether it is only known that it happened at some time before `at`."""
        return self.events[0].is_untimed

    @property
    def records(self) -> list[AnyRecord]:
        """The records of its events, each once, as they were last. Empty: it is about the store."""
        found = {one.record.key: one.record for one in self.events if one.record is not None}
        return list(found.values())

    @property
    def worker(self) -> int | None:
        """The instance id (u64) of its process. None: not known, or it is about the store."""
        records = self.records
        named = [one.id.instance_id for one in records if _names_worker(one)]
        known = (one for one in named if one is not None)
        return next(known, own_worker(records[0]) if records else None)

    @property
    def why(self) -> Reason | None:
        """The reason of its last event. None: not known, or not known yet."""
        return self.events[-1].why

    @property
    def kind(self) -> CauseKind:
        return _kind_of(self.events)


class Causes:
    """The causes of the events of a history. Follows it when it is asked, and holds no more."""

    def __init__(self, lifetime: Lifetime, kept: int = KEPT) -> None:
        """`lifetime`: of the store. `kept`: as of the history."""
        self._has_leases = lifetime.has_leases
        self._kept = kept
        self._last = -inf
        """The number of the last event that was followed."""
        self._run_of: dict[int, _Run] = {}
        """By the number of each event, oldest first."""
        self._open: dict[Hashable, _Run] = {}
        """The runs that may go on; of each process and direction the last."""
        self._divisible: dict[_Run, None] = {}
        """The runs with removals, or with events that came after one: only of these may a reason be
        set later."""
        self._causes: dict[int, EventCause] = {}
        """By their numbers."""

    def __len__(self) -> int:
        return len(self._causes)

    def follow(self, history: History) -> None:
        """Take in the events that came since the last call, and the reasons that were found."""
        if self._run_of and history.first < next(iter(self._run_of)):
            # Some were put before all others.
            self._last = -inf
            for held in (self._run_of, self._open, self._divisible, self._causes):
                held.clear()
        new = list(takewhile(lambda event: event.number > self._last, reversed(history)))
        for event in reversed(new):
            self._add(event)
        self._settle()

    def newest_first(self, until: int | None = None) -> Iterator[EventCause]:
        """Yield the causes by their first events, the newest first. `until`: as they were at the
        event of that number."""
        for number in reversed(self._run_of):
            cause = self._causes.get(number)
            if cause is None or (until is not None and number > until):
                continue
            if until is not None and cause.events[-1].number > until:
                cause = EventCause([one for one in cause.events if one.number <= until])
            yield cause

    def of(self, number: int) -> EventCause | None:
        """Return the cause that has the event of a number now. None: it is no longer kept."""
        run = self._run_of.get(number)
        causes = () if run is None else run.causes.values()
        return next((c for c in causes if any(one.number == number for one in c.events)), None)

    def _add(self, event: Event) -> None:
        self._last = event.number
        run = self._run_for(event)
        run.events.append(event)
        run.reasons.append(_reason(event))
        if event.type is EventType.REMOVED or event.went_before is not None:
            self._divisible[run] = None
        self._run_of[event.number] = run
        self._put(run, event)
        while len(self._run_of) > self._kept:
            self._forget(next(iter(self._run_of)))

    def _put(self, run: _Run, event: Event) -> None:
        """Add an event of a run to its cause."""
        part = _part(event)
        if part in run.causes:
            run.causes[part].events.append(event)
        else:
            run.causes[part] = self._causes[event.number] = EventCause([event])

    def _run_for(self, event: Event) -> _Run:
        """Return the run that an event continues, or a new one."""
        if event.type is EventType.RESYNCED:
            self._open.pop(EventType.LOST, None)
        place, ended = self._places(event)
        for other in ended:
            self._open.pop(other, None)
        run = None if place is None else self._open.get(place)
        if run is not None and (event.type is EventType.LOST or _are_close(run.events[-1], event)):
            return run
        run = _Run(place)
        # What was added to a process that was there may have any cause.
        is_more = event.type is EventType.ADDED and not (event.is_first or event.went_before)
        if place is not None and not is_more:
            self._open[place] = run
        return run

    def _places(self, event: Event) -> tuple[Hashable, Sequence[Hashable]]:
        """Return what joins an event to others, and the same of runs that it ends. None: nothing
        joins it."""
        if event.type is EventType.LOST:
            return EventType.LOST, ()
        record = event.record
        process = None if record is None else self._process_of(record)
        if process is None or record is None:
            return None, ()
        match event.type:
            case EventType.ADDED:
                is_back = event.went_before is not None
                # Each adapter is loaded by a call of its own.
                joins = is_back or not _is_adapter(record)
                place = (process, EventType.ADDED, is_back) if joins else None
                return place, ((process, EventType.REMOVED),)
            case EventType.REPORTED:
                return None, ()
            case EventType.CHANGED:
                why = event.why
                is_moved = why is not None and (
                    why.kind is ReasonKind.NEW_LEASE or why.lease is not None
                )
                return (process, EventType.CHANGED) if is_moved else None, ()
            case EventType.REMOVED:
                came = [(process, EventType.ADDED, is_back) for is_back in (True, False)]
                return (process, EventType.REMOVED), came
        return (process, event.type), ()

    def _process_of(self, record: AnyRecord) -> Hashable:
        """Return what all records of one process share: their object, lease or id. None: it is
        not known. A key without a lease, in a store that has them, was put by hand."""
        if (of := object_of(record)) or not self._has_leases:
            return of or own_worker(record)
        return record.lease

    def _settle(self) -> None:
        """Divide the runs anew in which a reason was set."""
        for run in self._divisible:
            if run.is_settled():
                continue
            for cause in run.causes.values():
                del self._causes[cause.number]
            run.causes = {}
            run.reasons = [_reason(event) for event in run.events]
            for event in run.events:
                self._put(run, event)

    def _forget(self, number: int) -> None:
        """Drop the oldest event."""
        run = self._run_of.pop(number)
        del run.events[0], run.reasons[0]
        cause = self._causes.pop(number)
        if len(cause.events) > 1:
            del cause.events[0]
            self._causes[cause.number] = cause
        else:
            # Its event stays in it: a row may still show it.
            run.causes = {part: one for part, one in run.causes.items() if one is not cause}
        if not run.events:
            self._divisible.pop(run, None)
            if self._open.get(run.place) is run:
                del self._open[run.place]


class _Run:
    """Events of one process and direction that came within moments, oldest first."""

    __slots__ = ("causes", "events", "place", "reasons")

    def __init__(self, place: Hashable) -> None:
        self.place = place
        """What joins them."""
        self.events: list[Event] = []
        self.reasons: list[Reason | None] = []
        """Of each event, as it was when they were divided."""
        self.causes: dict[Hashable, EventCause] = {}
        """By what their events share."""

    def is_settled(self) -> bool:
        """Return whether all reasons are as they were."""
        return all(map(is_, map(_reason, self.events), self.reasons))


_BEGINS = frozenset({EventType.ADDED, EventType.CHANGED})
_LEASE_ENDED = frozenset(
    {ReasonKind.STOPPED, ReasonKind.REVOKED, ReasonKind.RAN_OUT, ReasonKind.LEASE_ENDED}
)
"""Reasons of all keys of one lease, which ends once."""

_BY_DYNTOP = frozenset(
    {ReasonKind.THIS_DYNTOP, ReasonKind.PERHAPS_THIS_DYNTOP, ReasonKind.ANOTHER_DYNTOP}
)

_KINDS: dict[ReasonKind, CauseKind] = {
    ReasonKind.STOPPED: CauseKind.STOPPED,
    ReasonKind.ALL_REMOVED: CauseKind.STOPPED,
    ReasonKind.REVOKED: CauseKind.ENDED,
    ReasonKind.LEASE_ENDED: CauseKind.ENDED,
    ReasonKind.POD_ENDED: CauseKind.ENDED,
    ReasonKind.SHUT_DOWN: CauseKind.ENDED,
    ReasonKind.RAN_OUT: CauseKind.EXPIRED,
    ReasonKind.READY: CauseKind.READY,
    ReasonKind.NOT_READY: CauseKind.NOT_READY,
    ReasonKind.TAKEN_OUT: CauseKind.DRAINED,
    ReasonKind.RESTARTED: CauseKind.RESTARTED,
}


def _are_close(last: Event, event: Event) -> bool:
    """Return whether two events of one process and direction came within moments, or in one step of
    the store."""
    if last.is_untimed or event.is_untimed:
        if not (last.is_untimed and event.is_untimed):
            return False
        # A process starts once. It may lose keys for several reasons.
        return event.type in _BEGINS or _revision(last) == _revision(event)
    within = STARTING if event.type in _BEGINS else STOPPING
    return abs(event.at - last.at) <= within


def _revision(event: Event) -> str:
    return "" if event.why is None else event.why.revision


def _reason(event: Event) -> Reason | None:
    """Return the reason that decides the cause of an event: of a key that is back, why it went."""
    return event.why if event.went_before is None else event.went_before.why


def _part(event: Event) -> Hashable:
    """Return what the events of a run share that have one cause."""
    why = event.why
    if event.type is EventType.ADDED and _is_loaded(event):
        return event.number
    if event.type is not EventType.REMOVED or why is None:
        return None
    if why.kind in _LEASE_ENDED:
        return ReasonKind.LEASE_ENDED
    if why.kind is ReasonKind.LORA_UNLOADED:
        return event.number
    return (why.kind, why.act, why.model_gone, why.ended_after is None)


def _kind_of(events: Sequence[Event]) -> CauseKind:
    event, why = events[0], events[-1].why
    match event.type:
        case EventType.ADDED:
            if _is_loaded(event):
                return CauseKind.LOADED
            if event.went_before is not None:
                return CauseKind.BACK
            is_worker = any(one.record is not None and _names_worker(one.record) for one in events)
            return CauseKind.STARTED if event.is_first and is_worker else CauseKind.ADDED
        case EventType.REMOVED if why is not None:
            if why.kind in _BY_DYNTOP and why.act_kind == "drain":
                return CauseKind.DRAINED
            return _KINDS.get(why.kind, CauseKind.REMOVED)
        case EventType.CHANGED if why is not None:
            return _KINDS.get(why.kind, CauseKind.CHANGED)
    return CauseKind(event.type.value)


def _is_loaded(event: Event) -> bool:
    """Return whether an added record is an adapter that was loaded, and not put back by dyntop."""
    if event.record is None or not _is_adapter(event.record):
        return False
    why = _reason(event)
    return event.went_before is None or why is None or why.kind not in _BY_DYNTOP


def _is_adapter(record: AnyRecord) -> bool:
    return isinstance(record, ModelCard) and record.is_lora


def _names_worker(record: AnyRecord) -> bool:
    """Return whether the id in a record's key is its worker's."""
    return isinstance(record, EndpointInstance | ModelCard)
