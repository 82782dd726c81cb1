"""The folder: listing, reading, writing, removing. Blocks, so it is called in threads."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache

import msgspec

from backends.file.file_identity import file_id
from backends.file.names import (
    OLD_BUCKETS,
    TEMPORARY,
    VERSION_FOLDER,
    KeyFile,
    file_of,
    is_dynamos,
    key_of,
)
from backends.file.safe_open import (
    DENIED,
    LARGEST_VALUE,
    REGULAR_FILE,
    FileContent,
    FolderId,
    Identity,
    folder_id,
    identity_of,
    is_symlink,
    may_be_torn,
    opened,
    opened_below,
    read_file,
    regular,
    revision_of,
)
from backends.store import (
    Cause,
    Forbidden,
    NoPuts,
    Refused,
    Removal,
    Revision,
    StoreError,
    Unreachable,
)

REMOVE_ATTEMPTS = 5
"""Times that a file is read again if it changes between reading and removing. A keep-alive touch
does so once in 3.3 s; five changes within microseconds are real changes.
"""

TORN_ATTEMPTS = 8
"""Times that a half-written file is read again before its value counts."""
TORN_PAUSE = 0.015
"""Seconds before each of these: a rewrite takes less, unless its writer was interrupted."""

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


class Listing(msgspec.Struct, frozen=True):
    """The files of the folder at about one moment."""

    root: FolderId
    files: dict[KeyFile, Identity]
    folders: dict[bytes, FolderId]
    """The root, `v1` and the buckets, by full path."""
    buckets: dict[bytes, bytes]
    """The names of the buckets, by full path."""
    warnings: tuple[str, ...]
    """The files that were left out, and why."""
    no_puts: tuple[NoPuts, ...]
    """As `Store.no_puts`."""


class Folder:
    """The files below `root`. Raises only `StoreError`s."""

    def __init__(self, root: bytes, address: str) -> None:
        self.root = root
        self.address = address

    def check(self) -> None:
        """Raise the error that opening the root causes, if any."""
        with self._translated(), opened(self.root):
            pass

    def no_puts(self) -> tuple[NoPuts, ...]:
        """Return why no file can be created here, as the file system reports it."""
        with self._translated(), opened(self.root) as root:
            return self._no_puts(root)

    def _no_puts(self, root: int) -> tuple[NoPuts, ...]:
        try:
            file_system = os.fstatvfs(root)
        except OSError:
            # Some file systems in user space do not support this call.
            return ()
        where = f"the file system of {self.address}"
        if file_system.f_flag & os.ST_RDONLY:
            return (NoPuts(f"{where} is mounted read-only"),)
        is_root = os.geteuid() == 0
        blocks = file_system.f_bfree if is_root else file_system.f_bavail
        files = file_system.f_ffree if is_root else file_system.f_favail
        # Some file systems do not count blocks, or files.
        if (file_system.f_blocks and not blocks) or (file_system.f_files and not files):
            return (NoPuts(f"{where} is full"),)
        return ()

    def listing(self, prefixes: Sequence[bytes]) -> Listing:
        """List the regular files whose keys begin with one of the prefixes.

        Raises `Unreachable` if the root is missing or not a folder, and `Forbidden` if a folder may
        not be read: a listing is never partial without an error.
        """
        starts = tuple(prefixes)
        files: dict[KeyFile, Identity] = {}
        links = 0
        with self._translated(), opened(self.root) as root:
            root_id = folder_id(root)
            no_puts = self._no_puts(root)
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
        return Listing(root_id, files, folders, buckets, _warnings(links), no_puts)

    def named(self, keys: Iterable[bytes]) -> set[KeyFile]:
        """Return every file that may hold one of these keys: the file that Dynamo would write, and
        files whose names decode to the key. Only lists these names; reads nothing.
        """
        wanted = frozenset(keys)
        found = {file for key in wanted if (file := file_of(key)) is not None}
        with self._translated(), opened(self.root) as root:
            for bucket in {file.bucket for file in found}:
                with opened_below(root, bucket) as folder:
                    names = [] if folder is None else os.listdir(folder)
                files = (KeyFile(bucket, os.fsencode(name)) for name in names)
                found |= {
                    file
                    for file in files
                    if not file.name.startswith(TEMPORARY)
                    and not is_dynamos(file)
                    and key_of(file) in wanted
                }
        return found

    def read(
        self, files: Iterable[KeyFile], known: dict[KeyFile, FileContent] | None = None
    ) -> dict[KeyFile, FileContent | None]:
        """Return the content of these files. None: it does not exist, or is not a regular file.

        `known` is the earlier content: if only times changed (a keep-alive touch), the same value
        and revision objects are returned, after reading and comparing.
        """
        before = known or {}
        found = self._read(files, before)
        for _ in range(TORN_ATTEMPTS):
            torn = [
                file
                for file, reading in found.items()
                if reading is not None and may_be_torn(reading)
            ]
            # A value that was no JSON before is not being rewritten.
            torn = [one for one in torn if found[one] != before.get(one)]
            if not torn:
                break
            time.sleep(TORN_PAUSE)
            found |= self._read(torn, before)
        return found

    def _read(
        self, files: Iterable[KeyFile], before: dict[KeyFile, FileContent]
    ) -> dict[KeyFile, FileContent | None]:
        found: dict[KeyFile, FileContent | None] = {}
        with self._translated(), opened(self.root) as root:
            for bucket, files_in_it in _by_bucket(files):
                with opened_below(root, bucket) as folder:
                    for file in files_in_it:
                        found[file] = (
                            None
                            if folder is None
                            else read_file(folder, file.name, before.get(file))
                        )
        return found

    def modified(self, files: Iterable[KeyFile]) -> dict[KeyFile, float]:
        """Return when each file was last written or touched, in POSIX seconds. Missing files are
        left out.
        """
        found: dict[KeyFile, float] = {}
        with self._translated(), opened(self.root) as root:
            for bucket, files_in_it in _by_bucket(files):
                with opened_below(root, bucket) as folder:
                    for file in files_in_it:
                        identity = None if folder is None else regular(folder, file.name)
                        if identity is not None:
                            found[file] = identity.modified_ns / 1e9
        return found

    def write(self, file: KeyFile, value: bytes, now: float) -> Revision:
        """Create or replace a file in one step, as Dynamo does: readers never see half of it.

        Creates missing folders, the root too. Not flushed to the disk, as in Dynamo: registrations
        are worthless ten seconds after a power failure.
        """
        self._check_size(value)
        with self._translated():
            os.makedirs(self.root, exist_ok=True)
            with (
                self._made(file.bucket) as bucket,
                _temporary(bucket, value, now) as (temporary, which),
            ):
                os.rename(temporary, file.name, src_dir_fd=bucket, dst_dir_fd=bucket)
        return revision_of(which, value)

    def write_new(self, file: KeyFile, value: bytes, now: float) -> bool:
        """Create a file as `write` does, unless the name exists. Return whether it was created.

        Creates a missing bucket, but not a missing root, which was moved or unmounted. If root runs
        this, the file gets the bucket's owner, as the workers' files have: otherwise workers could
        not touch it, and it would expire.
        """
        self._check_size(value)
        with (
            self._translated(),
            self._made(file.bucket) as bucket,
            _temporary(bucket, value, now) as (temporary, _),
        ):
            if os.geteuid() == 0:
                workers = os.fstat(bucket)
                os.chown(temporary, workers.st_uid, workers.st_gid, dir_fd=bucket)
            try:
                # A rename would replace an existing file.
                os.link(
                    temporary,
                    file.name,
                    src_dir_fd=bucket,
                    dst_dir_fd=bucket,
                    follow_symlinks=False,
                )
            except FileExistsError:
                return False
        return True

    def touch(self, file: KeyFile, revision: Revision, now: float) -> bool:
        """Touch a file that this process wrote. Return False if it is gone or was replaced."""
        with (
            self._translated(),
            opened(self.root) as root,
            opened_below(root, file.bucket) as bucket,
        ):
            if bucket is None or regular(bucket, file.name) is None:
                return False
            try:
                descriptor = os.open(file.name, REGULAR_FILE, dir_fd=bucket)
            except FileNotFoundError:
                return False
            try:
                if not revision.startswith(f"{file_id(descriptor, os.fstat(descriptor))}-"):
                    return False
                os.utime(descriptor, (now, now))
            finally:
                os.close(descriptor)
        return True

    def remove(self, file: KeyFile, revision: Revision, value: bytes | None = None) -> Removal:
        """Remove a file if it has this revision, and this value if one is given.

        No file system can check and unlink in one step. The file is read and compared, and its
        identity is checked once more right before the unlink; if that changed, by a nanosecond
        even, the file is read again. What remains is the time between two system calls: a writer
        that replaces the file in these microseconds loses its value.
        """
        with (
            self._translated(),
            opened(self.root) as root,
            opened_below(root, file.bucket) as bucket,
        ):
            if bucket is None:
                return Removal.GONE
            for _ in range(REMOVE_ATTEMPTS):
                found = read_file(bucket, file.name)
                if found is None:
                    return Removal.GONE
                if found.revision != revision or value not in (None, found.value):
                    if may_be_torn(found):
                        time.sleep(TORN_PAUSE)
                        continue
                    return Removal.CHANGED
                if regular(bucket, file.name) == found.identity:
                    try:
                        os.unlink(file.name, dir_fd=bucket)
                    except FileNotFoundError:
                        return Removal.GONE
                    return Removal.REMOVED
        return Removal.CHANGED

    def _check_size(self, value: bytes) -> None:
        if len(value) > LARGEST_VALUE:
            raise Refused(self.address, f"a value has at most {LARGEST_VALUE} bytes")

    @contextmanager
    def _made(self, bucket: bytes) -> Iterator[int]:
        """Open a bucket's folder, and create it if missing."""
        with ExitStack() as stack:
            folder = stack.enter_context(opened(self.root))
            for part in bucket.split(b"/"):
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                folder = stack.enter_context(opened(part, folder))
            yield folder

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate errors of the operating system into `StoreError`s."""
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
    """Create a file with this content under a name that readers skip. Yield its name and `file_id`.

    At the end the name is removed, if the file still has it.
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


def _by_bucket(files: Iterable[KeyFile]) -> Iterable[tuple[bytes, list[KeyFile]]]:
    grouped: dict[bytes, list[KeyFile]] = {}
    for file in files:
        grouped.setdefault(file.bucket, []).append(file)
    return grouped.items()


# A poll needs this for every file, and almost all names are those of the last poll.
@lru_cache(maxsize=1 << 17)
def _watched(bucket: bytes, listed: str, starts: tuple[bytes, ...]) -> KeyFile | None:
    """Return the file with a listed name. None: its key is not watched."""
    # Names from an opened folder are text, with bytes that are not UTF-8 as lone surrogates.
    name = os.fsencode(listed)
    file = KeyFile(bucket, name)
    if name.startswith(TEMPORARY) or not key_of(file).startswith(starts):
        return None
    return file


def _list_files(
    folder: int, bucket: bytes, starts: tuple[bytes, ...], files: dict[KeyFile, Identity]
) -> int:
    """Add a bucket's regular files to `files`. Return the number of symlinks, which are skipped."""
    links = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            file = _watched(bucket, entry.name, starts)
            if file is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                files[file] = identity_of(status)
            links += stat.S_ISLNK(status.st_mode)
    return links
