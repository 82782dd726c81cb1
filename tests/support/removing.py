"""What tests of removing share: records to remove, and a store that answers when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from backends.dynamo.parse import read
from backends.memory import Keyspace, MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.removal.removal_targets import RemovalTarget
from backends.store import (
    Entry,
    Outcome,
    PutBack,
)
from tests.support import registered

REMOVED = KeyOutcome(OutcomeType.REMOVED)
CHANGED = KeyOutcome(OutcomeType.CHANGED)
GONE = KeyOutcome(OutcomeType.GONE)
PUT_BACK = KeyOutcome(OutcomeType.PUT_BACK)
THERE = KeyOutcome(OutcomeType.THERE)
LEASE_GONE = KeyOutcome(OutcomeType.LEASE_GONE)

LEASE = 0x1A
DEADLINE = 60.0
"""Seconds after which a test gives up waiting."""


def put(keyspace: Keyspace, worker: int, lease: int | None = None) -> RemovalTarget:
    """Registers an instance; it as a person would say yes to it."""
    key, value = registered.instance(worker)
    keyspace.put(key, value, lease)
    return shown_as_stale(keyspace, key)


def shown_as_stale(keyspace: Keyspace, key: bytes) -> RemovalTarget:
    entry = keyspace.find(key)
    assert entry is not None
    return RemovalTarget(read(entry), "stale", ("nothing listens at 10.0.0.1:9000",))


def there(keyspace: Keyspace) -> dict[bytes, tuple[bytes, int | None]]:
    return {entry.key: (entry.value, entry.lease) for entry in keyspace.read([b""]).entries}


def outcomes_in(audit: Audit) -> list[list[str | None]]:
    return [[item.outcome for item in act.items] for act in audit.acts()]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        # A thread may make it true, so there is no event to wait for.
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def ended(task: asyncio.Task[object]) -> None:
    """Waits for a task that was cancelled, which must tell that it was."""
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(asyncio.CancelledError):
            await task


class Slow(MemoryStore):
    """Asks nobody before `go` is set; then does it, and waits for `answer` before it says so."""

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.answer = asyncio.Event()

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        self.asked.set()
        await self.go.wait()
        outcomes = await super().delete(entries)
        await self.answer.wait()
        return outcomes

    async def put_back(self, entry: Entry) -> PutBack:
        self.asked.set()
        await self.go.wait()
        return await super().put_back(entry)
