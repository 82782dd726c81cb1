"""The folder itself: listing, reading, writing, removing. It blocks, so threads call it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache

from backends.file.birth import file_id
from backends.file.names import OLD_BUCKETS, TEMPORARY, VERSION_FOLDER, Place, key_of
from backends.file.opening import (
    DENIED,
    LARGEST_VALUE,
    REGULAR_FILE,
    FolderId,
    Identity,
    Reading,
    folder_id,
    identity_of,
    is_symlink,
    opened,
    opened_below,
    read_file,
    regular,
    revision_of,
)
from backends.store import (
    Cause,
    Forbidden,
    Refused,
    Removal,
    Revision,
    StoreError,
    Unreachable,
)

REMOVE_ATTEMPTS = 5
"""How often a file that changes between reading and removing is read again. A keep-alive touch
does that once in 3.3 s; what changes five times in a row within microseconds is not the same."""

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_WOULD_NOT = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EFBIG,
        errno.EISDIR,
        errno.EMLINK,
        # A file system without hard links.
        errno.ENOTSUP,
    }
)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which files there are, at about one moment."""

    root: FolderId
    files: dict[Place, Identity]
    folders: dict[bytes, FolderId]
    """The root, `v1` and the buckets, by their full path."""
    buckets: dict[bytes, bytes]
    """The names of the buckets, by their full path."""
    warnings: tuple[str, ...]
    """What was left out, and why."""


