"""A keyspace that keeps its revisions, as etcd does until they are compacted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from backends.memory import Keyspace, MemoryStore
from backends.store import Compacted, Delete, Entry, NotYet, Put, Resync, StoreError, StoreEvent
from backends.store.past import Past, PastChange
from tests.support.operating import World


class RememberingKeyspace(Keyspace):
    """Keeps every change since the last compaction."""

    changes: tuple[PastChange, ...] = ()
    oldest = 1

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        # That of an empty store.
        self._revision = 1

    def _publish(self, event: StoreEvent) -> None:
        super()._publish(event)
        match event:
            case Put(entry=entry):
                self._keep(int(entry.revision), entry.key, entry)
            case Delete(key=key, revision=revision):
                self._keep(int(revision), key, None)

    def _keep(self, revision: int, key: bytes, entry: Entry | None) -> None:
        before = next((one.entry for one in reversed(self.changes) if one.key == key), None)
        self.changes += (PastChange(revision, key, entry, before),)

    def at(self, revision: int) -> dict[bytes, Entry]:
        """What was there at a revision."""
        there: dict[bytes, Entry] = {}
        for change in self.changes:
            if change.revision <= revision:
                there.pop(change.key, None)
                if change.entry is not None:
                    there[change.key] = change.entry
        return there


class RememberedPast:
    """The past of such a keyspace."""

    def __init__(self, keyspace: RememberingKeyspace) -> None:
        self._keyspace = keyspace
        self.error: StoreError | None = None
        """What reading raises. None: nothing."""
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.read: list[int] = []
        """The revisions that were read."""

    async def _check(self, revision: int) -> None:
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        if revision > (newest := self._keyspace._revision):
            raise NotYet("this process", revision, newest)
        if revision < self._keyspace.oldest:
            raise Compacted("this process", revision, self._keyspace.oldest)

    def time_of(self, revision: int) -> float | None:
        return None

    def revision_at(self, at: float) -> int | None:
        return None

    async def recent(
        self, prefixes: Sequence[bytes], until: int, most: int
    ) -> tuple[PastChange, ...]:
        return await self.changes(prefixes, max(self._keyspace.oldest, until - most), until)

    async def newest(self) -> int:
        await self._check(self._keyspace.oldest)
        return self._keyspace._revision

    async def oldest(self, prefixes: Sequence[bytes]) -> int:
        return self._keyspace.oldest

    async def at(self, prefixes: Sequence[bytes], revision: int) -> Resync:
        await self._check(revision)
        self.read.append(revision)
        found = self._keyspace.at(revision).values()
        starts = tuple(prefixes)
        there = sorted((one for one in found if one.key.startswith(starts)), key=lambda e: e.key)
        return Resync(tuple(there), str(revision))

    async def changes(
        self, prefixes: Sequence[bytes], after: int, until: int
    ) -> tuple[PastChange, ...]:
        await self._check(after)
        await self._check(until)
        starts = tuple(prefixes)
        return tuple(
            one
            for one in self._keyspace.changes
            if after < one.revision <= until and one.key.startswith(starts)
        )


class RememberingStore(MemoryStore):
    """A connection to such a keyspace."""

    def __init__(self, keyspace: RememberingKeyspace) -> None:
        super().__init__(keyspace)
        self.remembered = RememberedPast(keyspace)
        self.past: Past | None = self.remembered


class RememberingWorld(World):
    """A world whose store keeps its revisions."""

    def __init__(self) -> None:
        super().__init__()
        self.keyspace = self._kept = RememberingKeyspace(lambda: self.now)
        self.store = RememberingStore(self._kept)

    def open(self) -> MemoryStore:
        return self.store

    @property
    def past(self) -> RememberedPast:
        return self.store.remembered

    @property
    def revision(self) -> int:
        """The newest."""
        return self._kept._revision

    def compact(self, revision: int) -> None:
        """Drop what was before a revision."""
        self._kept.oldest = revision
