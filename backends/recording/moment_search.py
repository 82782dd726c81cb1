"""Find the next moment of a recording at which something was removed, died, or has a name.

Frames are read one after the other, so a search of a whole day takes some seconds: it ends early if
its caller is cancelled.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

from backends.discovery.lease_ttl import LeaseStanding, LeaseTtl
from backends.discovery.owner_changes import why_owner_changed
from backends.discovery.reasons import (
    SWEEP_SLACK,
    ObservedRemoval,
    ReasonKind,
    why_lease_ended,
)
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.recording.folding import EntryChange, entry_changes, known_at
from backends.recording.frame_contents import FrameContent, frame_and_step
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Delete, Entry, TimeToLive
from backends.timeline import LeasesRead, Moment, Stepped, StoreEvents

_GONE = TimeToLive(None, -1.0)
_OBJECT_DIED = frozenset({ReasonKind.POD_GONE, ReasonKind.POD_REPLACED, ReasonKind.RESTARTED})

Finds = Callable[[Stepped, Sequence[EntryChange]], bool]
"""Returns whether a step is looked for, with the changes of entries that it makes."""


class MomentSearch:
    """Searches a recording from a moment on, or back from it if `by` is below 0.

    Each search returns None if there is no such moment, and may raise `StoreError`.
    """

    def __init__(self, timeline: RecordingTimeline) -> None:
        self._timeline = timeline

    async def removal(self, moment: Moment, by: int) -> Moment | None:
        """Return the next moment at which a key was removed."""
        return await self._search(moment, by, lambda _: removes)

    async def death(self, moment: Moment, by: int) -> Moment | None:
        """Return the next moment at which a process is seen to have died.

        That is, as far as the recording has it: keys were removed since their lease ran out, as the
        events word it; a lease was gone while its keys were there; the time to live of a file
        ended, or it was removed after that had ended unseen; in Kubernetes the pod of an object
        went or was replaced, or its container was started again. A worker that was stopped or
        drained did not die, nor one whose lease is late.
        """
        return await self._search(moment, by, lambda content: Deaths(content).has)

    async def record(
        self, moment: Moment, by: int, matches: Callable[[AnyRecord], bool]
    ) -> Moment | None:
        """Return the next moment at which a record that matches came, changed or went."""

        def finds(_stepped: Stepped, changes: Sequence[EntryChange]) -> bool:
            return any(
                matches(read(entry)) for change in changes for entry in change if entry is not None
            )

        return await self._search(moment, by, lambda _: finds)

    async def _search(
        self, moment: Moment, by: int, finder: Callable[[FrameContent], Finds]
    ) -> Moment | None:
        """`finder` returns what is called with all steps of a frame, in their order."""
        cancelled = threading.Event()

        def search() -> Moment | None:
            recording = self._timeline.recording
            for number in self._frames(moment, by):
                if cancelled.is_set():
                    return None
                content = recording.content(number)
                found = [
                    one for one in _found(content, finder(content)) if _is_past(one, moment, by)
                ]
                if found:
                    return found[0] if by > 0 else found[-1]
            return None

        try:
            return await self._timeline.in_thread(search)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def _frames(self, moment: Moment, by: int) -> range:
        frames = len(self._timeline.recording.heads)
        frame = min(max(0, frame_and_step(max(0, moment.number))[0]), frames - 1)
        return range(frame, frames) if by > 0 else range(frame, -1, -1)


def _is_past(found: Moment, moment: Moment, by: int) -> bool:
    return found.number > moment.number if by > 0 else found.number < moment.number


def _found(content: FrameContent, finds: Finds) -> Iterator[Moment]:
    known = known_at(content)
    for stepped in content.steps:
        changes = [one for _, some in entry_changes(known, [stepped]) for one in some]
        if finds(stepped, changes):
            yield stepped.moment


def removes(_stepped: Stepped, changes: Sequence[EntryChange]) -> bool:
    """Return whether a key went, with the changes of entries that a step makes."""
    return any(after is None for _, after in changes)


class Deaths:
    """Tells which steps of a frame show that a process died."""

    def __init__(self, content: FrameContent) -> None:
        self._ttls: dict[LeaseOrKey, LeaseTtl] = {}
        self._there: dict[int, int] = {}
        """How many keys each lease has."""
        for entry in content.entries.entries:
            self._count(entry, 1)
        for step in content.evidence:
            if isinstance(step, LeasesRead):
                self._ttls.update(step.ttls)

    def has(self, stepped: Stepped, changes: Sequence[EntryChange]) -> bool:
        """Take in a step, and return whether it shows a death."""
        step = stepped.step
        if isinstance(step, LeasesRead):
            return self._lease_is_gone(step)
        overdue = _overdue(step) if isinstance(step, StoreEvents) else {}
        died = False
        for before, after in changes:
            died = self._died(before, after, stepped.moment, overdue) or died
        for before, after in changes:
            self._count(before, -1)
            self._count(after, 1)
        return died

    def _lease_is_gone(self, step: LeasesRead) -> bool:
        died = False
        for of, ttl in step.ttls.items():
            before = self._ttls.get(of)
            self._ttls[of] = ttl.after(before)
            is_new = before is None or before.standing is not LeaseStanding.GONE
            if is_new and ttl.standing is LeaseStanding.GONE and isinstance(of, int):
                died = died or self._there.get(of, 0) > 0
        return died

    def _died(
        self, before: Entry | None, after: Entry | None, moment: Moment, overdue: dict[bytes, float]
    ) -> bool:
        if before is None:
            return False
        if after is not None:
            if after.expired_at is not None and before.expired_at is None:
                return True
            if before.owner is None or after.owner is None:
                return False
            why = why_owner_changed(before.owner, after.owner)
            return why is not None and why.kind in _OBJECT_DIED
        if before.expired_at is None and overdue.get(before.key, -SWEEP_SLACK) > -SWEEP_SLACK:
            return True
        if before.lease is None or moment.at is None:
            return False
        reading = self._ttls.get(before.lease)
        gone = ObservedRemoval(read(before), moment.at, moment.at, reading=reading)
        return why_lease_ended([gone], _GONE, moment.at)[0].kind is ReasonKind.RAN_OUT

    def _count(self, entry: Entry | None, by: int) -> None:
        if entry is not None and entry.lease is not None:
            self._there[entry.lease] = self._there.get(entry.lease, 0) + by


def _overdue(step: StoreEvents) -> dict[bytes, float]:
    """Return for how long the files were overdue that a step removes."""
    return {
        event.key: event.overdue
        for event in step.events
        if isinstance(event, Delete) and event.overdue is not None
    }
