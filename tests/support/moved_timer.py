"""A timer that stands still until a test moves it.

Not a virtual event loop, such as looptime: that moves by itself whenever the loop is idle, and a
loop that waits for a socket or a thread is idle, too. Beside real sockets every deadline would pass
before the first byte came.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

DEADLINE = 60.0
"""Real seconds within which an awaited state must come."""
MOST_MOVES = 100_000
"""Moments that a state may be awaited for."""
TURNS = 25
"""Turns of the event loop after which everything that needs no more time has happened."""


@dataclass(order=True)
class _Planned:
    at: float
    number: int
    call: Callable[[], object] | None = field(compare=False)

    def cancel(self) -> None:
        self.call = None


class MovedTimer:
    """Keeps the `Timer` protocol."""

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now
        self._planned: list[_Planned] = []
        self._numbers = iter(range(1 << 62))

    def now(self) -> float:
        return self._now

    @property
    def waits(self) -> list[float]:
        """In how many seconds something is planned, soonest first."""
        return sorted(one.at - self._now for one in self._planned if one.call is not None)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        planned = self.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            planned.cancel()

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[None]:
        return self.timeout_at(None if seconds is None else self._now + seconds)

    @contextlib.asynccontextmanager
    async def timeout_at(self, when: float | None) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as timeout:
            if when is None:
                yield
                return
            loop = asyncio.get_running_loop()
            planned = self.call_later(when - self._now, lambda: timeout.reschedule(loop.time()))
            try:
                yield
            finally:
                planned.cancel()

    def call_later(self, seconds: float, call: Callable[[], object]) -> _Planned:
        planned = _Planned(self._now + seconds, next(self._numbers), call)
        heapq.heappush(self._planned, planned)
        return planned

    async def advance(self, seconds: float) -> None:
        """Let so much time pass. All that is planned meanwhile happens at its own moment."""
        end = self._now + seconds
        await settle()
        while self._move(end):
            await settle()
        self._now = end
        await settle()

    def skip(self, seconds: float) -> None:
        """Let so much time pass in which nothing else happens, as where this process was given
        none: what is planned meanwhile is late."""
        end = self._now + seconds
        while self._move(end):
            pass
        self._now = end

    async def until(self, condition: Callable[[], object], what: str = "the state") -> None:
        """Let time pass, from one planned moment to the next, until the condition holds.

        Not where time limits are planned for what comes from outside: they would all pass first.
        """
        async with asyncio.timeout(DEADLINE):
            for _ in range(MOST_MOVES):
                await settle()
                if condition():
                    return
                if not self._move(None):
                    # What is awaited comes from outside, or never.
                    await asyncio.sleep(0.001)
        raise AssertionError(f"never came: {what}")

    def _move(self, end: float | None) -> bool:
        """Go to the next planned moment, if there is one up to `end`, and do what is planned."""
        while self._planned and (end is None or self._planned[0].at <= end):
            planned = heapq.heappop(self._planned)
            if planned.call is not None:
                self._now = max(self._now, planned.at)
                planned.call()
                return True
        return False


async def settle() -> None:
    """Let everything happen that needs no more time."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
