"""The store in a folder, in the layout of Dynamo's own `FileStore` (releases 0.6 to 1.6).

Dynamo has no server here: every process writes its own files, touches them every third of the
time to live, removes them when it ends, and while it lives removes the expired files of others in
the buckets it works with. Where no Dynamo process runs, expired files stay; this store marks them
and never hides or removes one by itself.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

from backends.file.folder import Folder
from backends.file.mirror import entry_of
from backends.file.names import (
    ESCAPE,
    LONGEST_NAME,
    Place,
    key_of,
    place_of,
    why_not_writable,
)
from backends.file.opening import Reading, revision_of
from backends.file.watch import Watch
from backends.store import (
    Entry,
    KeyNotAllowed,
    Misconfigured,
    Outcome,
    PutBack,
    Refused,
    Removal,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
)

TTL = 10.0
"""Seconds after its last touch when a file expires: `DEFAULT_TTL` in Dynamo's `kv/file.rs`."""

POLL_INTERVAL = 2.0
"""Seconds between two looks at all files, for what no notice tells: expiry, and network folders."""


class FileStore:
    """Dynamo's folder `root`. Keeps the `Store` protocol.

    Keys are `{bucket}/{decoded file name}`; a file whose name Dynamo would not write has the key
    `{bucket}/./{file name}` (see `names.py`). `ttl` and `poll_interval` are in seconds,
    `clock` gives POSIX seconds. Without `notifications`, changes are found by polling alone.

    Raises `Misconfigured` for a root that cannot be a path.
    """

    name = "file"
    has_leases = False
    is_kept_alive = True

    def __init__(
        self,
        root: str | os.PathLike[str] | bytes,
        *,
        ttl: float = TTL,
        poll_interval: float = POLL_INTERVAL,
        notifications: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        path = os.fsencode(root)
        if not path or b"\0" in path:
            raise Misconfigured("the file store's folder", "is not a path")
        path = os.path.abspath(path)
        self.address = path.decode("utf-8", "backslashreplace")
        self._folder = Folder(path, self.address)
        self._ttl = ttl
        self._poll_interval = poll_interval
        self._notifications = notifications
        self._clock = clock
        # As Dynamo's connection id: random, and written nowhere but in the keys it makes.
        self._instance_id = secrets.randbits(64) or 1
        self._owned: dict[bytes, Revision] = {}
        self._keep_alive: asyncio.Task[None] | None = None

    async def instance_id(self) -> int:
        return self._instance_id

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """See `Store`. Files are read one after the other: no folder can be read at one moment.

        Raises `Unreachable` (the root is missing, or no folder) and `Forbidden`.
        """
        readings = await asyncio.to_thread(self._read_all, prefixes)
        entries = sorted(self._entries(readings), key=lambda entry: entry.key)
        return Resync(tuple(entries), revision="")

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        places = {place for key in keys if (place := place_of(key)) is not None}
        readings = await asyncio.to_thread(self._folder.read, places)
        return {entry.key: entry for entry in self._entries(readings)}

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """See `Store`, and `Watch` for how changes are found."""
        watch = Watch(
            self._folder,
            tuple(prefixes),
            ttl=self._ttl,
            poll_interval=self._poll_interval,
            notifications=self._notifications,
            clock=self._clock,
        )
        return watch.events()

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Write a file and keep it alive until `aclose`. Missing folders are created.

        Raises `KeyNotAllowed`; `Refused` for a value over 8 MiB or where the file system would not
        (full, read-only); `Forbidden` where this user may not write.
        """
        place = _place_to_write(key)
        revision = await asyncio.to_thread(self._write, key, place, value)
        if self._keep_alive is None:
            self._keep_alive = asyncio.create_task(self._keep_own_files_alive())
        return revision

    async def delete(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        """Remove each file if it still has the revision named; see `Store`.

        Checking and unlinking cannot be one step in a file system: a writer that replaces the
        file in the microseconds between the two loses what it wrote. See `Folder.remove`.
        """
        return await asyncio.to_thread(self._remove, dict(targets))

    async def put_back(self, entry: Entry) -> PutBack:
        """See `Store`. The file gets the very name that it had, and its time to live begins anew.

        It is not this process's own: the worker that wrote it goes on touching it, or it expires.

        Raises what `put` raises; `Unreachable` where the root is missing; `Refused` where the
        entry does not hold all that was in the file (it was unreadable, or shown cut off).
        """
        place = _place_to_write(entry.key, raw_names=True)
        if not _is_whole(entry):
            raise Refused(self.address, "what was in the file is not known in full")
        written = await asyncio.to_thread(self._folder.write_new, place, entry.value, self._clock())
        return PutBack.DONE if written else PutBack.THERE

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """The store's TTL, and what is left of it since the last touch. One stat for each entry."""
        places = {place for entry in entries if (place := place_of(entry.key)) is not None}
        modified = await asyncio.to_thread(self._folder.modified, places)
        now = self._clock()
        return {
            key_of(place): TimeToLive(self._ttl, at + self._ttl - now)
            for place, at in modified.items()
        }

    async def aclose(self) -> None:
        """Removes what this process registered, as a Dynamo process does when it shuts down, but
        not where somebody has replaced it. Watches are ended by closing them."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            await asyncio.wait([self._keep_alive])
            self._keep_alive = None
        # What cannot be removed now expires: there is nobody left to tell.
        await asyncio.to_thread(self._remove, dict(self._owned))

    def _read_all(self, prefixes: Sequence[bytes]) -> Mapping[Place, Reading | None]:
        return self._folder.read(self._folder.listing(prefixes).files)

    def _entries(self, readings: Mapping[Place, Reading | None]) -> list[Entry]:
        now = self._clock()
        return [
            entry_of(place, reading, self._ttl, now)
            for place, reading in readings.items()
            if reading is not None
        ]

    def _write(self, key: bytes, place: Place, value: bytes) -> Revision:
        revision = self._folder.write(place, value, self._clock())
        # Noted here, in the thread: whoever awaits it may be cancelled, the file is ours anyway.
        self._owned[key] = revision
        return revision

    def _remove(self, targets: Mapping[bytes, Revision]) -> dict[bytes, Outcome]:
        try:
            self._folder.check()
        except StoreError as error:
            return dict.fromkeys(targets, error)
        outcomes: dict[bytes, Outcome] = {}
        for key, revision in targets.items():
            place = place_of(key)
            try:
                outcomes[key] = (
                    Removal.GONE if place is None else self._folder.remove(place, revision)
                )
            except StoreError as error:
                outcomes[key] = error
                continue
            if self._owned.get(key) == revision:
                del self._owned[key]
        return outcomes

    async def _keep_own_files_alive(self) -> None:
        while True:
            await asyncio.sleep(self._ttl / 3)
            await asyncio.to_thread(self._touch)

    def _touch(self) -> None:
        for key, revision in list(self._owned.items()):
            place = place_of(key)
            try:
                ours = place is not None and self._folder.touch(place, revision, self._clock())
            except StoreError:
                # A folder that is away for a moment may come back.
                continue
            if not ours and self._owned.get(key) == revision:
                del self._owned[key]


def _place_to_write(key: bytes, *, raw_names: bool = False) -> Place:
    """The file for a key. With `raw_names`, also one that is named as Dynamo would not name it.

    Raises `KeyNotAllowed`.
    """
    place = place_of(key)
    if raw_names and place is not None and _is_raw(key, place):
        return place
    reason = why_not_writable(key)
    if reason is not None or place is None:
        raise KeyNotAllowed(key, reason or "no file can have its name")
    return place


def _is_raw(key: bytes, place: Place) -> bool:
    """Whether a key names its file as the file system has it, in a length that there can be."""
    return key == place.bucket + b"/" + ESCAPE + place.name and len(place.name) <= LONGEST_NAME


def _is_whole(entry: Entry) -> bool:
    """Whether the value is all that was in the file: only then the revision is made of it."""
    _, _, digest = entry.revision.partition("-")
    _, _, of_value = revision_of("", entry.value).partition("-")
    return digest == of_value