class Folder:
    """The files below `root`. Raises `StoreError`s only."""

    def __init__(self, root: bytes, address: str) -> None:
        self.root = root
        self.address = address

    def check(self) -> None:
        """Raises what keeps the root from being opened, if anything does."""
        with self._translated(), opened(self.root):
            pass

    def listing(self, prefixes: Sequence[bytes]) -> Listing:
        """The regular files whose keys begin with one of the prefixes.

        Raises `Unreachable` if the root is missing or no folder, `Forbidden` if a folder may
        not be read: a listing is never silently partial.
        """
        starts = tuple(prefixes)
        files: dict[Place, Identity] = {}
        links = 0
        with self._translated(), opened(self.root) as root:
            root_id = folder_id(root)
            folders = {self.root: root_id}
            names: list[bytes] = list(OLD_BUCKETS)
            buckets: dict[bytes, bytes] = {}
            with opened_below(root, VERSION_FOLDER) as version:
                if version is not None:
                    folders[os.path.join(self.root, VERSION_FOLDER)] = folder_id(version)
                    with os.scandir(version) as entries:
                        for entry in entries:
                            if entry.is_dir(follow_symlinks=False):
                                names.append(VERSION_FOLDER + b"/" + os.fsencode(entry.name))
                            links += entry.is_symlink()
                else:
                    links += is_symlink(root, VERSION_FOLDER)
            for bucket in names:
                if not _may_match(bucket + b"/", starts):
                    continue
                with opened_below(root, bucket) as folder:
                    if folder is not None:
                        path = os.path.join(self.root, bucket)
                        folders[path] = folder_id(folder)
                        buckets[path] = bucket
                        links += _list_files(folder, bucket, starts, files)
        return Listing(root_id, files, folders, buckets, _warnings(links))

    def read(
        self, places: Iterable[Place], known: dict[Place, Reading] | None = None
    ) -> dict[Place, Reading | None]:
        """What is in these files now; None for one that is not there or is no regular file.

        `known` is what was in them before: if nothing but times changed (a keep-alive touch),
        the same value and revision come back, at the price of reading and comparing.
        """
        before = known or {}
        found: dict[Place, Reading | None] = {}
        with self._translated(), opened(self.root) as root:
            for bucket, places_in_it in _by_bucket(places):
                with opened_below(root, bucket) as folder:
                    for place in places_in_it:
                        found[place] = (
                            None
                            if folder is None
                            else read_file(folder, place.name, before.get(place))
                        )
        return found

    def modified(self, places: Iterable[Place]) -> dict[Place, float]:
        """When each file was last written or touched, in POSIX seconds. Missing: not there."""
        found: dict[Place, float] = {}
        with self._translated(), opened(self.root) as root:
            for bucket, places_in_it in _by_bucket(places):
                with opened_below(root, bucket) as folder:
                    for place in places_in_it:
                        identity = None if folder is None else regular(folder, place.name)
                        if identity is not None:
                            found[place] = identity.modified_ns / 1e9
        return found

    def write(self, place: Place, value: bytes, now: float) -> Revision:
        """Make or replace a file in one step, as Dynamo does: readers never see half of it.

        Creates missing folders, the root too. Not flushed to the disk (Dynamo does not either):
        what is registered is worth nothing ten seconds after a power cut.
        """
        self._check_size(value)
        with self._translated():
            os.makedirs(self.root, exist_ok=True)
            with (
                self._made(place.bucket) as bucket,
                _temporary(bucket, value, now) as (temporary, which),
            ):
                os.rename(temporary, place.name, src_dir_fd=bucket, dst_dir_fd=bucket)
        return revision_of(which, value)

    def write_new(self, place: Place, value: bytes, now: float) -> bool:
        """As `write`, but only where nothing of that name is; False: there is.

        Creates a missing bucket, not a missing root: that one was moved away or unmounted.
        """
        self._check_size(value)
        with (
            self._translated(),
            self._made(place.bucket) as bucket,
            _temporary(bucket, value, now) as (temporary, _),
        ):
            try:
                # A rename would replace what is there.
                os.link(
                    temporary,
                    place.name,
                    src_dir_fd=bucket,
                    dst_dir_fd=bucket,
                    follow_symlinks=False,
                )
            except FileExistsError:
                return False
        return True

    def touch(self, place: Place, revision: Revision, now: float) -> bool:
        """Keep a file alive that we wrote. False: it is gone, or another one is in its place."""
        with (
            self._translated(),
            opened(self.root) as root,
            opened_below(root, place.bucket) as bucket,
        ):
            if bucket is None or regular(bucket, place.name) is None:
                return False
            try:
                descriptor = os.open(place.name, REGULAR_FILE, dir_fd=bucket)
            except FileNotFoundError:
                return False
            try:
                if not revision.startswith(f"{file_id(descriptor, os.fstat(descriptor))}-"):
                    return False
                os.utime(descriptor, (now, now))
            finally:
                os.close(descriptor)
        return True

    def remove(self, place: Place, revision: Revision) -> Removal:
        """Remove a file if it still has this revision.

        No file system can check and unlink in one step. The file is read and compared, and right
        before the unlink it is looked at once more: if it is not, to the nanosecond, what was
        read, it is read again. What stays is the time between two system calls: a writer that
        replaces the file in just these microseconds loses what it wrote.
        """
        with (
            self._translated(),
            opened(self.root) as root,
            opened_below(root, place.bucket) as bucket,
        ):
            if bucket is None:
                return Removal.GONE
            for _ in range(REMOVE_ATTEMPTS):
                found = read_file(bucket, place.name)
                if found is None:
                    return Removal.GONE
                if found.revision != revision:
                    return Removal.CHANGED
                if regular(bucket, place.name) == found.identity:
                    try:
                        os.unlink(place.name, dir_fd=bucket)
                    except FileNotFoundError:
                        return Removal.GONE
                    return Removal.REMOVED
        return Removal.CHANGED

    def _check_size(self, value: bytes) -> None:
        if len(value) > LARGEST_VALUE:
            raise Refused(self.address, f"a value has at most {LARGEST_VALUE} bytes")

    @contextmanager
    def _made(self, bucket: bytes) -> Iterator[int]:
        """A bucket's folder, opened, created where it is missing."""
        with ExitStack() as stack:
            folder = stack.enter_context(opened(self.root))
            for part in bucket.split(b"/"):
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                folder = stack.enter_context(opened(part, folder))
            yield folder

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Says what the operating system says in the words of the stores."""
        try:
            yield
        except OSError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: OSError) -> StoreError:
        detail = error.strerror or "input or output failed"
        if error.errno in DENIED:
            return Forbidden(self.address, detail.lower())
        if error.errno in _WOULD_NOT:
            return Refused(self.address, detail.lower())
        if error.errno == errno.ENOENT:
            return Unreachable(self.address, Cause.MISSING)
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ELOOP):
            return Unreachable(self.address, Cause.NOT_THIS_STORE, "not a folder")
        return Unreachable(self.address, Cause.LOST, detail.lower())


@contextmanager
def _temporary(bucket: int, value: bytes, now: float) -> Iterator[tuple[bytes, str]]:
    """A new file with this content under a name that readers skip; gives its name and `file_id`.

    At the end that name is removed, if the file still has it.
    """
    name = TEMPORARY + secrets.token_hex(8).encode()
    descriptor = os.open(name, _NEW_FILE, 0o666, dir_fd=bucket)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(value)
            file.flush()
            os.utime(file.fileno(), (now, now))
            which = file_id(file.fileno(), os.fstat(file.fileno()))
        yield name, which
    finally:
        with suppress(OSError):
            os.unlink(name, dir_fd=bucket)


def _may_match(bucket: bytes, starts: tuple[bytes, ...]) -> bool:
    return any(bucket.startswith(start) or start.startswith(bucket) for start in starts)


def _warnings(links: int) -> tuple[str, ...]:
    return (f"symlinks, not followed: {links}",) if links else ()


def _by_bucket(places: Iterable[Place]) -> Iterable[tuple[bytes, list[Place]]]:
    grouped: dict[bytes, list[Place]] = {}
    for place in places:
        grouped.setdefault(place.bucket, []).append(place)
    return grouped.items()


# A poll asks for the place of every file there is, and almost all of them are as last time.
@lru_cache(maxsize=1 << 17)
def _watched(bucket: bytes, listed: str, starts: tuple[bytes, ...]) -> Place | None:
    """Where a file is that was listed by this name; None: its key is not asked for."""
    # Names of an opened folder come as text, with what is not UTF-8 as lone surrogates.
    name = os.fsencode(listed)
    place = Place(bucket, name)
    if name.startswith(TEMPORARY) or not key_of(place).startswith(starts):
        return None
    return place


def _list_files(
    folder: int, bucket: bytes, starts: tuple[bytes, ...], files: dict[Place, Identity]
) -> int:
    """Adds a bucket's regular files to `files`; says how many symlinks were left out."""
    links = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            place = _watched(bucket, entry.name, starts)
            if place is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                files[place] = identity_of(status)
            links += stat.S_ISLNK(status.st_mode)
    return links
