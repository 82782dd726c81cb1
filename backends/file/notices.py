"""Being told of changes by the operating system, so that they need not wait for the next poll.

A notice is only a hint to look: whatever it misses, the poll finds. Each folder is watched for
itself: a recursive watch would follow a symlink out of the root, and would not see what is written
into a new folder before it is watched too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress

from backends.file.opening import FolderId

QUIET_MS = 20
"""Milliseconds without a further change after which changes are handed over."""
LONGEST_MS = 100
"""Milliseconds after which they are handed over although more keep coming: touches always do."""


class Notices:
    """Which paths were touched, made or removed in some folders."""

    def __init__(self) -> None:
        self._folders: dict[bytes, FolderId] = {}
        self._task: asyncio.Task[None] | None = None
        self._paths: set[bytes] = set()
        self._arrived = asyncio.Event()
        self.problem: str | None = None
        """Why there are no notices; None: there are."""

    async def follow(self, folders: Mapping[bytes, FolderId]) -> bool:
        """Watch these folders. True: watching them began just now, what came before is not told.

        If that fails (`problem` says why), the next call tries again.
        """
        if self._task is not None and not self._task.done() and self._folders == folders:
            return False
        await self.stop()
        self._folders = dict(folders)
        self.problem = None
        # watchfiles takes text only; a bucket whose name is not UTF-8 is left to the poll.
        paths = [os.fsdecode(folder) for folder in folders if _is_utf8(folder)]
        self._task = asyncio.create_task(self._run(paths))
        # The watch is set up in the task's first step, before it waits for anything.
        await asyncio.sleep(0)
        return not self._task.done()

    async def changed(self, timeout: float) -> set[bytes]:
        """The paths that something happened to. Empty: nothing did within `timeout` seconds."""
        with suppress(TimeoutError):
            # Not wait_for: before Python 3.12 it can swallow being cancelled.
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        self._arrived.clear()
        paths, self._paths = self._paths, set()
        return paths

    async def stop(self) -> None:
        """Watch nothing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, paths: list[str]) -> None:
        # Imported when it is needed: a single snapshot has no use for it.
        from watchfiles import awatch

        try:
            async for changes in awatch(
                *paths, watch_filter=None, debounce=LONGEST_MS, step=QUIET_MS, recursive=False
            ):
                self._paths.update(os.fsencode(path) for _, path in changes)
                self._arrived.set()
        except Exception as error:
            # Limits reached, a folder gone, a name that is not UTF-8 (watchfiles 1.3 gives up on
            # one): whatever it is, the poll goes on without notices.
            self.problem = _innermost(error)


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def _innermost(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
