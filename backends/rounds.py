"""Something that is done again and again, but only while somebody looks at what it gives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn


class Rounds:
    """Does its round at once when somebody begins to look, and then at intervals."""

    def __init__(self, do: Callable[[], Awaitable[None]], interval: Callable[[], float]) -> None:
        """`interval` is asked after each round: seconds until the next one."""
        self.trouble = ""
        """Why the last round failed, in a few words. Empty: it did not."""
        self._do = do
        self._interval = interval
        self._looked_at = asyncio.Event()
        self._begins = asyncio.Event()
        """Somebody began to look since the last round began."""

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        if not looks:
            self._looked_at.clear()
        elif not self._looked_at.is_set():
            self._looked_at.set()
            self._begins.set()

    async def run(self) -> NoReturn:
        """Go on until cancelled. A round that fails is a defect, which goes to the log and into
        `trouble`, and must not end all rounds to come."""
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
                async with asyncio.timeout(self._interval()):
                    await self._begins.wait()
