"""Giving memory back to the system: each minute, and once a storm of events is over. No Textual in
here.

In minutes of keys and of workers that come and go, what the C library holds free grew from 3 to
16 MB beside 15 MB in use. It is not all by which a process grows: Python's own arenas are no part.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress

STORM = 10_000
"""Events since the last time from which on it is worth it: it takes some ms."""
CALM = 100
"""Events in a second at most, when a storm is over."""


def give_back() -> None:
    """Let the C library return what it holds free between what is in use.

    What gRPC and large tables took is scattered, so by itself it returns only what lies at the end.
    A C library that does not know how is left alone.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class Heap:
    """Knows when a storm is over."""

    def __init__(self, give_back: Callable[[], None] = give_back) -> None:
        self._give_back = give_back
        self._since_given = 0
        self._since_tick = 0

    def took_in(self, events: int) -> None:
        """So many events came, and were taken in."""
        self._since_tick += events

    def tick(self) -> None:
        """A second has passed."""
        self._since_given += self._since_tick
        if self._since_given >= STORM and self._since_tick <= CALM:
            self._since_given = 0
            self._give_back()
        self._since_tick = 0
