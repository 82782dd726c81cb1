"""Monotonic time and timeouts: of the event loop by default, of a fake clock in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class TimerHandle(Protocol):
    """A planned call that can be cancelled."""

    def cancel(self) -> None:
        """Cancel the call. Does nothing once it has been made."""


class Timer(Protocol):
    """Gives monotonic time, and waits by it."""

    def now(self) -> float:
        """Return the seconds since an arbitrary moment. Never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Bound a block as `asyncio.timeout` does."""

    def timeout_at(self, when: float | None) -> AbstractAsyncContextManager[object]:
        """Bound a block as `asyncio.timeout_at` does. None: no limit."""

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        """Make the call after this many seconds."""


class LoopTimer:
    """Uses the running event loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)

    def timeout_at(self, when: float | None) -> asyncio.Timeout:
        return asyncio.timeout_at(when)

    def call_later(self, seconds: float, call: Callable[[], object]) -> TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, call)


LOOP = LoopTimer()
