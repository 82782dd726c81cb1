"""Make events of changes from before the start, for a history. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from itertools import accumulate

from msgspec.structs import replace

from backends.discovery.history import Event, EventType
from backends.discovery.past_records import RecordChange, StoreChange, holds_alike
from backends.discovery.reasons import Reason, ReasonKind
from backends.discovery.record_index import process_of
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.store import PodEvent
from backends.store.pods import PodWarning

RECENT = 600.0
"""Seconds before the start from which objects that were created are events."""

MOST_WARNINGS = 500
"""Warnings about pods that are events."""

KeysOf = Callable[[AnyRecord], int]
"""Returns how many keys a record's process had after the last change."""


def earlier_events(
    changes: Sequence[RecordChange], start: float, keys_of: KeysOf, *, has_revisions: bool = False
) -> list[Event]:
    """Return an event for each change that is one, oldest first.

    The last one has the number 0, so that they come before all that is seen later. `start`: POSIX
    seconds at which the store had been read, for changes without a time of their own.
    `has_revisions`: whether a change with a time has a revision beside it.
    """
    keys: dict[Hashable, int] = {}
    events: list[Event] = []
    event_of = partial(_event, start=start, has_revisions=has_revisions)
    for change in reversed(changes):
        if change.record is not None and change.previous is not None:
            if not holds_alike(change.previous, change.record):
                events.append(event_of(change, EventType.CHANGED, -len(events)))
            continue
        record = change.latest
        process = process_of(record)
        after = keys[process] if process in keys else keys_of(record)
        is_added = change.record is not None
        keys[process] = after - 1 if is_added else after + 1
        kind = EventType.ADDED if is_added else EventType.REMOVED
        event = event_of(change, kind, -len(events))
        event.is_first = is_added and keys[process] <= 0
        events.append(event)
    return events[::-1]


def with_store_changes(
    events: Sequence[Event],
    changes: Sequence[RecordChange],
    store_changes: Iterable[StoreChange],
    matches: Callable[[RecordChange], bool],
) -> list[Event]:
    """Return events from before the start with those of the store between them, numbered anew.

    `events`: one of each of the `changes` that `matches`.
    """
    before = [0, *accumulate(map(matches, changes))]
    """How many events came before each change."""
    found: list[Event] = []
    done = 0
    for one in store_changes:
        place = before[min(one.place, len(changes))]
        found += events[done:place]
        done = place
        kind, why = EventType.LOST, Reason(ReasonKind.LOST, error=one.error or "")
        if one.error is None:
            differ = changes[max(0, one.place - one.differences) : one.place]
            read = [change.record is not None for change in differ if matches(change)]
            for event in found[len(found) - len(read) :]:
                event.why = _in_a_gap(event)
            kind = EventType.RESYNCED
            why = Reason(
                ReasonKind.RESYNCED,
                added=sum(read),
                removed=len(read) - sum(read),
                revision=one.revision,
            )
        found.append(Event(0, one.at, kind, None, why))
    found += events[done:]
    for number, event in enumerate(reversed(found)):
        event.number = -number
    return found


def _in_a_gap(event: Event) -> Reason:
    """Return the reason of what happened at some time before the store was read again."""
    if event.type is not EventType.REMOVED:
        return Reason(ReasonKind.GAP, after_gap=True)
    why = Reason(ReasonKind.IN_THE_PAST) if event.why is None else event.why
    return replace(why, after_gap=True, revision="")


def events_of_objects(records: Iterable[AnyRecord], start: float) -> list[Event]:
    """Return an event for each record in an object that was created in the last minutes before
    `start` (Kubernetes), oldest first, numbered as `earlier_events`.

    The object tells when it was created, and when Dynamo wrote it last: what it holds came then or
    in between. What went left no trace.
    """
    objects: defaultdict[str, list[AnyRecord]] = defaultdict(list)
    for record in records:
        owner = record.entry.owner
        if owner is None or owner.created_at is None or owner.applied_at is None:
            continue
        if start - RECENT <= owner.created_at <= owner.applied_at <= start:
            objects[owner.path].append(record)
    events: list[Event] = []
    for held in sorted(objects.values(), key=_created):
        for place, record in enumerate(sorted(held, key=lambda one: one.key)):
            owner = record.entry.owner
            assert owner is not None
            assert owner.applied_at is not None
            events.append(
                Event(
                    0,
                    owner.applied_at,
                    EventType.ADDED,
                    record,
                    Reason(ReasonKind.BEFORE_START),
                    is_first=place == 0,
                    is_untimed=owner.applied_at != owner.created_at,
                )
            )
    for number, event in enumerate(reversed(events)):
        event.number = -number
    return events


def events_of_pods(
    warnings: Iterable[PodWarning], records: Iterable[AnyRecord], start: float
) -> list[Event]:
    """Return an event for each of the last warnings up to `start` about a pod that owns one of the
    records (Kubernetes), oldest first, numbered as `earlier_events`.

    One of several that happened again and again is at its last time.
    """
    owned: dict[str, AnyRecord] = {}
    for record in sorted(records, key=_instances_first):
        owner = record.entry.owner
        if owner is not None and owner.pod_uid:
            owned.setdefault(owner.pod_uid, record)
    events = [
        Event(0, one.event.last_at, EventType.REPORTED, owned[one.pod_uid], _warning(one.event))
        for one in warnings
        if one.pod_uid in owned and one.event.last_at is not None and one.event.last_at <= start
    ]
    return in_order(sorted(events, key=lambda event: event.at)[-MOST_WARNINGS:])


def in_order(events: Iterable[Event]) -> list[Event]:
    """Return events from before the start by their times, numbered anew as `earlier_events`."""
    found = sorted(events, key=lambda event: event.at)
    for number, event in enumerate(reversed(found)):
        event.number = -number
    return found


def _instances_first(record: AnyRecord) -> tuple[bool, bytes]:
    return not isinstance(record, EndpointInstance), record.key


def _warning(event: PodEvent) -> Reason:
    return Reason(
        ReasonKind.POD_WARNING,
        container=event.container,
        warning=event.reason,
        message=event.message,
        times=event.count,
    )


def _created(held: Sequence[AnyRecord]) -> float:
    owner = held[0].entry.owner
    return 0.0 if owner is None or owner.created_at is None else owner.created_at


def _event(
    change: RecordChange, kind: EventType, number: int, *, start: float, has_revisions: bool
) -> Event:
    record, previous = change.latest, change.previous
    lease = None
    if kind is EventType.CHANGED and previous is not None and previous.lease != record.lease:
        lease = record.lease
    # Where a revision is a time, the event has it.
    has_revision = change.revision is not None and (change.at is None or has_revisions)
    revision = str(change.revision) if has_revision else ""
    why = Reason(ReasonKind.BEFORE_START, revision=revision, lease=lease)
    at = start if change.at is None else change.at
    return Event(number, at, kind, record, why, is_untimed=change.at is None)
