from __future__ import annotations

import shutil
from pathlib import Path

from backends.file import FileStore


class FileHarness:
    """A folder; it becomes unreachable by being moved away."""

    counts_again = False
    keeps_bytes = True
    shares_keys = True

    def __init__(self, folder: Path) -> None:
        self._root = folder / "store"
        self._away = folder / "away"
        self._backup = folder / "backup"
        self._opened: list[FileStore] = []

    async def start(self) -> None:
        self._root.mkdir()

    def open(self) -> FileStore:
        return self._open(self._root)

    async def break_off(self) -> None:
        self._root.rename(self._away)

    async def mend(self) -> None:
        self._away.rename(self._root)

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        self._opened.append(self._open(self._away))
        await self._opened[-1].put(key, value)

    async def delete_while_broken(self, key: bytes) -> None:
        store = self._open(self._away)
        entries = await store.get([key])
        await store.delete([entries[key]])

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        self._opened.append(self.open())
        await self._opened[-1].put(key, value)

    async def end_the_worker(self) -> None:
        raise NotImplementedError("there are no leases here")

    async def back_up(self) -> None:
        shutil.copytree(self._root, self._backup)

    async def restore(self) -> None:
        # With owners and times, as `cp -a` and `rsync -a` do it.
        shutil.rmtree(self._root)
        shutil.copytree(self._backup, self._root)

    async def keep_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def forget_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def stop(self) -> None:
        for store in self._opened:
            await store.aclose()

    def _open(self, root: Path) -> FileStore:
        return FileStore(root, poll_interval=0.2)
