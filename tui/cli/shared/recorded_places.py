"""What was registered at a time, by a recording: `FILE@TIME` on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from backends.discovery.past_records import RecordChange
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.recording.errors import NotInRecording
from backends.recording.folding import entry_changes, known_at, record_changes
from backends.recording.frame_contents import frame_and_step
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Entry, Lost, Resync
from backends.timeline import Moment, Opening, Stepped, StoreEvents
from tui.cli.shared.reading import Publishers
from tui.text.past.typed_time import TypedTime
from tui.text.timestamps import day_and_time


class RecordedPlace(msgspec.Struct, frozen=True):
    """A time in a recording, as typed."""

    path: str
    time: TypedTime


class RecordedMoment(msgspec.Struct, frozen=True):
    """What matches at a time of a recording."""

    timeline: RecordingTimeline
    moment: Moment
    when: str
    """The time that was asked for, in words."""
    records: Sequence[AnyRecord]
    publishers: Publishers
    unread: str

    @property
    def label(self) -> str:
        """Which recording it is, and when."""
        return f"{self.timeline.name} at {self.when}"


async def at_place(timeline: RecordingTimeline, time: TypedTime, query: Query) -> RecordedMoment:
    """Return what was registered at a time. Raises `StoreError`: also if it is not known, since
    the store was lost then or nothing was recorded."""
    moment, when = await _moment(timeline, time)
    opening = await timeline.open(moment)
    if (lost := _lost_since(opening)) is not None:
        why = f"what was registered at {when} is not known: the store was not followed"
        raise NotInRecording(timeline.name, f"{why} from {day_and_time(lost)} on")
    entries, unread = _entries(opening)
    everything = list(map(read, entries))
    records = [record for record in everything if query.matches(record)]
    return RecordedMoment(timeline, moment, when, records, Publishers(everything), unread)


async def _moment(timeline: RecordingTimeline, time: TypedTime) -> tuple[Moment, str]:
    """Return the moment of a typed time, and the time in words. Raises `StoreError`."""
    first, last = await timeline.first(), await timeline.last()
    start, end = timeline.timed_from, last.at
    if time.is_start and first.at is None:
        return first, "its start"
    if start is None or end is None:
        if time.is_end:
            return last, "its end"
        raise NotInRecording(timeline.name, "it has no times: name its start or end")
    at = time.at(start, end)
    if start - 1.0 < at < start:
        # Its beginning, as it is printed.
        at = start
    if not start <= at <= end:
        span = f"it is of {day_and_time(start)} to {day_and_time(end)}"
        raise NotInRecording(timeline.name, f"{span}, and not of {day_and_time(at)}")
    return (last if time.is_end else await timeline.at_time(at)), day_and_time(at)


async def changes_between_moments(
    timeline: RecordingTimeline, after: Moment, until: Moment, query: Query
) -> list[RecordChange]:
    """Return every change of matching records between two moments, in their order. Raises
    `StoreError`."""
    recording = timeline.recording
    (first, first_step), (last, last_step) = map(frame_and_step, (after.number, until.number))

    def steps_of(number: int) -> tuple[list[Stepped], dict[bytes, Entry]]:
        content = recording.content(number)
        steps = list(content.steps[: last_step if number == last else None])
        return steps, known_at(content)

    found: list[RecordChange] = []
    known: dict[bytes, Entry] = {}
    for number in range(first, last + 1):
        steps, at_start = await timeline.in_thread(partial(steps_of, number))
        if number == first:
            known = at_start
            for _ in entry_changes(known, steps[:first_step]):
                pass
            steps = steps[first_step:]
        else:
            steps = await timeline.in_thread(partial(recording.crossing, number)) + steps
        for moment, changes in entry_changes(known, steps):
            found += (
                matching
                for change in record_changes(moment, changes)
                if (matching := _matching(change, query)) is not None
            )
    return found


def _matching(change: RecordChange, query: Query) -> RecordChange | None:
    """Return a change as of what matches. None: it matches neither before nor after."""
    record, previous = change.record, change.previous
    record = record if record is not None and query.matches(record) else None
    previous = previous if previous is not None and query.matches(previous) else None
    if record is None and previous is None:
        return None
    return RecordChange(record, previous, change.revision, change.at)


def _entries(opening: Opening) -> tuple[list[Entry], str]:
    """Return what was registered, and what was not read, as `Resync.unread`."""
    known = {entry.key: entry for entry in opening.entries.entries}
    unread = opening.entries.unread
    for stepped in opening.steps:
        if isinstance(stepped.step, StoreEvents):
            unread = next(
                (one.unread for one in stepped.step.events if isinstance(one, Resync)), unread
            )
    for _ in entry_changes(known, opening.steps):
        pass
    return [known[key] for key in sorted(known)], unread


def _lost_since(opening: Opening) -> float | None:
    """Return since when the store was not followed. None: it was."""
    since: float | None = None
    steps = [(opening.base.at, step) for step in opening.evidence]
    steps += [(one.moment.at, one.step) for one in opening.steps]
    for at, step in steps:
        for event in step.events if isinstance(step, StoreEvents) else ():
            if isinstance(event, Lost) and since is None:
                since = at if at is not None else opening.base.at
            elif isinstance(event, Resync):
                since = None
    return since
