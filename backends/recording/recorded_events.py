"""The events of a recording, with their reasons as far as the recording has them.

Folded by the same history and the same explanations as the dashboard's: what it asked a store is
taken from the readings that were recorded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial

import msgspec

from backends.aio.daemon_thread import in_daemon_thread
from backends.discovery.causes import Causes, EventCause
from backends.discovery.cluster import Cluster
from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.history import KEPT, Event, EventType, History
from backends.discovery.reasons import Reason
from backends.dynamo.parse import read
from backends.recording.folding import EntryChange, resynced
from backends.recording.frame_contents import FrameContent, frame_and_step
from backends.recording.recorded_reasons import SETTLE, RecordedReasons
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import (
    Delete,
    Entry,
    Lifetime,
    Lost,
    Put,
    Resync,
    StoreEvent,
)
from backends.timeline import DrainsRead, LeasesRead, Moment, Step, StoreEvents

CAUSES_OF = 50_000
"""Events of which causes are made at most, the newest."""


class RecordedEvent(msgspec.Struct, frozen=True):
    """An event, and where in the recording it is."""

    event: Event
    moment: Moment


async def recorded_events(
    timeline: RecordingTimeline, since: float | None, until: float | None
) -> AsyncIterator[RecordedEvent]:
    """Yield the events between two times in POSIX seconds, oldest first. None: all. Raises
    `StoreError`."""
    fold = _Fold(timeline.lifetime)
    async for found in _folded(fold, timeline, since, until):
        yield found


async def recorded_causes(
    timeline: RecordingTimeline, since: float | None, until: float | None
) -> list[EventCause]:
    """Return the causes of the last events between two times, oldest first. Raises `StoreError`."""
    fold = _Fold(timeline.lifetime, CAUSES_OF)
    shown = {found.event.number async for found in _folded(fold, timeline, since, until)}
    causes = Causes(timeline.lifetime, CAUSES_OF)
    causes.follow(fold.history)
    return [one for one in causes.newest_first() if one.events[-1].number in shown][::-1]


async def reasons_between(
    timeline: RecordingTimeline, since: float, until: float
) -> dict[tuple[bytes, float], Reason]:
    """Return why records went between two times in POSIX seconds, by key and time of their removal.
    Folds in a thread of its own, since it takes a second of a large cluster. Raises `StoreError`.
    """

    async def fold() -> dict[tuple[bytes, float], Reason]:
        return {
            (record.key, found.event.at): why
            async for found in recorded_events(timeline, since, until)
            if found.event.type is EventType.REMOVED
            and (record := found.event.record) is not None
            and (why := found.event.why) is not None
        }

    return await in_daemon_thread(lambda: asyncio.run(fold()), "dyntop reasons")


async def _folded(
    fold: _Fold, timeline: RecordingTimeline, since: float | None, until: float | None
) -> AsyncIterator[RecordedEvent]:
    is_whole = since is None or not timeline.has_times
    start = await (timeline.first() if is_whole else timeline.at_time(since or 0.0))
    first, _ = frame_and_step(start.number)
    waiting: deque[RecordedEvent] = deque()

    def settled(now: float | None) -> Iterator[RecordedEvent]:
        while waiting and (now is None or waiting[0].event.at < now - SETTLE):
            found = waiting.popleft()
            at = found.event.at
            if found.event.is_untimed and not (since is None and until is None):
                continue
            if (since is None or at >= since) and (until is None or at <= until):
                yield found

    for number in range(first, len(timeline.recording.heads)):
        content, crossing = await timeline.in_thread(partial(_frame, timeline, number, first))
        fold.read_at = timeline.recording.heads[number].header.at
        if number == first:
            waiting += await fold.begin(content, is_first=number == 0)
        for moment, step in (*crossing, *((one.moment, one.step) for one in content.steps)):
            waiting += await fold.take(moment, step)
            for one in settled(fold.now):
                yield one
            if until is not None and fold.now > until + SETTLE:
                break
        else:
            continue
        break
    for one in settled(None):
        yield one


def _frame(
    timeline: RecordingTimeline, number: int, first: int
) -> tuple[FrameContent, list[tuple[Moment, Step]]]:
    """Return a frame, and the steps that lead to it from the one before. Blocks."""
    recording = timeline.recording
    crossing = [] if number == first else recording.crossing(number)
    return recording.content(number), [(one.moment, one.step) for one in crossing]


class _Fold:
    """Folds steps into a history, and finds why things happened."""

    def __init__(self, lifetime: Lifetime, kept: int = KEPT) -> None:
        self.history = History(kept)
        self.now = 0.0
        self.read_at = 0.0
        """When the frame was begun, before which all that has no time happened."""
        self._contact = 0.0
        """When the store was last known to answer."""
        self._is_lost = False
        self._cluster = Cluster()
        self._entries: dict[bytes, Entry] = {}
        self._reasons = RecordedReasons(
            lifetime, self._cluster, self.history, clock=lambda: self.now, kept=kept
        )

    async def begin(self, content: FrameContent, *, is_first: bool) -> list[RecordedEvent]:
        """Begin with a frame. `is_first`: the recording begins with it, which is an event."""
        base = content.base
        found = await self.take(base, StoreEvents((content.entries,)))
        for step in content.evidence:
            await self.take(base, step)
        # A first state without a time was not read then: it is no event.
        return found if is_first and base.at is not None else []

    async def take(self, moment: Moment, step: Step) -> list[RecordedEvent]:
        """Take in a step. Returns the new events."""
        self.now = self.read_at if moment.at is None else moment.at
        match step:
            case LeasesRead(ttls=ttls):
                await self._reasons.read(ttls)
            case DrainsRead(marks=marks):
                self._reasons.drained(marks)
            case StoreEvents(events=events):
                return [
                    RecordedEvent(one, moment)
                    for event in events
                    for one in await self._report(event, moment)
                ]
            case _:
                pass
        return []

    async def _report(self, event: StoreEvent, moment: Moment) -> list[Event]:
        watched = self._watched(event, moment)
        if not isinstance(watched, Lost):
            self._is_lost = self._is_lost and not isinstance(watched, Resynced)
        else:
            self._is_lost = True
        if not self._is_lost and not isinstance(watched, Resynced):
            # A store that is followed reports at once.
            self._contact = self.now
        noted = (
            []
            if watched is None
            else self.history.apply(
                watched,
                self.now,
                since=self._contact,
                reading_of=self._reasons.reading_of,
                is_first=lambda record: self._cluster.count_of(record) <= 0,
            )
        )
        if isinstance(watched, Added | Removed | Resynced):
            self._cluster.apply(watched, self.now)
        for one in noted if moment.at is None else ():
            one.is_untimed = True
        await self._reasons.note(noted)
        return noted

    def _watched(self, event: StoreEvent, moment: Moment) -> WatchEvent | None:
        """Return what a watch yields for what a store reported. None: nothing changed."""
        match event:
            case Put(entry=entry):
                self._entries[entry.key] = entry
                return Added(read(entry), self._cluster.records.get(entry.key))
            case Delete(key=key, revision=revision, overdue=overdue):
                self._entries.pop(key, None)
                gone = self._cluster.records.get(key)
                return None if gone is None else Removed(gone, revision, overdue)
            case Resync(revision=revision, unread=unread):
                changes = resynced(self._entries, event)
                return _resynced(self._cluster, changes, revision or moment.revision, unread)
            case Lost():
                return event
        return None


def _resynced(
    cluster: Cluster, changes: Sequence[EntryChange], revision: str, unread: str
) -> Resynced:
    removed, added = [], []
    for before, after in changes:
        if after is not None:
            added.append(Added(read(after), cluster.records.get(after.key)))
        elif before is not None:
            removed.append(Removed(cluster.records[before.key]))
    return Resynced(tuple(removed), tuple(added), revision, unread)
