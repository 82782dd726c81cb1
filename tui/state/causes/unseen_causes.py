"""What came while nobody looked: since the terminal lost the focus, or since the last key if that
is long ago. Pure: time is passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from backends.discovery.causes import EventCause

UNATTENDED = 300.0
"""Seconds without a key after which what came since the last one is new. Not every terminal reports
its focus."""
MOST_PERIODS = 20
"""Periods that are remembered until they were seen."""


class _Period(msgspec.Struct):
    """A time without a look."""

    after: int
    """The number of the last event before it."""
    until: int | None = None
    """The number of its last event. None: it goes on."""

    def has(self, number: int) -> bool:
        return self.after < number and (self.until is None or number <= self.until)


class UnseenCauses:
    """Which causes came without a look, until they are seen."""

    def __init__(self, now: float) -> None:
        """`now`: POSIX seconds."""
        self._looked_at = now
        """When the last key was pressed, or the focus came."""
        self._looked_after = 0
        """The number of the last event then."""
        self._periods: deque[_Period] = deque(maxlen=MOST_PERIODS)

    @property
    def is_away(self) -> bool:
        """Return whether nobody looks now, as far as known."""
        return bool(self._periods) and self._periods[-1].until is None

    @property
    def has_any(self) -> bool:
        """Return whether anything may be new."""
        return bool(self._periods)

    def start(self, last: int) -> None:
        """Take in that the first snapshot is shown: no event up to then is new."""
        self._looked_after = last
        for period in self._periods:
            period.after = max(period.after, last)

    def look(self, now: float, last: int) -> None:
        """Take in a key, or that the terminal has the focus. `last`: the number of the last
        event."""
        if self.is_away:
            self._periods[-1].until = last
        self._looked_at, self._looked_after = now, last

    def leave(self, last: int) -> None:
        """Take in that the terminal lost the focus."""
        if not self.is_away:
            self._periods.append(_Period(last))

    def tick(self, now: float) -> bool:
        """Take in that time passed. Returns whether that changed what is new."""
        if self.is_away or now - self._looked_at < UNATTENDED:
            return False
        self._periods.append(_Period(self._looked_after))
        return True

    def seen(self) -> bool:
        """Take in that all was seen, as of the last look. Returns whether anything was new."""
        was_new = bool(self._periods)
        self._periods.clear()
        return was_new

    def is_new(self, number: int) -> bool:
        """Return whether an event came without a look, and was not seen since."""
        return any(one.has(number) for one in self._periods)

    def count(self, newest_first: Iterable[EventCause]) -> int:
        """Return how many causes began without a look."""
        if not self._periods:
            return 0
        oldest, found = self._periods[0].after, 0
        for cause in newest_first:
            if cause.number <= oldest:
                break
            found += self.is_new(cause.number)
        return found
