"""The time that ages are of: even, while the host's clock may be set as dyntop runs.

All that happens is stamped by the even time, in POSIX seconds as the host's clock had them at the
start. What that clock shows is asked for only to show a time of day, or to write one down.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

LEAST = 2.0
"""Seconds: less is no jump, but reading two clocks one after the other on a busy machine."""
MOST_JUMPS = 1000
"""Jumps that are remembered: by more than these no time of day is told right."""

Clock = Callable[[], float]
ShownAt = Callable[[float], float]
"""What the host's clock showed at an even time."""

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine is suspended, where there is such a clock: that is no jump."""


def steady() -> float:
    """Seconds of a clock that nobody sets."""
    return time.clock_gettime(_STEADY)


def as_it_is(at: float) -> float:
    """The host's clock, where nobody sets it."""
    return at


class HostClock:
    """The even time (call it), and what the host's clock shows."""

    def __init__(self, clock: Clock = time.time, steady: Clock = steady) -> None:
        """`clock` is the host's, in POSIX seconds; `steady` one that nobody sets."""
        self._clock = clock
        self._steady = steady
        self._start = clock() - steady()
        self._jumps: list[tuple[float, float]] = [(-math.inf, 0.0)]
        """From when on the host's clock is ahead of the even time, and by how much."""

    def __call__(self) -> float:
        """Return the even time now."""
        return self._steady() + self._start

    def was_set_by(self) -> float:
        """Return by how many seconds the host's clock was set since the last call, forward as more
        than 0. 0: it was not."""
        now = self()
        ahead = self._clock() - now
        by = ahead - self._jumps[-1][1]
        if abs(by) < LEAST:
            return 0.0
        self._jumps.append((now, ahead))
        # The first stands for all before it.
        del self._jumps[1:-MOST_JUMPS]
        return by

    def shown_at(self, at: float) -> float:
        """Return what the host's clock showed at an even time."""
        return at + next(ahead for since, ahead in reversed(self._jumps) if since <= at)

    def when_shown(self, shown: float) -> float:
        """Return the even time at which the host's clock showed a time, the last if it did several
        times; where it was set past that, the time at which it was set; now for what is to come."""
        until = self()
        nearest: float | None = None
        for since, ahead in reversed(self._jumps):
            at = shown - ahead
            if since <= at <= until:
                return at
            if at > until and nearest is None:
                nearest = until
            until = since
        return until if nearest is None else nearest
