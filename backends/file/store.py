"""The store in a folder, in the layout of Dynamo's own `FileStore` (releases 0.6 to 1.6).

Dynamo has no server here. Every process writes its own files, touches them every third of the time
to live, and removes them when it ends. While it runs, it also removes expired files of others in
the buckets it uses. Without any Dynamo process expired files stay; this store marks them and never
hides or removes one by itself.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

from backends.file.diff import Namesakes, end_of, entry_of
from backends.file.folder import Folder
from backends.file.names import (
    ESCAPE,
    LONGEST_NAME,
    KeyFile,
    file_by_mark,
    file_of,
    is_dynamos,
    why_not_writable,
)
from backends.file.safe_open import FileContent, revision_of, split_revision
from backends.file.watch import DEFAULT_PATIENCE, FolderTimes, Watch
from backends.store import (
    Entry,
    KeyNotAllowed,
    Lifetime,
    Misconfigured,
    NoPuts,
    Outcome,
    PodLabels,
    PutBack,
    Removal,
    Resync,
    Revision,
    StoreError,
    StoreEvent,
    TimeToLive,
)
from backends.store.closing import ClosedAtExit

TTL = 10.0
"""Seconds after its last touch when a file expires: `DEFAULT_TTL` in Dynamo's `kv/file.rs`."""

POLL_INTERVAL = 2.0
"""Seconds between two polls of all files, for changes without notifications: expiry, and network
folders.
"""

_Seen = Mapping[bytes, tuple[Revision, bytes | None]]
"""The revision and value seen for each key. None: any value with that revision."""


