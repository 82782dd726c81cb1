"""The host's clock may be set while dyntop runs: ages are of what was stamped by it."""

from __future__ import annotations

import time
from collections.abc import Callable

LEAST = 2.0
"""Seconds: less is no jump, but reading two clocks one after the other on a busy machine."""

Clock = Callable[[], float]

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine is suspended, where there is such a clock: that is no jump."""


def steady() -> float:
    """Seconds of a clock that nobody sets."""
    return time.clock_gettime(_STEADY)


class HostClock:
    """Notices that `clock` was set, by one that never is."""

    def __init__(self, clock: Clock, steady: Clock) -> None:
        self._clock = clock
        self._steady = steady
        self._ahead = self._measure()

    def was_set_by(self) -> float:
        """By how many seconds since it last said so, forward as more than 0. 0: it was not."""
        ahead = self._measure()
        by = ahead - self._ahead
        if abs(by) < LEAST:
            return 0.0
        self._ahead = ahead
        return by

    def _measure(self) -> float:
        return self._clock() - self._steady()
