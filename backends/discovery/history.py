"""The last few thousand events, with their times, and their reasons where known.

Pure: time is passed in, and the reason of a removal is set once it is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import count

import msgspec
from msgspec.structs import replace

from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.owner_changes import OwnerChanges, holds_the_same
from backends.discovery.reasons import ObservedRemoval, Reason, ReasonKind
from backends.discovery.record_index import object_of, own_worker
from backends.dynamo.records import AnyRecord
from backends.store import Lost

KEPT = 5000
"""Events kept: a day of a calm cluster, and a few MB at most."""


class EventType(StrEnum):
    """The kind of change to a record, or to the connection with the store."""

    ADDED = "added"
    CHANGED = "changed"
    EXPIRED = "expired"
    """Its time to live ended, and the store keeps it (file)."""
    REVIVED = "revived"
    """It had expired and is renewed again."""
    REMOVED = "removed"
    REPORTED = "reported"
    """Kubernetes wrote down a warning about the pod of the record, which did not change."""
    RESYNCED = "resynced"
    LOST = "lost"
    """The connection to the store was lost. Later changes come with the next resync."""


class Event(msgspec.Struct):
    """One line of history. Only `why` is set later, and the time of what `is_untimed`."""

    number: int
    """Counts up; unique. Below 1: it happened before dyntop had read the store."""
    at: float
    """POSIX seconds at which this process saw it; if it `is_untimed`, before which it happened."""
    type: EventType
    record: AnyRecord | None
    """The record now, or before its removal. None: the event concerns the whole store."""
    why: Reason | None = None
    """None: not known, or not known yet."""
    removal: ObservedRemoval | None = None
    """For a removal: what was known at that moment, from which the reason is derived."""
    is_first: bool = False
    """For an added record: whether nothing else of its process was registered, as far as known."""
    went_before: Event | None = None
    """For an added record: the last removal of its key by the same process, if it is still kept."""
    is_untimed: bool = False
    """Whether it is only known that it happened at some time before `at`."""


def _not_read(_record: AnyRecord) -> LeaseTtl | None:
    return None


def _not_known(_record: AnyRecord) -> bool:
    return False


class History:
    """The last events, oldest first, at most `kept` of them."""

    def __init__(self, kept: int = KEPT, *, is_begun: bool = False, after: int = 0) -> None:
        """`is_begun`: whether all that is registered is known already, so that there is no event of
        a first snapshot. `after`: the number that its events come after."""
        self._kept = kept
        self._events: deque[Event] = deque(maxlen=kept)
        self._after = after
        self._numbers = count(after + 1)
        self._complete = is_begun
        self._start: Event | None = None
        """The event of the first snapshot."""
        self._owners = OwnerChanges()
        self._removals: dict[bytes, Event] = {}
        """The last removal of each key that is not registered, of those kept; the oldest first."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def last(self) -> int:
        """The number of the newest event. 0: there is none yet."""
        return self._events[-1].number if self._events else 0

    @property
    def first(self) -> int:
        """The number of the oldest event kept. 0: there is none yet."""
        return self._events[0].number if self._events else 0

    @property
    def start(self) -> Event | None:
        """The event of the first snapshot. None: it was not read yet, or is not kept any more."""
        start = self._start
        return start if start is not None and start.number >= self.first else None

    @property
    def is_after(self) -> int:
        """The number that all later events come after."""
        return max(self._after, self.last)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __reversed__(self) -> Iterator[Event]:
        return reversed(self._events)

    def reasons_of_removals(self) -> dict[tuple[bytes, str], Reason]:
        """Return the reasons of removals that were found, by key and revision."""
        return {
            (event.record.key, event.removal.revision): event.why
            for event in self
            if event.record is not None
            and event.removal is not None
            and event.removal.revision
            and event.why is not None
        }

    def put_before(self, earlier: Sequence[Event]) -> None:
        """Put earlier events before all others: as many of the last as there is room for. They come
        oldest first, and the last has the number 0. Here they are numbered anew, up to the number
        that all others come after."""
        for event in earlier:
            event.number += self._after
        room = self._kept - len(self._events)
        self._events.extendleft(reversed(earlier[max(0, len(earlier) - room) :]))

    def apply(
        self,
        event: WatchEvent,
        now: float,
        *,
        since: float | None = None,
        reading_of: Callable[[AnyRecord], LeaseTtl | None] = _not_read,
        is_first: Callable[[AnyRecord], bool] = _not_known,
    ) -> list[Event]:
        """Record one event of a watch. Returns the new events, oldest first.

        A change of an object's owner is one event, of the first of its entries that comes with it.
        A new revision of an unchanged entry is none.

        `since`: the last sign of life before it, in POSIX seconds. None: now. `reading_of` returns
        the last TTL read of a record's lease. `is_first` returns whether nothing else of a new
        record's process was registered before the event.
        """
        last_contact = now if since is None else since
        match event:
            case Added(record=record, previous=previous) if previous is not None and holds_the_same(
                record, previous
            ):
                return self._owner_changed(record, previous, now)
            case Added(record=record, previous=previous):
                return [self._came(event, now, _why_changed(record, previous), is_first)]
            case Removed(record=record):
                removal = ObservedRemoval(
                    record,
                    now,
                    last_contact,
                    revision=event.revision,
                    overdue=event.overdue,
                    reading=reading_of(record),
                )
                return [self._gone(removal)]
            case Resynced():
                # The records at the start are no events; after a gap, each difference is one.
                events: list[Event] = []
                if self._complete:
                    events = self._differences(event, now, last_contact, reading_of, is_first)
                events.append(self._resynced(event, now))
                return events
            case Lost(error=error):
                why = Reason(ReasonKind.LOST, error=str(error))
                return [self._append(now, EventType.LOST, None, why)]
        return []

    def _differences(
        self,
        event: Resynced,
        now: float,
        since: float,
        reading_of: Callable[[AnyRecord], LeaseTtl | None],
        is_first: Callable[[AnyRecord], bool],
    ) -> list[Event]:
        events = []
        for gone in event.removed:
            record = gone.record
            removal = ObservedRemoval(
                record, now, since, after_gap=True, reading=reading_of(record)
            )
            events.append(self._gone(removal))
        for new in event.added:
            if new.previous is not None and holds_the_same(new.record, new.previous):
                events += self._owner_changed(new.record, new.previous, now, after_gap=True)
                continue
            why = Reason(ReasonKind.GAP, after_gap=True)
            events.append(self._came(new, now, why, is_first))
        return events

    def _came(
        self,
        added: Added,
        now: float,
        why: Reason | None,
        is_first: Callable[[AnyRecord], bool],
    ) -> Event:
        record, previous = added.record, added.previous
        new = self._append(now, _event_type(record, previous), record, why)
        if previous is None:
            new.is_first = is_first(record)
            went = self._removals.pop(record.key, None)
            if went is not None and went.record is not None and _are_of_one(went.record, record):
                new.went_before = went
        return new

    def _owner_changed(
        self, record: AnyRecord, previous: AnyRecord, now: float, *, after_gap: bool = False
    ) -> list[Event]:
        before, owner = previous.entry.owner, record.entry.owner
        why = None if before is None or owner is None else self._owners.take(before, owner)
        if why is None:
            return []
        why = replace(why, after_gap=after_gap)
        return [self._append(now, EventType.CHANGED, record, why)]

    def _resynced(self, event: Resynced, now: float) -> Event:
        why = Reason(
            ReasonKind.RESYNCED,
            added=len(event.added),
            removed=len(event.removed),
            revision=event.revision,
            at_start=not self._complete,
        )
        new = self._append(now, EventType.RESYNCED, None, why)
        if not self._complete:
            self._complete, self._start = True, new
        return new

    def _gone(self, removal: ObservedRemoval) -> Event:
        new = self._append(removal.at, EventType.REMOVED, removal.record)
        new.removal = removal
        self._removals.pop(removal.record.key, None)
        self._removals[removal.record.key] = new
        while next(iter(self._removals.values())).number < self.first:
            del self._removals[next(iter(self._removals))]
        return new

    def _append(
        self, now: float, what: EventType, record: AnyRecord | None, why: Reason | None = None
    ) -> Event:
        new = Event(next(self._numbers), now, what, record, why)
        self._events.append(new)
        return new


def _are_of_one(one: AnyRecord, other: AnyRecord) -> bool:
    """Return whether two records of one key are of the same process, as far as they show it."""
    return own_worker(one) == own_worker(other) and object_of(one) == object_of(other)


def _event_type(record: AnyRecord, previous: AnyRecord | None) -> EventType:
    if previous is None:
        return EventType.ADDED
    if previous.revision == record.revision and previous.expired_at != record.expired_at:
        return EventType.REVIVED if record.expired_at is None else EventType.EXPIRED
    return EventType.CHANGED


def _why_changed(record: AnyRecord, previous: AnyRecord | None) -> Reason | None:
    if previous is None or previous.lease == record.lease:
        return None
    return Reason(ReasonKind.NEW_LEASE, lease=record.lease)
