"""What happened: the last few thousand changes, with when and why as far as it is known.

Pure: whoever tells it of an event passes the time, and the reason once it is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from backends.discovery import Added, Removed, Resynced, WatchEvent
from backends.records import AnyRecord
from backends.store import Lost

BY_THIS_DYNTOP = "unregistered by this dyntop"
"""Why something went, where that is known from having done it."""

KEPT = 5000
"""Happenings kept: a day of a calm cluster, and a few MB at most."""


class What(StrEnum):
    """What happened to a record, or to the view of the store."""

    ADDED = "added"
    CHANGED = "changed"
    EXPIRED = "expired"
    """Its time to live ran out, and the store keeps it (file)."""
    REVIVED = "revived"
    """It had expired and is kept alive again."""
    REMOVED = "removed"
    RESYNCED = "resynced"
    LOST = "lost"
    """The connection to the store; what comes after it is told by the next resync."""


@dataclass(slots=True)
class Happening:
    """One line of history. Only `why` changes later."""

    number: int
    """Counts up; unique."""
    at: float
    """POSIX seconds at which this process learned of it."""
    what: What
    record: AnyRecord | None
    """As it is now, or was before it went. None for what concerns the whole store."""
    why: str
    """In plain words; empty while, or where, it is not known."""


class History:
    """Happenings, oldest first, at most `kept` of them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._happenings: deque[Happening] = deque(maxlen=kept)
        self._numbers = count(1)
        self._complete = False

    def __len__(self) -> int:
        return len(self._happenings)

    @property
    def last(self) -> int:
        """The number of the newest; 0: nothing happened yet."""
        return self._happenings[-1].number if self._happenings else 0

    @property
    def first(self) -> int:
        """The number of the oldest that is kept; 0: nothing happened yet."""
        return self._happenings[0].number if self._happenings else 0

    def __iter__(self) -> Iterator[Happening]:
        return iter(self._happenings)

    def __reversed__(self) -> Iterator[Happening]:
        return reversed(self._happenings)

    def apply(self, event: WatchEvent, now: float) -> list[Happening]:
        """Note one event of a watch; returns what was noted, oldest first."""
        match event:
            case Added(record=record, previous=previous):
                return [self._note(now, _what(record, previous), record)]
            case Removed(record=record):
                return [self._note(now, What.REMOVED, record)]
            case Resynced():
                return self._resynced(event, now)
            case Lost(error=error):
                return [self._note(now, What.LOST, None, str(error))]
        return []

    def _resynced(self, event: Resynced, now: float) -> list[Happening]:
        noted = []
        # What was there at the start is no news; after a gap, each difference is.
        if self._complete:
            why = "differed after a gap"
            noted += [self._note(now, What.REMOVED, gone.record, why) for gone in event.removed]
            noted += [
                self._note(now, _what(new.record, new.previous), new.record, why)
                for new in event.added
            ]
            summary = f"{len(event.added):,} added or changed, {len(event.removed):,} removed"
        else:
            summary = f"{len(event.added):,} records at the start"
        self._complete = True
        at_revision = f" at revision {event.revision}" if event.revision else ""
        noted.append(self._note(now, What.RESYNCED, None, summary + at_revision))
        return noted

    def _note(self, now: float, what: What, record: AnyRecord | None, why: str = "") -> Happening:
        happening = Happening(next(self._numbers), now, what, record, why)
        self._happenings.append(happening)
        return happening


def _what(record: AnyRecord, previous: AnyRecord | None) -> What:
    if previous is None:
        return What.ADDED
    if previous.revision == record.revision and previous.expired_at != record.expired_at:
        return What.REVIVED if record.expired_at is None else What.EXPIRED
    return What.CHANGED
