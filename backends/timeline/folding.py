"""Turn what a store reported at an earlier moment into the events of a watch: which records came,
went or changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.discovery.discovery import Removed, Resynced, WatchEvent, add_known, reconcile
from backends.dynamo.parse import read
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.store import Delete, Put, Resync, StoreEvent
from backends.timeline.moment_store import MomentStore


class Folding:
    """Keeps the records of one moment after the other."""

    def __init__(self, query: Query, store: MomentStore) -> None:
        """`query`: the records to follow. `store`: is led along."""
        self._query = query
        self._store = store
        self._known: dict[bytes, AnyRecord] = {}

    async def open(self, entries: Resync) -> Resynced:
        """Begin at other entries. Returns the differences from what was there."""
        resynced = await reconcile(self._known, entries, self._query, {})
        self._store.apply(entries)
        return resynced

    async def fold(self, events: Sequence[StoreEvent]) -> list[WatchEvent]:
        """Take in what a store reported, in its order. Returns what a watch yields for it."""
        found: list[WatchEvent] = []
        for event in events:
            if isinstance(event, Resync):
                found.append(await self.open(event))
            else:
                self._store.apply(event)
                found += self._of_one(event)
        return found

    def _of_one(self, event: StoreEvent) -> Iterator[WatchEvent]:
        match event:
            case Put(entry=entry):
                if (change := add_known(self._known, read(entry), self._query)) is not None:
                    yield change
            case Delete(key=key, revision=revision, overdue=overdue):
                if (gone := self._known.pop(key, None)) is not None:
                    yield Removed(gone, revision, overdue)
            case Resync():
                pass
            case _:
                yield event
