"""Pauses between attempts that fail: twice as long each time, up to a limit. Pure."""

from __future__ import annotations

_MOST_DOUBLINGS = 64
"""More reach no other limit, and 2.0 ** 1024 is an OverflowError."""


class Backoff:
    """Counts attempts that failed in succession. Seconds throughout."""

    def __init__(self, first: float, longest: float) -> None:
        """`first`: the pause after the first attempt. `longest`: no pause is longer."""
        self._first = first
        self._longest = longest
        self.times = 0
        """Pauses since the start or the last `reset`."""

    def pause(self) -> float:
        """Count one more attempt, and return the pause after it."""
        self.times += 1
        return min(self._first * 2.0 ** min(self.times - 1, _MOST_DOUBLINGS), self._longest)

    def reset(self) -> None:
        """Note that all went well: the next pause is the first again."""
        self.times = 0
