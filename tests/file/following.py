"""Following a file store's watch until something is true, for as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from backends.file import FileStore
from backends.file.safe_open import revision_of
from backends.store import Delete, Entry, Heartbeat, Lost, Put, Resync, StoreEvent

DEADLINE = 60.0
"""Seconds within which an awaited state must come: generous, these machines are shared."""


bound_by_permissions = pytest.mark.usefixtures("permissions_bind")

ALL = (b"v1/", b"instances/", b"models/", b"mdc/")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path | bytes, content: bytes) -> None:
    """Writes in place, as no Dynamo process does but a person might."""
    with open(path, "wb") as file:
        file.write(content)


def written(key: bytes, value: bytes) -> Entry:
    """An entry as it is read from some file with this content."""
    return Entry(key, value, revision_of("1", value))


class Clock:
    """POSIX seconds that pass when a test says so."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Follower:
    """What a watch has told so far."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}
        self.events: list[StoreEvent] = []
        self._news = asyncio.Condition()

    async def follow(self, events: AsyncIterator[StoreEvent]) -> None:
        async for event in events:
            async with self._news:
                self._take(event)
                self._news.notify_all()

    def _take(self, event: StoreEvent) -> None:
        self.events.append(event)
        match event:
            case Resync(entries=entries):
                self.entries = {entry.key: entry for entry in entries}
            case Put(entry=entry):
                self.entries[entry.key] = entry
            case Delete(key=key):
                self.entries.pop(key)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(condition)

    async def until_next(self, *kinds: type[StoreEvent]) -> None:
        """Waits for one more of these kinds of event."""
        start = len(self.events)
        await self.until(lambda: any(isinstance(event, kinds) for event in self.events[start:]))

    async def until_polled(self) -> None:
        """Waits until everything that is true now has been looked at by a poll."""
        # The poll that is under way may have looked before.
        for _ in range(2):
            await self.until_next(Heartbeat, Lost)

    def puts(self, key: bytes) -> list[Entry]:
        return [
            event.entry
            for event in self.events
            if isinstance(event, Put) and event.entry.key == key
        ]

    def warnings(self) -> tuple[str, ...]:
        """As last heard."""
        heard = [event for event in self.events if isinstance(event, Heartbeat)]
        return heard[-1].warnings if heard else ()

    def count(self, kind: type[StoreEvent]) -> int:
        return sum(isinstance(event, kind) for event in self.events)


@asynccontextmanager
async def following(store: FileStore, prefixes: tuple[bytes, ...] = ALL) -> AsyncIterator[Follower]:
    follower = Follower()
    task = asyncio.create_task(follower.follow(store.watch(prefixes)))
    try:
        yield follower
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
