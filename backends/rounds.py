"""Something that is done again and again, but only while somebody looks at what it gives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn


class Rounds:
    """Does its round at once when somebody begins to look, and then at intervals."""

    def __init__(self, do: Callable[[], Awaitable[None]], interval: Callable[[], float]) -> None:
        """`interval` is asked after each round: seconds until the next one."""
        self._do = do
        self._interval = interval
        self._looked_at = asyncio.Event()

    def look(self, looks: bool) -> None:
        """Whether somebody looks now."""
        if looks:
            self._looked_at.set()
        else:
            self._looked_at.clear()

    async def run(self) -> NoReturn:
        """Go on until cancelled. A round that fails is a defect, which goes to the log and must not
        end all rounds to come."""
        while True:
            await self._looked_at.wait()
            try:
                await self._do()
            except Exception:
                logging.getLogger(__name__).exception("a round failed")
            await asyncio.sleep(self._interval())
