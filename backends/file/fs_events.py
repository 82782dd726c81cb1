"""Change notifications from the kernel, so that changes need not wait for the next poll.

A notification is only a hint: the poll finds whatever it misses. Each folder is watched by itself:
a recursive watch would follow symlinks out of the root, and would miss writes into a new folder
before that is watched too. What changes a file's times alone, such as a keep-alive touch, is not
asked for: with 10,000 files it comes 3,000 times a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from backends.file.safe_open import FolderId

if TYPE_CHECKING:
    from asyncinotify import Inotify

GATHERED = 0.02
"""Seconds for which further changes are gathered after one came."""
AT_ONCE = 256
"""Events read at once."""

LOCAL = frozenset({"bcachefs", "btrfs", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
"""Types of file systems that only this machine's kernel writes to, so that it reports each write. A
network file system does not report what other hosts write.
"""
MOUNTS = Path("/proc/self/mountinfo")


class FsEvents:
    """Reports the paths in some folders that were written, created or removed."""

    def __init__(self) -> None:
        self._folders: dict[bytes, FolderId] = {}
        self._task: asyncio.Task[None] | None = None
        self._paths: set[bytes] = set()
        self._arrived = asyncio.Event()
        self._is_local = False
        self.problem: str | None = None
        """Why there are no notifications. None: they work."""

    @property
    def reports_each_write(self) -> bool:
        """Whether no content of a file changes without a notification, except through a mapping
        into memory: the kernel reports none of those.
        """
        return self._is_local and self._task is not None and not self._task.done()

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
        try:
            inotify, watched, self._is_local = await asyncio.to_thread(_begin, self._folders)
        except (ImportError, OSError) as error:
            # E.g. limits reached, a folder removed. The poll goes on without notifications.
            lacking = isinstance(error, ImportError)
            self.problem = "this system has no inotify" if lacking else type(error).__name__
            return False
        self._task = asyncio.create_task(self._run(inotify, watched))
        return True

    async def changed(self, timeout: float) -> set[bytes]:
        """Return the paths that changed. Empty: none did within `timeout` seconds."""
        with suppress(TimeoutError):
            # `wait_for` can swallow a cancellation before Python 3.12.
            async with asyncio.timeout(timeout):
                await self._arrived.wait()
                await asyncio.sleep(GATHERED)
        self._arrived.clear()
        paths, self._paths = self._paths, set()
        return paths

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self, inotify: Inotify, watched: Mapping[int, bytes]) -> None:
        try:
            with inotify:
                async for event in inotify:
                    above = None if event.watch is None else watched.get(event.watch.wd)
                    if above is None:
                        # More came than the kernel keeps: anything may have changed.
                        self._paths |= self._folders.keys()
                    elif event.name is None:
                        self._paths.add(above)
                    else:
                        self._paths.add(os.path.join(above, os.fsencode(event.name)))
                    self._arrived.set()
        except OSError as error:
            self.problem = type(error).__name__


def _begin(folders: Mapping[bytes, FolderId]) -> tuple[Inotify, Mapping[int, bytes], bool]:
    """Return what watches these folders, their paths by watch, and whether all of them are local.

    Blocks as long as the file system does.
    """
    # Imported on use: a snapshot does not need it.
    from asyncinotify import Inotify, Mask

    mask = Mask.CREATE | Mask.MODIFY | Mask.DELETE | Mask.MOVE | Mask.DELETE_SELF | Mask.MOVE_SELF
    inotify = Inotify(cache_size=AT_ONCE)
    try:
        watched = {inotify.add_watch(path, mask | Mask.ONLYDIR).wd: path for path in folders}
        types = _types_by_device()
        local = all(types.get(folder.device) in LOCAL for folder in folders.values())
    except BaseException:
        inotify.close()
        raise
    return inotify, watched, local


def _types_by_device() -> dict[int, str]:
    """Return the type of each mounted file system. Empty: not known. See proc_pid_mountinfo(5)."""
    types: dict[int, str] = {}
    with suppress(OSError):
        for line in MOUNTS.read_text(errors="replace").splitlines():
            mount, _, rest = line.partition(" - ")
            major, _, minor = mount.split()[2].partition(":")
            types[os.makedev(int(major), int(minor))] = rest.split()[0]
    return types
