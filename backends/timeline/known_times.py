"""At which time a store had which revision, as far as it was followed: etcd itself keeps no times.

Pure: time is passed in.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from math import inf

from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.store import Lost, NoPast
from backends.timeline.moments import TimeNotKnown

KEPT = 50_000
"""Revisions whose times are kept, the newest: 0.8 MB."""


class KnownTimes:
    """The revisions that were seen to come, in their order, each with its time."""

    def __init__(self, of: str, kept: int = KEPT) -> None:
        """`of`: the store's name."""
        self._of = of
        self._kept = kept
        self._revisions: list[int] = []
        self._times: list[float] = []
        self._read: set[int] = set()
        """Those at which everything was read: they came at some time before."""
        self._gaps: list[tuple[float, float]] = []
        """When the store was not followed; of the last the end may still be to come."""
        self.restores = 0
        """How often the store was seen to count its revisions anew."""

    def __bool__(self) -> bool:
        return bool(self._times)

    @property
    def first(self) -> tuple[int, float]:
        """The oldest revision with a time, and that time. Raises `NoPast` if there is none."""
        if not self._times:
            raise NoPast(self._of)
        return self._revisions[0], self._times[0]

    @property
    def newest(self) -> int | None:
        """The newest revision that was seen. None: none was."""
        return self._revisions[-1] if self._revisions else None

    def observe(self, revision: int, at: float, *, is_all: bool = False) -> None:
        """Take in that a store came to a revision. `is_all`: everything was read at it, so that
        the store is followed from then on. A lower one than before: it was restored from a
        backup, which counts anew."""
        if is_all:
            if self._revisions and revision < self._revisions[-1]:
                self._revisions.clear()
                self._times.clear()
                self._read.clear()
                self._gaps.clear()
                self.restores += 1
            if self._gaps and self._gaps[-1][1] == inf:
                self._gaps[-1] = (self._gaps[-1][0], at)
        if self._revisions and revision <= self._revisions[-1]:
            return
        self._revisions.append(revision)
        self._times.append(at)
        if is_all:
            self._read.add(revision)
        if len(self._times) > self._kept:
            surplus = len(self._times) - self._kept * 9 // 10
            self._read.difference_update(self._revisions[:surplus])
            del self._revisions[:surplus], self._times[:surplus]

    def take(self, events: Iterable[WatchEvent], now: float, last_contact: float | None) -> None:
        """Take in what a watch yielded at a time, in POSIX seconds. `last_contact`: when the store
        was last heard of before. None: it is not known."""
        for event in events:
            match event:
                case Resynced(revision=revision) if revision.isdigit():
                    self.observe(int(revision), now, is_all=True)
                case Added(record=record) if record.revision.isdigit():
                    self.observe(int(record.revision), now)
                case Removed(revision=revision) if revision.isdigit():
                    self.observe(int(revision), now)
                case Lost():
                    self.lose(now if last_contact is None else last_contact)

    def lose(self, since: float) -> None:
        """Take in that the store is not followed since a time."""
        if self._times and not (self._gaps and self._gaps[-1][1] == inf):
            self._gaps.append((since, inf))
            self._gaps = [gap for gap in self._gaps if gap[1] > self._times[0]]

    def of(self, revision: int) -> float | None:
        """Return a time at which a store had a revision. None: none is known."""
        place = bisect_left(self._revisions, revision)
        if place < len(self._revisions) and self._revisions[place] == revision:
            return self._times[place]
        return None

    def came_at(self, revision: int) -> float | None:
        """Return the time at which a store came to a revision. None: it is not known."""
        return None if revision in self._read else self.of(revision)

    def latest_of(self, revision: int) -> float | None:
        """Return a time at which the store had come to a revision, the first that is known. None:
        none is."""
        place = bisect_left(self._revisions, revision)
        return self._times[place] if place < len(self._times) else None

    def revision_at(self, at: float) -> int:
        """Return the revision that a store had at a time. Raises `TimeNotKnown`, or `NoPast` if no
        time is known."""
        _, first_at = self.first
        if at < first_at:
            raise TimeNotKnown(self._of, first_at)
        for since, until in self._gaps:
            if since < at < until < inf:
                raise TimeNotKnown(self._of, until, since)
        return self._revisions[bisect_right(self._times, at) - 1]
