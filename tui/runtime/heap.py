"""Return memory to the system: each minute, and after a storm of events. No Textual in here.

In minutes of keys and workers that come and go, the memory that the C library holds free grew from
3 to 16 MB, beside 15 MB in use. Processes also grow by Python's own arenas, which this does not
shrink.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress

M_ARENA_MAX = -8
"""What glibc calls the number of its heaps."""

STORM = 10_000
"""Events since the last call that are worth another, which takes some ms."""
CALM = 100
"""Events in a second at most once a storm is over."""


def give_back() -> None:
    """Make the C library return the memory that it holds free between used blocks.

    Blocks of gRPC and of large trees are scattered, and by default only free memory at the end is
    returned. Does nothing with a C library that cannot.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_one_heap() -> None:
    """Make the C library keep one heap for all threads. To be called before there are many.

    gRPC's threads would have heaps of their own, whose free ends are not returned. Does nothing
    with a C library that cannot.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


class Heap:
    """Detects when a storm of events is over."""

    def __init__(self, give_back: Callable[[], None] = give_back) -> None:
        self._give_back = give_back
        self._since_given = 0
        self._since_tick = 0

    def took_in(self, events: int) -> None:
        """Note that so many events were processed."""
        self._since_tick += events

    def tick(self) -> None:
        """Note that a second has passed."""
        self._since_given += self._since_tick
        if self._since_given >= STORM and self._since_tick <= CALM:
            self._since_given = 0
            self._give_back()
        self._since_tick = 0
