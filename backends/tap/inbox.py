"""A bounded queue of messages for a consumer that may be slow."""

from __future__ import annotations

import asyncio
from collections import deque

from backends.tap.messages import TapMessage

MOST = 4096
"""Messages that wait at most."""
MOST_BYTES = 32 << 20
"""Bytes of waiting messages at most."""


class Inbox:
    """Queues messages while there is room, and refuses others. For one event loop."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._waiting: deque[TapMessage] = deque()
        self._came = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: TapMessage) -> bool:
        """Queue a message. False: there is no room, and it is dropped."""
        size = len(message.body)
        if len(self._waiting) >= self._most or self._bytes + size > self._most_bytes:
            return False
        self._waiting.append(message)
        self._bytes += size
        self._came.set()
        return True

    async def get(self) -> list[TapMessage]:
        """Wait for messages and return all, at least one, in order."""
        await self._came.wait()
        self._came.clear()
        messages = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return messages