class FileStore(ClosedAtExit):
    """Dynamo's folder `root` as a `Store`.

    Keys are `{bucket}/{decoded file name}`. Where two files decode to one key, a file whose name
    Dynamo would not write has the key `{bucket}/./{file name}` (see `names.py`). `ttl` and
    `poll_interval` are in seconds, `clock` returns POSIX seconds. Without `notifications` changes
    are found by polling only. `patience` says when a file system that hangs counts as lost.

    Raises `Misconfigured` for a root that cannot be a path.
    """

    name = "file"
    lifetime = Lifetime.TOUCHED
    pods = None
    pod_labels: PodLabels | None = None
    past = None

    def __init__(
        self,
        root: str | os.PathLike[str] | bytes,
        *,
        ttl: float = TTL,
        poll_interval: float = POLL_INTERVAL,
        notifications: bool = True,
        clock: Callable[[], float] = time.time,
        patience: FolderTimes = DEFAULT_PATIENCE,
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
        self._patience = patience
        # As Dynamo's connection id: random, and stored only in the keys that it makes.
        self._instance_id = secrets.randbits(64) or 1
        self._owned: dict[bytes, Revision] = {}
        self._keep_alive: asyncio.Task[None] | None = None

    async def instance_id(self) -> int:
        return self._instance_id

    async def snapshot(self, prefixes: Sequence[bytes]) -> Resync:
        """Read all entries, as `Store.snapshot`, one file after the other: a folder has no
        snapshots.

        Raises `Unreachable` (the root is missing, or not a folder) and `Forbidden`.
        """
        readings = await asyncio.to_thread(self._read_all, prefixes)
        entries = sorted(self._entries(readings), key=lambda entry: entry.key)
        return Resync(tuple(entries), revision="")

    async def get(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        wanted = set(keys)
        readings = await asyncio.to_thread(self._read_named, wanted)
        entries = self._entries(readings)
        return {entry.key: entry for entry in entries if entry.key in wanted}

    def watch(self, prefixes: Sequence[bytes]) -> AsyncGenerator[StoreEvent, None]:
        """Follow the folder, as `Store.watch`. See `Watch` for how changes are found."""
        watch = Watch(
            self._folder,
            tuple(prefixes),
            ttl=self._ttl,
            poll_interval=self._poll_interval,
            notifications=self._notifications,
            clock=self._clock,
            patience=self._patience,
        )
        return watch.events()

    async def put(self, key: bytes, value: bytes) -> Revision:
        """Write a file and touch it until `aclose`. Missing folders are created.

        Raises `KeyNotAllowed`; `Refused` for a value over 8 MiB or if the file system declines
        (full, read-only); `Forbidden` if this user may not write.
        """
        file = _file_to_write(key)
        revision = await asyncio.to_thread(self._write, key, file, value)
        if self._keep_alive is None:
            self._keep_alive = asyncio.create_task(self._keep_own_files_alive())
        return revision

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        """Remove each file that is unchanged, as `Store.delete`.

        A file system cannot check and unlink in one step: a writer that replaces the file in the
        microseconds between the two loses its value. See `Folder.remove`.
        """
        seen: _Seen = {entry.key: (entry.revision, entry.value) for entry in entries}
        return await asyncio.to_thread(self._remove, seen)

    async def put_back(self, entry: Entry) -> PutBack:
        """Put a file back, as `Store.put_back`. It gets its old name, and its time to live starts
        anew.

        This process does not touch it: the worker that wrote it continues to, or it expires.

        Raises what `put` raises; `Unreachable` if the root is missing.
        """
        file = _named_as_before(entry) or _file_to_write(entry.key, raw_names=True)
        if entry.unread or not _is_whole(entry):
            return PutBack.UNREAD
        written = await asyncio.to_thread(self._folder.write_new, file, entry.value, self._clock())
        return PutBack.DONE if written else PutBack.THERE

    async def no_puts(self) -> tuple[NoPuts, ...]:
        """Return whether the file system is full or read-only. A quota is not detected."""
        return await asyncio.to_thread(self._folder.no_puts)

    def bucket_folders(self) -> list[bytes]:
        """Return the full paths of all buckets. Blocks, for as long as the file system does.

        Raises `Unreachable` (the root is missing, or not a folder) and `Forbidden`.
        """
        return list(self._folder.listing([b""]).buckets)

    async def read_only(self) -> str:
        """Return nothing: what this user may remove is not asked for here."""
        return ""

    async def server_version(self) -> str:
        return ""

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        """Return the store's TTL, and the time left since the last touch. One stat for each
        entry.
        """
        files = {file: entry.key for entry in entries if (file := _file_of(entry)) is not None}
        modified = await asyncio.to_thread(self._folder.modified, files)
        now = self._clock()
        return {
            files[file]: TimeToLive(self._ttl, at + self._ttl - now)
            for file, at in modified.items()
        }

    async def aclose(self) -> None:
        """Remove what this process registered, unless it was replaced, as a Dynamo process does at
        shutdown. Watches are ended by closing them.
        """
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            await asyncio.wait([self._keep_alive])
            self._keep_alive = None
        # A file that cannot be removed now will expire, so errors are dropped.
        owned: _Seen = {key: (revision, None) for key, revision in self._owned.items()}
        await asyncio.to_thread(self._remove, owned)

    def _read_all(self, prefixes: Sequence[bytes]) -> Mapping[KeyFile, FileContent | None]:
        return self._folder.read(self._folder.listing(prefixes).files)

    def _read_named(self, keys: set[bytes]) -> Mapping[KeyFile, FileContent | None]:
        return self._folder.read(self._folder.named(keys))

    def _entries(self, readings: Mapping[KeyFile, FileContent | None]) -> list[Entry]:
        now = self._clock()
        there = {file: reading for file, reading in readings.items() if reading is not None}
        namesakes = Namesakes(there)
        return [
            entry_of(
                file,
                reading,
                end_of(reading.identity, self._ttl),
                now,
                shared=namesakes.shares(file),
            )
            for file, reading in there.items()
        ]

    def _write(self, key: bytes, file: KeyFile, value: bytes) -> Revision:
        revision = self._folder.write(file, value, self._clock())
        # Recorded in the thread: the caller may be cancelled, but the file was written anyway.
        self._owned[key] = revision
        return revision

    def _remove(self, targets: _Seen) -> dict[bytes, Outcome]:
        try:
            self._folder.check()
        except StoreError as error:
            return dict.fromkeys(targets, error)
        outcomes: dict[bytes, Outcome] = {}
        for key, (revision, value) in targets.items():
            plain, mark = split_revision(revision)
            file = file_by_mark(key, mark)
            try:
                outcomes[key] = (
                    Removal.GONE if file is None else self._folder.remove(file, plain, value)
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
            file = file_of(key)
            try:
                ours = file is not None and self._folder.touch(file, revision, self._clock())
            except StoreError:
                # A folder that is away for a moment may come back.
                continue
            if not ours and self._owned.get(key) == revision:
                del self._owned[key]


def _file_to_write(key: bytes, *, raw_names: bool = False) -> KeyFile:
    """Return the file for a key. `raw_names` also allows names that Dynamo would not write.

    Raises `KeyNotAllowed`.
    """
    file = file_of(key)
    if raw_names and file is not None and _is_raw(key, file):
        return file
    reason = why_not_writable(key)
    if reason is not None or file is None:
        raise KeyNotAllowed(key, reason or "no file can have its name")
    return file


def _file_of(entry: Entry) -> KeyFile | None:
    """Return the file that an entry was read from. None: no file can have its name."""
    _, mark = split_revision(entry.revision)
    return file_by_mark(entry.key, mark)


def _named_as_before(entry: Entry) -> KeyFile | None:
    """Return the file that an entry was read from, if Dynamo would not write its name."""
    file = _file_of(entry)
    unusual = file is not None and not is_dynamos(file) and len(file.name) <= LONGEST_NAME
    return file if unusual else None


def _is_raw(key: bytes, file: KeyFile) -> bool:
    """Return whether a key holds its raw file name, of a possible length."""
    return key == file.bucket + b"/" + ESCAPE + file.name and len(file.name) <= LONGEST_NAME


def _is_whole(entry: Entry) -> bool:
    """Return whether the value is complete: only then its hash is in the revision.

    Older releases of dyntop recorded incomplete values without a mark.
    """
    plain, _ = split_revision(entry.revision)
    _, _, digest = plain.partition("-")
    _, _, of_value = revision_of("", entry.value).partition("-")
    return digest == of_value
