"""The steady time that ages are measured by, while the host's clock may be set as dyntop runs.

Events are stamped by the steady time: POSIX seconds as of the host's clock at the start. The host's
clock is read only to show a time of day or to write one down.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from backends.aio.steady import steady

LEAST = 2.0
"""Seconds. A smaller difference is no jump: a busy machine reads two clocks that far apart."""
MOST_JUMPS = 1000
"""Jumps that are remembered. With more, times of day before the oldest are wrong."""

Clock = Callable[[], float]
ShownAt = Callable[[float], float]
"""From the steady time to what the host's clock showed then."""


def as_it_is(at: float) -> float:
    """Return the time as it is: the host's clock was never set."""
    return at


class HostClock:
    """The steady time (call it), and what the host's clock showed."""

    is_known = True
    """Whether the time of what is shown is known. If not, it was before the one that this gives."""

    def __init__(self, clock: Clock = time.time, steady: Clock = steady) -> None:
        """`clock`: the host's, in POSIX seconds. `steady`: one that is never set. By the usual one
        a suspend is no jump."""
        self._clock = clock
        self._steady = steady
        self._start = clock() - steady()
        self._jumps: list[tuple[float, float]] = [(-math.inf, 0.0)]
        """The start of each period, and by how much the host's clock is ahead of the steady time in
        it."""

    def __call__(self) -> float:
        """Return the steady time now."""
        return self._steady() + self._start

    def was_set_by(self) -> float:
        """Return by how many seconds the host's clock was set since the last call. Positive:
        forward. 0: it was not set."""
        now = self()
        ahead = self._clock() - now
        by = ahead - self._jumps[-1][1]
        if abs(by) < LEAST:
            return 0.0
        self._jumps.append((now, ahead))
        # The first covers all before it.
        del self._jumps[1:-MOST_JUMPS]
        return by

    def shown_at(self, at: float) -> float:
        """Return what the host's clock showed at a steady time."""
        return at + next(ahead for since, ahead in reversed(self._jumps) if since <= at)

    def when_shown(self, shown: float) -> float:
        """Return the steady time at which the host's clock showed `shown`.

        Shown several times: the last of them. Skipped by setting the clock: when it was set. Still
        to come: now.
        """
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
