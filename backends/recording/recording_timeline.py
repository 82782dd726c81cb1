"""The timeline of a recording: it opens at any moment of it, and steps from there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from backends.aio.daemon_thread import in_daemon_thread
from backends.discovery.past_records import RecordChange, StoreChange
from backends.metrics.figure_series import LONGEST
from backends.metrics.latest import LONGEST_GAP
from backends.recording.folding import entry_changes, is_number, known_at, record_changes
from backends.recording.frame_contents import changes_entries, frame_and_step
from backends.recording.frames import LIMITS, Limits
from backends.recording.reader import FrameHead, Recording
from backends.store import Lifetime, Lost, NoPast, NotYet, Resync
from backends.timeline import FiguresRead, Moment, Opening, Stepped, StoreEvents, TimeNotKnown

FIGURES_BEFORE = LONGEST + 2 * LONGEST_GAP
"""Seconds before a moment of which figures are read: the last hour, and what that follows."""
_FIGURE_BYTES = 16 * 1024 * 1024
"""Bytes of frames, as stored, in which they are looked for at most."""
EARLIER = 500
"""Changes before a moment that a view shows at most."""
_FRAMES_BEFORE = 8
_ENTRIES_BEFORE = 30_000
"""Frames that are read at most to find them, and entries of all after the first."""
_FRAMES_BETWEEN = 2
"""Frames that are stepped through at most. To open the last one costs less than to step on."""

T = TypeVar("T")


class RecordingTimeline:
    """The moments of one recording, as `Timeline`.

    A moment is a checkpoint, a step that the store took (all changes of one revision), evidence, or
    a sign of life of the recorder. Frames are read in a thread when they are needed.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._one_at_a_time = threading.Lock()
        self._figures: dict[int, Sequence[FiguresRead]] = {}
        """What was scraped, of the frames of the last hour that was asked for."""

    @classmethod
    async def load(cls, path: str, limits: Limits = LIMITS) -> RecordingTimeline:
        """Open a recording and its parts. Raises `BadRecording`."""
        return cls(await in_daemon_thread(lambda: Recording(path, limits), "dyntop recording"))

    @property
    def name(self) -> str:
        return self.recording.path

    @property
    def store(self) -> str:
        return self.recording.header.store

    @property
    def address(self) -> str:
        return self.recording.header.address

    @property
    def lifetime(self) -> Lifetime:
        return self.recording.lifetime

    @property
    def has_times(self) -> bool:
        return self.recording.heads[0].checkpoint.at is not None

    @property
    def timed_from(self) -> float | None:
        """The first time that is known, in POSIX seconds: a report begins with changes without
        times. None: none is."""
        times = (one.checkpoint.at for one in self.recording.heads)
        return next((at for at in times if at is not None), None)

    @property
    def host(self) -> str:
        """The name of the host that recorded, from which addresses were probed."""
        return self.recording.header.host

    @property
    def namespace(self) -> str | None:
        """Only keys of these namespaces were recorded. None: all."""
        return self.recording.header.namespace

    @property
    def has_figures(self) -> bool:
        """Whether servers were scraped, as far as that is known without reading all of it."""
        return self.recording.has_figures

    @property
    def scraped(self) -> Sequence[str] | None:
        """All servers that were scraped. None: it is not known. Empty: none were."""
        said = [head.header.metrics for head in self.recording.heads]
        if None in said:
            return None
        return sorted({server for some in said for server in some or ()})

    def scraped_at(self, moment: Moment) -> Sequence[str] | None:
        """Return the servers that were scraped when a moment was recorded. None: it is not known.
        Empty: none were."""
        frame, _ = frame_and_step(max(0, moment.number))
        heads = self.recording.heads
        return heads[min(frame, len(heads) - 1)].header.metrics

    @property
    def damage(self) -> str:
        """What is wrong with the file, as a clause: the moments end there. Empty: nothing is known
        to be."""
        return self.recording.damage

    async def first(self) -> Moment:
        return await self.in_thread(self._first)

    async def last(self) -> Moment:
        return await self.in_thread(self._last)

    async def change_from(self, moment: Moment, by: int) -> Moment:
        return await self.in_thread(lambda: self._change_from(moment, by))

    async def at_time(self, at: float) -> Moment:
        return await self.in_thread(lambda: self._at_time(at))

    async def at_revision(self, revision: int) -> Moment:
        return await self.in_thread(lambda: self._at_revision(revision))

    async def open(self, moment: Moment) -> Opening:
        return await self.in_thread(lambda: self._open(moment))

    async def between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        return await self.in_thread(lambda: self._between(after, until))

    async def in_thread(self, do: Callable[[], T]) -> T:
        """Return what `do` returns, which may read the recording."""

        def locked() -> T:
            with self._one_at_a_time:
                return do()

        return await in_daemon_thread(locked, "dyntop recording")

    def _first(self) -> Moment:
        return self.recording.content(0).base

    def _last(self) -> Moment:
        return self.recording.content(len(self.recording.heads) - 1).last

    def _place(self, moment: Moment) -> tuple[int, int]:
        """Return the frame and step of a moment. Raises `NotYet`."""
        frame, step = frame_and_step(max(0, moment.number))
        if frame < len(self.recording.heads):
            steps = len(self.recording.content(frame).steps)
            if step <= steps:
                return frame, step
            if frame + 1 < len(self.recording.heads):
                return frame, steps
        raise NotYet(self.name, moment.number, self._last().number)

    def _change_from(self, moment: Moment, by: int) -> Moment:
        frame, _ = self._place(moment)
        found, left = moment, abs(by)
        for number in self._frames_from(frame, by):
            changes = self.changes(number)
            if by > 0:
                changes = [one for one in changes if one.number > moment.number]
            else:
                changes = [one for one in reversed(changes) if one.number < moment.number]
            if left <= len(changes):
                return changes[left - 1] if left else moment
            left -= len(changes)
            found = changes[-1] if changes else found
        return found if by > 0 else self._first()

    def _frames_from(self, frame: int, by: int) -> range:
        """Return the numbers of the frames from one on, or from it back if `by` is below 0."""
        return range(frame, len(self.recording.heads)) if by > 0 else range(frame, -1, -1)

    def changes(self, frame: int) -> list[Moment]:
        """Return the moments of a frame at which other entries were registered, as far as known:
        the first one too, if nothing was recorded for a while before. Blocks."""
        content = self.recording.content(frame)
        found = [content.base] if self.recording.follows_gap(frame) else []
        return found + [one.moment for one in content.steps if changes_entries(one.step)]

    def _at_time(self, at: float) -> Moment:
        times = [one.checkpoint.at for one in self.recording.heads if one.checkpoint.at is not None]
        if not times:
            raise NoPast(self.store)
        if not self.has_times and at < times[0]:
            raise TimeNotKnown(self.name, times[0])
        frame = self._last_frame(
            lambda head: head.checkpoint.at is not None and head.checkpoint.at <= at
        )
        content = self.recording.content(frame)
        for stepped in reversed(content.steps):
            if stepped.moment.at is not None and stepped.moment.at <= at:
                return stepped.moment
        return content.base

    def _at_revision(self, revision: int) -> Moment:
        if not is_number(self.recording.heads[0].checkpoint.revision):
            raise NoPast(self.store)

        def is_before(text: str) -> bool:
            return is_number(text) and int(text) <= revision

        content = self.recording.content(
            self._last_frame(lambda head: is_before(head.checkpoint.revision))
        )
        for stepped in reversed(content.steps):
            if is_before(stepped.moment.revision):
                return stepped.moment
        return content.base

    def _last_frame(self, begins_before: Callable[[FrameHead], bool]) -> int:
        """Return the number of the last frame that begins before something. 0: none does."""
        heads = self.recording.heads
        return next((one for one in reversed(range(len(heads))) if begins_before(heads[one])), 0)

    def _open(self, moment: Moment) -> Opening:
        frame, step = self._place(moment)
        content = self.recording.content(frame)
        earlier, store_changes = self._earlier(frame)
        return Opening(
            content.base,
            content.entries,
            content.first_seen,
            content.evidence,
            content.steps[:step],
            earlier,
            content.value_seen,
            store_changes,
            self._figures_before(frame, content.base.at),
        )

    def _figures_before(self, frame: int, at: float | None) -> list[FiguresRead]:
        """Return what was scraped before a frame that begins at a time, oldest first."""
        heads = self.recording.heads
        since, first, left = (at or 0.0) - FIGURES_BEFORE, frame, _FIGURE_BYTES
        while at is not None and first and heads[first].header.at > since and left > 0:
            first -= 1
            left -= heads[first].frame.size
        self._figures = {
            one: self._figures[one] if one in self._figures else self.recording.figures(one)
            for one in range(first, frame)
        }
        return [read for some in self._figures.values() for read in some if read.at >= since]

    def _earlier(self, frame: int) -> tuple[list[RecordChange], list[StoreChange]]:
        """Return the last changes before a frame, and those of the store, oldest first."""
        found: list[RecordChange | StoreChange] = []
        """The newest first. Of the store's no place is known yet."""
        entries = 0
        for number in range(frame - 1, max(-1, frame - 1 - _FRAMES_BEFORE), -1):
            content = self.recording.content(number)
            entries += len(content.entries.entries)
            known, crossing = known_at(content), self.recording.crossing(number + 1)
            if number + 1 == frame:
                # Its evidence is part of what it opens with.
                crossing = crossing[: len(crossing) - len(self.recording.content(frame).evidence)]
            steps = [
                (stepped, [one for _, some in entry_changes(known, [stepped]) for one in some])
                for stepped in (*content.steps, *crossing)
            ]
            for stepped, changes in reversed(steps):
                records = [*record_changes(stepped.moment, changes)]
                found += reversed([*records, *_store_changes(stepped, len(records))])
                if len(found) >= EARLIER:
                    break
            if len(found) >= EARLIER or entries > _ENTRIES_BEFORE:
                break
        earlier: list[RecordChange] = []
        of_store: list[StoreChange] = []
        for one in found[:EARLIER][::-1]:
            if isinstance(one, RecordChange):
                earlier.append(one)
            else:
                of_store.append(replace(one, place=len(earlier)))
        return earlier, of_store

    def _between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        frame, step = self._place(after)
        last_frame, last_step = self._place(until)
        if (last_frame, last_step) < (frame, step) or last_frame - frame > _FRAMES_BETWEEN:
            return None
        steps: list[Stepped] = []
        for number in range(frame, last_frame):
            steps += self.recording.content(number).steps[step:]
            steps += self.recording.crossing(number + 1)
            step = 0
        return [*steps, *self.recording.content(last_frame).steps[step:last_step]]


def _store_changes(stepped: Stepped, differences: int) -> Iterator[StoreChange]:
    """Yield what a step is to the store itself. `differences`: the records that it changes."""
    at = stepped.moment.at
    if at is None or not isinstance(stepped.step, StoreEvents):
        return
    for event in stepped.step.events:
        match event:
            case Lost(error=error):
                yield StoreChange(at, 0, str(error))
            case Resync(revision=revision):
                revision = revision or stepped.moment.revision
                yield StoreChange(at, 0, differences=differences, revision=revision)
