from __future__ import annotations

from pathlib import Path

from backends.memory import Keyspace, MemoryStore
from backends.store import Cause, Unreachable

WORKER = 2**64 - 7
"""The lease of the worker that puts keys; ids may use all 64 bits."""


class MemoryHarness:
    counts_again = True
    keeps_bytes = True
    shares_keys = True

    def __init__(self, folder: Path) -> None:
        self.keyspace = Keyspace()

    async def start(self) -> None:
        pass

    def open(self) -> MemoryStore:
        return MemoryStore(self.keyspace)

    async def break_off(self) -> None:
        self.keyspace.break_off(Unreachable("memory", Cause.LOST))

    async def mend(self) -> None:
        self.keyspace.mend()

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        self.keyspace.put(key, value)

    async def delete_while_broken(self, key: bytes) -> None:
        self.keyspace.delete(key)

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        self.keyspace.grant(WORKER, 600.0)
        self.keyspace.put(key, value, WORKER)

    async def end_the_worker(self) -> None:
        self.keyspace.end_lease(WORKER)

    async def back_up(self) -> None:
        self._backup = self.keyspace.backup()

    async def restore(self) -> None:
        self.keyspace.restore(self._backup)

    async def keep_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def forget_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def stop(self) -> None:
        pass
