"""A store's watch, followed until something is true, for as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from backends.store import (
    Delete,
    Entry,
    Lost,
    Put,
    Resync,
    Store,
    StoreError,
    StoreEvent,
    Unreachable,
)

DEADLINE = 60.0
"""Seconds within which an awaited state must come: generous, these machines are shared."""

V1 = (b"v1/",)


class View:
    """Follows a watch the way a consumer must: a resync replaces, a change amends."""

    def __init__(self, events: AsyncIterator[StoreEvent]) -> None:
        self._events = events
        self.entries: dict[bytes, Entry] = {}
        self.seen: list[StoreEvent] = []
        self.connected = False

    @property
    def values(self) -> dict[bytes, bytes]:
        return {key: entry.value for key, entry in self.entries.items()}

    @property
    def resyncs(self) -> int:
        return sum(isinstance(event, Resync) for event in self.seen)

    @property
    def losses(self) -> list[StoreError]:
        return [event.error for event in self.seen if isinstance(event, Lost)]

    @property
    def causes(self) -> list[object]:
        return [error.cause for error in self.losses if isinstance(error, Unreachable)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._take(await anext(self._events))

    async def until_event(self, kind: type[StoreEvent]) -> Any:
        """Waits for the next one of a kind, and returns it."""
        start = len(self.seen)

        def come() -> list[StoreEvent]:
            return [event for event in self.seen[start:] if isinstance(event, kind)]

        await self.until(come)
        return come()[0]

    def _take(self, event: StoreEvent) -> None:
        self.seen.append(event)
        match event:
            case Resync(entries=entries):
                self.entries = {entry.key: entry for entry in entries}
                self.connected = True
            case Put(entry=entry):
                self.entries[entry.key] = entry
            case Delete(key=key):
                # Nothing is told to be gone that was not told to be there.
                del self.entries[key]
            case Lost():
                self.connected = False


@asynccontextmanager
async def watching(store: Store, prefixes: tuple[bytes, ...] = V1) -> AsyncIterator[View]:
    async with aclosing(store.watch(prefixes)) as events:
        yield View(events)
