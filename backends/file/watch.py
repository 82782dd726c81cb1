"""One watch of the folder: a poll that misses nothing, and notices that make it quick."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable

from backends.file.folder import Folder, Listing
from backends.file.mirror import Mirror
from backends.file.names import OLD_BUCKETS, TEMPORARY, VERSION_FOLDER, Place, key_of
from backends.file.notices import Notices
from backends.store import (
    Delete,
    Heard,
    Loading,
    Lost,
    Put,
    Resync,
    StoreError,
    StoreEvent,
)

PAGE = 500
"""Files read before a watch says how far it is."""

POLL_PER_FILE = 0.00045
"""Seconds from one look at all files to the next, for each of them: a look costs some 6 µs a file,
so that looking takes little more than 1 % of a core."""
LONGEST_POLL = 4.5
"""Seconds above which no number of files makes that: what no notice tells is to be seen within
five."""

RETRY_INTERVAL = 0.5
"""Seconds between two tries while the folder cannot be read: trying costs one system call, and
who waits for a folder to appear wants to see it at once."""


class Watch:
    """Follows the files whose keys begin with one of the prefixes.

    Every `poll_interval` seconds, or less often where there are thousands, each file is looked at
    (one stat) and read if that shows another inode, size or time. In between, notices name the
    files to read. A keep-alive touch changes nothing but times, and so does a writer who replaces
    content in place: only reading tells them apart, so every touch costs one read of a file of a
    few kilobytes, and no event.
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
    ) -> None:
        self._folder = folder
        self._prefixes = prefixes
        self._poll_interval = poll_interval
        self._clock = clock
        self._mirror = Mirror(ttl)
        self._notices = Notices() if notifications else None

    async def events(self) -> AsyncGenerator[StoreEvent, None]:
        """Everything, then every change, for ever."""
        lost: str | None = None
        just_followed = False
        try:
            while True:
                try:
                    listing, outdated = await asyncio.to_thread(self._look)
                    first = self._mirror.root is None
                    for done in range(0, len(outdated), PAGE):
                        if first and len(outdated) > PAGE:
                            yield Loading(done, len(outdated))
                        await asyncio.to_thread(self._read, outdated[done : done + PAGE])
                    changes = await asyncio.to_thread(self._compare, listing)
                except StoreError as error:
                    await self._stop_notices()
                    self._mirror.forget()
                    if lost != str(error):
                        lost = str(error)
                        yield Lost(error)
                    await asyncio.sleep(min(RETRY_INTERVAL, self._poll_interval))
                    continue

                lost = None
                if first:
                    yield Resync(self._mirror.entries(), revision="")
                else:
                    for change in changes:
                        yield change
                followed = self._notices is not None and await self._notices.follow(listing.folders)
                yield Heard(self._warnings(listing))

                # What happened before the notices began was not told: look at everything once
                # more. Only once: where they break off each time, the poll keeps its pace.
                just_followed = followed and not just_followed
                if just_followed:
                    continue
                poll_at = asyncio.get_running_loop().time() + self._pause(len(listing.files))
                while (hinted := await self._hinted(listing, until=poll_at)) is not None:
                    for change in hinted:
                        yield change
        finally:
            await self._stop_notices()

    def _look(self) -> tuple[Listing, list[Place]]:
        """Which files there are, and which of them are to be read."""
        listing = self._folder.listing(self._prefixes)
        # Another folder in the root's place is a gap, even if it came unnoticed.
        if self._mirror.root != listing.root:
            self._mirror.forget()
        return listing, self._mirror.outdated(listing)

    def _read(self, places: Iterable[Place]) -> None:
        self._mirror.take(self._folder.read(places, self._mirror.readings))

    def _compare(self, listing: Listing) -> list[Put | Delete]:
        self._mirror.root = listing.root
        self._mirror.keep_only(listing)
        return self._mirror.changes(self._clock())

    def _read_and_compare(self, places: Collection[Place]) -> list[Put | Delete]:
        self._read(places)
        return self._mirror.changes(self._clock(), places)

    async def _hinted(self, listing: Listing, until: float) -> list[Put | Delete] | None:
        """The changes that the next notices lead to; None: it is time to look at everything."""
        remaining = until - asyncio.get_running_loop().time()
        if remaining <= 0:
            return None
        if self._notices is None:
            await asyncio.sleep(remaining)
            return None
        paths = await self._notices.changed(remaining)
        places = self._meant(listing, paths)
        if places is None:
            # A folder came, went or was replaced: the notices may be about one that is no more.
            await self._stop_notices()
            return None
        try:
            return await asyncio.to_thread(self._read_and_compare, places)
        except StoreError:
            return None

    def _meant(self, listing: Listing, paths: Iterable[bytes]) -> set[Place] | None:
        """The files that are meant; None: the folders themselves are not as they were."""
        root = self._folder.root
        places: set[Place] = set()
        for path in paths:
            above, name = os.path.split(path)
            bucket = listing.buckets.get(above)
            if path in listing.folders:
                return None
            if bucket is not None:
                place = Place(bucket, name)
                if not name.startswith(TEMPORARY) and self._is_watched(place):
                    places.add(place)
            elif above != root or name in (VERSION_FOLDER, *OLD_BUCKETS):
                return None
        return places

    def _pause(self, files: int) -> float:
        """Seconds until that many files are looked at again."""
        return max(self._poll_interval, min(POLL_PER_FILE * files, LONGEST_POLL))

    def _is_watched(self, place: Place) -> bool:
        return key_of(place).startswith(self._prefixes)

    def _warnings(self, listing: Listing) -> tuple[str, ...]:
        warnings = listing.warnings + self._mirror.warnings()
        if self._notices is not None and self._notices.problem is not None:
            warnings += (
                f"no notices of changes ({self._notices.problem}): "
                f"looking every {self._pause(len(listing.files)):.2g} s",
            )
        return warnings

    async def _stop_notices(self) -> None:
        if self._notices is not None:
            await self._notices.stop()
