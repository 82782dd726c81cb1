"""Repeat a task at intervals, but only while its result is visible."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn

from backends.aio.timer import LOOP, Timer


class PollWhileShown:
    """Runs its task at once when its result becomes visible, and then at intervals."""

    def __init__(
        self,
        do: Callable[[], Awaitable[None]],
        interval: Callable[[], float],
        timer: Timer = LOOP,
    ) -> None:
        """Take the task and the seconds until its next run. `interval` is called after each run."""
        self.trouble = ""
        """Why the last run failed, in a few words. Empty: it succeeded."""
        self._do = do
        self._interval = interval
        self._timer = timer
        self._looked_at = asyncio.Event()
        self._begins = asyncio.Event()
        """Set when the result became visible after the last run began."""

    def look(self, looks: bool) -> None:
        """Set whether the result is visible now."""
        if not looks:
            self._looked_at.clear()
        elif not self._looked_at.is_set():
            self._looked_at.set()
            self._begins.set()

    async def run(self) -> NoReturn:
        """Run until cancelled. An exception from the task is a defect of dyntop: it is logged and
        put into `trouble`, and later runs go on.
        """
        while True:
            await self._looked_at.wait()
            self._begins.clear()
            try:
                await self._do()
                self.trouble = ""
            except Exception as error:
                logging.getLogger(__name__).exception("a round failed")
                self.trouble = f"an error in dyntop itself, {type(error).__name__}"
            with suppress(TimeoutError):
                async with self._timer.timeout(self._interval()):
                    await self._begins.wait()
