"""The moments of a recording at which something happened, for the line of its timeline."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from backends.recording.moment_index import IndexedMoment, MomentKind
from tui.text.timeline.track import Happened, Mark

_MARKS = {
    MomentKind.DEATH: Mark.DEATH,
    MomentKind.REMOVAL: Mark.REMOVAL,
    MomentKind.LOST: Mark.GAP,
    MomentKind.CHANGE: Mark.CHANGE,
}


class Marks:
    """What happened where, as far as it was looked for."""

    def __init__(self, *, has_times: bool) -> None:
        self._has_times = has_times
        self.is_complete = False
        """Whether all of the recording was looked at."""
        self.happened: list[Happened] = []
        self._changes: list[int] = []
        """The numbers of the moments at which something else was registered."""
        self._lost_at: float | None = None
        """Since when the store could not be reached. None: it could."""

    @property
    def changes(self) -> int:
        """How many changes there are."""
        return len(self._changes)

    def changes_until(self, number: int) -> int:
        """Return how many changes there are up to a moment, and with it."""
        return bisect_right(self._changes, number)

    def add(self, moments: Iterable[IndexedMoment]) -> None:
        """Take in what happened at later moments, in their order."""
        for one in moments:
            if one.is_change:
                self._changes.append(one.number)
            place = one.at if self._has_times else float(self.changes)
            if place is None:
                continue
            if one.kind is MomentKind.LOST:
                self._lost_at = place if self._lost_at is None else self._lost_at
            elif one.is_change and self._lost_at is not None:
                self.happened.append(Happened(Mark.GAP, self._lost_at, place))
                self._lost_at = None
            if one.kind is not MomentKind.LOST:
                self.happened.append(Happened(_MARKS[one.kind], place))

    def finish(self, end: float) -> None:
        """Take in that all was looked at, up to this place."""
        self.is_complete = True
        if self._lost_at is not None:
            self.happened.append(Happened(Mark.GAP, self._lost_at, end))
            self._lost_at = None
