"""How a file store is examined: by the folder's own permissions, without a write."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from backends.aio.daemon_thread import in_daemon_thread
from backends.doctor.contact import Contact, ServerAnswer
from backends.doctor.steps import (
    Alarms,
    ClockDifference,
    LoggedIn,
    NotApplicable,
    Removable,
    WhyNot,
)
from backends.dynamo.records import AnyRecord
from backends.file import FileStore
from backends.store import StoreError
from backends.store.entries import TimeToLive

TOLERANCE = 1.0
"""Seconds by which a file's time may lie ahead without a wrong clock: file systems round."""


class FolderContact(Contact):
    """Asks a folder. Whatever blocks runs in a daemon thread: a network's file system may hang."""

    store: FileStore

    def __init__(self, root: Path) -> None:
        self.store = FileStore(root)
        self._answers = False
        """Whether the file system answered. If it hangs, closing the store would, too."""

    async def answers(self) -> Sequence[ServerAnswer]:
        error: StoreError | None = None
        try:
            await in_daemon_thread(self.store.bucket_folders, "look at the folder")
        except StoreError as raised:
            error = raised
        self._answers = True
        return (ServerAnswer(self.store.address, error),)

    async def login(self) -> LoggedIn | NotApplicable:
        return NotApplicable(WhyNot.NO_LOGIN)

    async def removable(self, prefixes: Sequence[bytes]) -> Removable | NotApplicable:
        rights = await in_daemon_thread(self._rights, "look at permissions")
        if not rights:
            return NotApplicable(WhyNot.NOTHING_THERE)
        if None in rights.values():
            return NotApplicable(WhyNot.NOT_TOLD)
        allowed, denied = (
            tuple(path for path, may in rights.items() if may is wanted) for wanted in (True, False)
        )
        if not allowed:
            return Removable(
                allowed=False, reason=f"this user may not write in {', '.join(denied)}"
            )
        reason = "by the permissions of its folders"
        return Removable(allowed=True, only=allowed if denied else (), reason=reason)

    async def clock(self, records: Sequence[AnyRecord]) -> ClockDifference | NotApplicable:
        limits = await self.store.time_to_live(record.entry for record in records)
        ahead = max(map(_ahead, limits.values()), default=0.0)
        if ahead <= TOLERANCE:
            return NotApplicable(WhyNot.NO_CLOCK)
        # A worker may have touched it long before: its clock is ahead by this much, or more.
        return ClockDifference(ahead, float("inf"), "the host that touched a file")

    async def alarms(self) -> Alarms | NotApplicable:
        return Alarms(tuple(one.reason for one in await self.store.no_puts()))

    async def aclose(self) -> None:
        if self._answers:
            await self.store.aclose()

    def _rights(self) -> dict[str, bool | None]:
        """Return by bucket whether this user may remove its files. None: that depends on who owns
        each (the folder is sticky). Blocks. Raises `StoreError`."""
        found: dict[str, bool | None] = {}
        for path in self.store.bucket_folders():
            may = os.access(path, os.W_OK | os.X_OK)
            status = os.stat(path)
            sticky = status.st_mode & stat.S_ISVTX and os.geteuid() not in (0, status.st_uid)
            found[os.fsdecode(path)] = None if may and sticky else may
        return found


def _ahead(limit: TimeToLive) -> float:
    """Return how far in the future a file was touched, in seconds."""
    return 0.0 if limit.granted is None else limit.remaining - limit.granted
