"""Change notifications from the operating system, so that changes need not wait for the next poll.

A notification is only a hint: the poll finds whatever it misses. Each folder is watched by itself:
a recursive watch would follow symlinks out of the root, and would miss writes into a new folder
before that is watched too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress

from backends.file.safe_open import FolderId

QUIET_MS = 20
"""Milliseconds without a further change after which changes are reported."""
LONGEST_MS = 100
"""Milliseconds after which changes are reported while more keep coming: touches always do."""


class FsEvents:
    """Reports the paths in some folders that were touched, created or removed."""

    def __init__(self) -> None:
        self._folders: dict[bytes, FolderId] = {}
        self._task: asyncio.Task[None] | None = None
        self._paths: set[bytes] = set()
        self._arrived = asyncio.Event()
        self.problem: str | None = None
        """Why there are no notifications. None: they work."""

    async def follow(self, folders: Mapping[bytes, FolderId]) -> bool:
        """Watch these folders. Return True if watching began only now: earlier changes are not
        reported.

        If that fails (`problem` says why), the next call tries again.
        """
        if self._task is not None and not self._task.done() and self._folders == folders:
            return False
        await self.stop()
        self._folders = dict(folders)
        self.problem = None
        # watchfiles takes text only. A bucket whose name is not UTF-8 is left to the poll.
        paths = [os.fsdecode(folder) for folder in folders if _is_utf8(folder)]
        self._task = asyncio.create_task(self._run(paths))
        # The watch is set up in the task's first step, before its first wait.
        await asyncio.sleep(0)
        return not self._task.done()

    async def changed(self, timeout: float) -> set[bytes]:
        """Return the paths that changed. Empty: none did within `timeout` seconds."""
        with suppress(TimeoutError):
            # `wait_for` can swallow a cancellation before Python 3.12.
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
        self._arrived.clear()
        paths, self._paths = self._paths, set()
        return paths

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, paths: list[str]) -> None:
        # Imported on use: a snapshot does not need it.
        from watchfiles import awatch

        try:
            async for changes in awatch(
                *paths, watch_filter=None, debounce=LONGEST_MS, step=QUIET_MS, recursive=False
            ):
                self._paths.update(os.fsencode(path) for _, path in changes)
                self._arrived.set()
        except Exception as error:
            # E.g. limits reached, a folder removed, a name that is not UTF-8 (watchfiles 1.3 fails
            # on one). In every case the poll goes on without notifications.
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
