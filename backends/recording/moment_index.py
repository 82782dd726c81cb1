"""What happened at which moment of a recording: all of it at a glance.

Each frame is read once and not kept, so that the frames that a view has opened stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from enum import StrEnum, unique
from functools import partial

import msgspec

from backends.recording.folding import entry_changes, known_at
from backends.recording.frame_contents import FrameContent, FrameEnd, changes_entries
from backends.recording.moment_search import Deaths, removes
from backends.recording.reader import is_loss
from backends.recording.recording_timeline import RecordingTimeline
from backends.timeline import Moment


@unique
class MomentKind(StrEnum):
    """What happened at a moment: the first of these that did."""

    DEATH = "death"
    """As `MomentSearch.death`."""
    REMOVAL = "removal"
    LOST = "lost"
    """The store could not be reached from then on, or nothing was recorded."""
    CHANGE = "change"
    """Something else is registered; or that is not known, after nothing was recorded."""


class IndexedMoment(msgspec.Struct, frozen=True, gc=False):
    """A moment at which something happened."""

    number: int
    at: float | None
    kind: MomentKind
    is_change: bool
    """Whether `Timeline.change_from` stops there."""


async def index_frames(timeline: RecordingTimeline) -> AsyncIterator[list[IndexedMoment]]:
    """Yield the moments of one frame after the other. Raises `StoreError`."""
    follows_gap = False
    for frame in range(len(timeline.recording.heads)):
        found, ending = await timeline.in_thread(partial(_of_frame, timeline, frame, follows_gap))
        yield found
        follows_gap = ending is not FrameEnd.WHOLE


def _of_frame(
    timeline: RecordingTimeline, frame: int, follows_gap: bool
) -> tuple[list[IndexedMoment], FrameEnd]:
    content = timeline.recording.content(frame, keep=False)
    return [*_moments(content, follows_gap=follows_gap)], content.ending


def _moments(content: FrameContent, *, follows_gap: bool) -> Iterator[IndexedMoment]:
    known, deaths = known_at(content), Deaths(content)
    if follows_gap:
        yield _indexed(content.base, MomentKind.CHANGE, is_change=True)
    for stepped in content.steps:
        changes = [one for _, some in entry_changes(known, [stepped]) for one in some]
        is_change = changes_entries(stepped.step)
        kind = MomentKind.CHANGE if is_change else None
        if deaths.has(stepped, changes):
            kind = MomentKind.DEATH
        elif removes(stepped, changes):
            kind = MomentKind.REMOVAL
        elif is_loss(stepped.step):
            kind = MomentKind.LOST
        if kind is not None:
            yield _indexed(stepped.moment, kind, is_change=is_change)


def _indexed(moment: Moment, kind: MomentKind, *, is_change: bool) -> IndexedMoment:
    return IndexedMoment(moment.number, moment.at, kind, is_change)
