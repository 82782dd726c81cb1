from __future__ import annotations

from pathlib import Path

from backends.memory import Keyspace, MemoryStore
from backends.store import Cause, Unreachable


class MemoryHarness:
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

    async def stop(self) -> None:
        pass
