"""One watch of the folder: a poll that finds every change, and notifications that make it fast."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from functools import partial
from typing import Any, TypeVar

import msgspec

from backends.file.diff import FolderState
from backends.file.folder import Folder, Listing
from backends.file.fs_events import FsEvents
from backends.file.names import OLD_BUCKETS, TEMPORARY, VERSION_FOLDER, KeyFile, key_of
from backends.store import (
    Cause,
    Delete,
    Heartbeat,
    Loading,
    Lost,
    Put,
    Resync,
    StoreError,
    StoreEvent,
    Unreachable,
)

T = TypeVar("T")

PAGE = 500
"""Files read before a watch reports its progress."""

POLL_PER_FILE = 0.00045
"""Seconds between two polls for each file: a poll costs about 6 µs a file, so that polling takes
little more than 1 % of a core.
"""
LONGEST_POLL = 4.5
"""The longest interval, whatever the number of files: a change without a notification must show
within five seconds.
"""
CALM = 2.25
"""Times that interval where the kernel reports each write, up to the next moment at which a file
expires.
"""
OVER = 0.05
"""Seconds after the end of a time to live at which it is certain that nothing touched the file."""

RETRY_INTERVAL = 0.5
"""Seconds between two tries while the folder cannot be read. Trying costs one system call, and a
folder that appears must show at once.
"""


class FolderTimes(msgspec.Struct, frozen=True):
    """When a file system that answered before counts as lost."""

    longest_look: float = 10.0
    """Seconds without an answer; but at least `slack` times the longest time it took."""
    slack: float = 4.0
    grace: float = 1.0
    """Extra seconds, for a process that was stopped meanwhile."""


DEFAULT_PATIENCE = FolderTimes()


class Watch:
    """Follows the files whose keys begin with one of the prefixes.

    Every `poll_interval` seconds, or less often with thousands of files, each file's status is read
    (one stat), and its content if inode, size or time changed. In between, notifications name the
    files to read. A keep-alive touch changes only times, and so may a writer that replaces content
    in file. Where the kernel reports each write, another time alone is a touch, which costs
    nothing. Elsewhere only reading distinguishes the two, so every touch costs one read of a few
    kilobytes. It causes no event.
    """

    def __init__(
        self,
        folder: Folder,
        prefixes: tuple[bytes, ...],
        *,
        ttl: float,
        poll_interval: float,
        notifications: bool,
        clock: Callable[[], float],
        patience: FolderTimes = DEFAULT_PATIENCE,
    ) -> None:
        self._folder = folder
        self._patience = patience
        self._prefixes = prefixes
        self._poll_interval = poll_interval
        self._clock = clock
        self._state = FolderState(ttl)
        self._fs_events = FsEvents() if notifications else None
        self._hears_all = False
        """Whether notifications were on, and none was dropped, since before the last poll."""
        self._next_end = 0.0
        """See `FolderState.next_end`."""
        self._longest = 0.0
        """The longest time that the file system took, in seconds, since everything was read
        once.
        """
        self._hanging: tuple[asyncio.Future[Any], Unreachable] | None = None
        """The call that the file system did not answer in time."""

    async def events(self) -> AsyncGenerator[StoreEvent, None]:
        """Yield a resync, then every change, without end."""
        lost: str | None = None
        just_followed = False
        try:
            while True:
                if self._hanging is not None:
                    hanging, late = self._hanging
                    if lost != str(late):
                        lost = str(late)
                        yield Lost(late)
                    # A second thread would only hang too.
                    await asyncio.wait((hanging,))
                    hanging.exception()
                    self._hanging = None
                    # The hanging call may have changed the state.
                    self._state.forget()
                try:
                    listing, outdated = await self._in_time(self._look)
                    first = self._state.root is None
                    for done in range(0, len(outdated), PAGE):
                        if first and len(outdated) > PAGE:
                            yield Loading(done, len(outdated))
                        await self._in_time(partial(self._read, outdated[done : done + PAGE]))
                    changes = await asyncio.to_thread(self._compare, listing)
                except StoreError as error:
                    await self._stop_fs_events()
                    self._state.forget()
                    if lost != str(error):
                        lost = str(error)
                        yield Lost(error)
                    await asyncio.sleep(min(RETRY_INTERVAL, self._poll_interval))
                    continue

                lost = None
                if first:
                    yield Resync(self._state.entries(), revision="")
                else:
                    for change in changes:
                        yield change
                followed = self._fs_events is not None and await self._fs_events.follow(
                    listing.folders
                )
                self._hears_all = self._fs_events is not None and not followed
                yield Heartbeat(self._warnings(listing), listing.no_puts)

                # Changes before the notifications began were not reported: poll once more. Only
                # once: if the notifications break each time, the poll keeps its interval.
                just_followed = followed and not just_followed
                if just_followed:
                    continue
                poll_at = asyncio.get_running_loop().time() + self._pause(len(listing.files))
                while (hinted := await self._hinted(listing, until=poll_at)) is not None:
                    for change in hinted:
                        yield change
        finally:
            await self._stop_fs_events()

    async def _in_time(self, work: Callable[[], T]) -> T:
        """Run a blocking call in a thread.

        Raises `Unreachable` if it takes far longer than ever before: a network file system without
        its server blocks for ever without an error. The thread goes on.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        # The normal time is unknown until everything was read once.
        patience, limit = self._patience, None
        if self._state.root is not None:
            limit = max(patience.longest_look, patience.slack * self._longest)
        done = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            if limit is not None:
                await asyncio.wait((done,), timeout=limit)
                # If this process was stopped meanwhile, the call did not get its time.
                await asyncio.wait((done,), timeout=patience.grace)
                if not done.done():
                    detail = f"no answer for {limit:.0f} s"
                    late = Unreachable(self._folder.address, Cause.TIMEOUT, detail)
                    self._hanging = done, late
                    raise late
            result = await done
        except asyncio.CancelledError:
            done.cancel()
            raise
        if limit is not None:
            self._longest = max(self._longest, loop.time() - began)
        return result

    def _look(self) -> tuple[Listing, list[KeyFile]]:
        """List the files, and those of them to read."""
        listing = self._folder.listing(self._prefixes)
        # Another folder at the root's path is a gap, even without an error in between.
        if self._state.root != listing.root:
            self._state.forget()
        return listing, self._state.outdated(listing, touches_count=not self._sees_writes)

    def _read(self, files: Iterable[KeyFile]) -> None:
        self._state.take(self._folder.read(files, self._state.readings))

    def _compare(self, listing: Listing) -> list[Put | Delete]:
        self._state.root = listing.root
        self._state.keep_only(listing)
        self._next_end = self._state.next_end()
        return self._state.changes(self._clock())

    def _read_and_compare(self, files: Collection[KeyFile]) -> list[Put | Delete]:
        self._read(files)
        return self._state.changes(self._clock(), files)

    async def _hinted(self, listing: Listing, until: float) -> list[Put | Delete] | None:
        """Wait for notifications and return the changes. None: it is time to poll all files."""
        remaining = until - asyncio.get_running_loop().time()
        if remaining <= 0:
            return None
        if self._fs_events is None:
            await asyncio.sleep(remaining)
            return None
        paths = await self._fs_events.changed(remaining)
        files = self._affected(listing, paths)
        if files is None:
            # A folder was added, removed or replaced: notifications may be about the old one.
            await self._stop_fs_events()
            return None
        try:
            return await self._in_time(partial(self._read_and_compare, files))
        except StoreError:
            self._hears_all = False
            return None

    def _affected(self, listing: Listing, paths: Iterable[bytes]) -> set[KeyFile] | None:
        """Return the files at these paths. None: the folders themselves changed."""
        root = self._folder.root
        files: set[KeyFile] = set()
        for path in paths:
            above, name = os.path.split(path)
            bucket = listing.buckets.get(above)
            if path in listing.folders:
                return None
            if bucket is not None:
                file = KeyFile(bucket, name)
                if not name.startswith(TEMPORARY) and self._is_watched(file):
                    files.add(file)
            elif above != root or name in (VERSION_FOLDER, *OLD_BUCKETS):
                return None
        return files

    @property
    def _sees_writes(self) -> bool:
        """Whether each write since the last poll was or will be notified."""
        events = self._fs_events
        return self._hears_all and events is not None and events.reports_each_write

    def _pause(self, files: int) -> float:
        """Return the seconds until the next poll, for that many files."""
        pause = max(self._poll_interval, min(POLL_PER_FILE * files, LONGEST_POLL))
        if not self._sees_writes:
            return pause
        calm = min(LONGEST_POLL, CALM * self._poll_interval)
        return max(pause, min(calm, self._next_end - self._clock() + OVER))

    def _is_watched(self, file: KeyFile) -> bool:
        return key_of(file).startswith(self._prefixes)

    def _warnings(self, listing: Listing) -> tuple[str, ...]:
        warnings = listing.warnings + self._state.warnings()
        if self._fs_events is not None and self._fs_events.problem is not None:
            warnings += (
                f"no change notifications ({self._fs_events.problem}): "
                f"polling every {self._pause(len(listing.files)):.2g} s",
            )
        return warnings

    async def _stop_fs_events(self) -> None:
        self._hears_all = False
        if self._fs_events is not None:
            await self._fs_events.stop()
