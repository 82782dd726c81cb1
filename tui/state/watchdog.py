"""Judge whether the dashboard still follows its store. Pure: the clock is passed in."""

from __future__ import annotations

from enum import StrEnum

from backends.aio.backoff import Backoff

UNSHOWN_AFTER = 5.0
"""Seconds after which events that the watch delivered, and the screen did not take in, are too
old."""

SILENT_AFTER = 30.0
"""Seconds without any event after which a watch is taken for dead. Stores report a sign of life
every few seconds, and notice a server that stopped within ten."""

LONGEST_STEP = 2.0
"""Seconds that can pass between two looks. A longer gap means that the process was stopped, the
machine suspended, or the event loop busy; that time does not count, since nothing could have been
taken in."""

FIRST_GAP = 5.0
LONGEST_GAP = 300.0
"""Seconds from one start of the watch to the next: twice as long each time."""

WELL_AFTER = 60.0
"""Seconds of a healthy watch after which the gap is short again."""


class Trouble(StrEnum):
    """Why the dashboard does not follow its store."""

    UNSHOWN = "unshown"
    """The watch delivered events, and the screen does not take them in."""
    SILENT = "silent"
    """The watch delivers nothing, not even signs of life."""
    ENDED = "ended"
    """The watch ended, which it never should."""
    FAILED = "failed"
    """Taking in an event, or the watch itself, raised an error."""


class Watchdog:
    """Counts the events that one watch delivers, and those that the screen took in."""

    def __init__(self, now: float) -> None:
        """`now`: seconds of a clock that is never set, as everywhere below."""
        self.well_at = now
        """When all was well, as of the last look."""
        self._delivered = 0
        self._shown = 0
        self._steps = 0
        self._looked_at = now
        self._then = (0, 0, 0)
        """Events delivered and shown, and steps done, at the last look."""
        self._unshown = 0.0
        """Seconds for which delivered events have waited without progress."""
        self._silent = 0.0
        """Seconds for which a connected store has delivered nothing."""

    def deliver(self) -> None:
        """Count one event that the watch delivered."""
        self._delivered += 1

    def go_on(self) -> None:
        """Count one step of taking in a large event."""
        self._steps += 1

    def show(self, events: int) -> None:
        """Count events that the screen took in."""
        self._shown += events

    def look(self, now: float, *, is_connected: bool) -> Trouble | None:
        """Return the trouble of the watch; call it about once a second. None: the watch is healthy.
        `is_connected`: whether the store sends signs of life, by the header."""
        step = min(max(0.0, now - self._looked_at), LONGEST_STEP)
        self._looked_at = now
        delivered, shown, steps = self._then
        # Whatever slow progress there is, it is progress. The wait of an event that came since the
        # last look begins with this one.
        waits = delivered > shown and (self._shown, self._steps) == (shown, steps)
        self._unshown = self._unshown + step if waits else 0.0
        silent = is_connected and self._delivered == delivered
        self._silent = self._silent + step if silent else 0.0
        self._then = (self._delivered, self._shown, self._steps)
        if self._unshown >= UNSHOWN_AFTER:
            return Trouble.UNSHOWN
        if self._silent >= SILENT_AFTER:
            return Trouble.SILENT
        self.well_at = now
        return None


def gap(backoff: Backoff, well_for: float) -> float:
    """Return the seconds from the last start of a watch to the next. `well_for`: how long the last
    one was healthy, in seconds."""
    if well_for >= WELL_AFTER:
        backoff.reset()
    return backoff.pause()
