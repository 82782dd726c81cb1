"""`MomentStore`: what a store held at one moment. It is only read: nothing in the past changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TYPE_CHECKING

from backends.store import (
    Delete,
    Entry,
    Lifetime,
    NoPuts,
    Outcome,
    Put,
    PutBack,
    Refused,
    Resync,
    Revision,
    StoreEvent,
    TimeToLive,
)
from backends.store.closing import ClosedAtExit

if TYPE_CHECKING:
    from backends.store.past import Past
    from backends.store.pod_labels import PodLabels
    from backends.store.pods import Pods

WHY_READ_ONLY = "this is the past"
"""As `Store.read_only`."""


class MomentStore(ClosedAtExit):
    """A store as it was. `apply` leads it to the next moment; nothing else changes it."""

    def __init__(self, name: str, address: str, lifetime: Lifetime) -> None:
        """All as in the store that it was."""
        self._name = name
        self._address = address
        self._lifetime = lifetime
        self._entries: dict[bytes, Entry] = {}
        self._revision = self._unread = ""

    @property
    def name(self) -> str:
        return self._name

    @property
    def address(self) -> str:
        return self._address

    @property
    def lifetime(self) -> Lifetime:
        return self._lifetime

    @property
    def pods(self) -> Pods | None:
        return None

    @property
    def pod_labels(self) -> PodLabels | None:
        return None

    @property
    def past(self) -> Past | None:
        return None

    def apply(self, event: StoreEvent) -> None:
        """Take in what happened to the store then."""
        match event:
            case Resync(entries=entries, revision=revision, unread=unread):
                self._entries = {entry.key: entry for entry in entries}
                self._revision, self._unread = revision, unread
            case Put(entry=entry):
                self._entries[entry.key] = entry
            case Delete(key=key):
                self._entries.pop(key, None)

    async def instance_id(self) -> int:
        raise self._refusal()

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        found = (one for one in self._entries.values() if one.key.startswith(tuple(prefixes)))
        entries = tuple(sorted(found, key=lambda one: one.key))
        return Resync(entries, self._revision, self._unread)

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        return {key: self._entries[key] for key in keys if key in self._entries}

    async def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """Yield what is there. A moment does not go on by itself."""
        yield await self.snapshot(prefixes)
        await asyncio.Event().wait()

    async def put(self, key: bytes, value: bytes) -> Revision:
        raise self._refusal()

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        return {entry.key: self._refusal() for entry in entries}

    async def put_back(self, entry: Entry) -> PutBack:
        raise self._refusal()

    async def no_puts(self) -> tuple[NoPuts, ...]:
        return ()

    async def read_only(self) -> str:
        return WHY_READ_ONLY

    async def server_version(self) -> str:
        return ""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """Return nothing: what a lease had left then cannot be asked any more."""
        return {}

    async def aclose(self) -> None:
        """There is nothing to end."""

    def _refusal(self) -> Refused:
        return Refused(self._address, WHY_READ_ONLY)
