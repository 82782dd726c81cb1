"""Opening folders and files that others wrote, without being led anywhere or blocked.

Folders and files are opened one step at a time, relative to the open folder above them and never
through a symlink, so no name and no swap of a folder leads out of the root. What is not a regular
file is not opened, so a FIFO cannot block and a device is not touched. (The root itself may be a
symlink: that is the person's own word.)
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from backends.file.birth import file_id
from backends.store import Revision

LARGEST_VALUE = 8 * 1024 * 1024
"""Bytes. A larger file is listed with its value cut off here: etcd's own limit is 1.5 MiB, so it
is no record of Dynamo's, and it must not fill the memory of whoever looks."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
REGULAR_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
"""Errors that mean: there is no such regular file or real folder."""
DENIED = frozenset({errno.EACCES, errno.EPERM})


class Identity(NamedTuple):
    """What tells without reading that a file is as it was."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class FolderId(NamedTuple):
    """Which folder a path leads to: one that was removed and made again is another."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What was in a file."""

    identity: Identity
    value: bytes
    revision: Revision
    problem: str | None = None
    """Why `value` is not what the file holds: it may not be read, or it is too large."""


@contextmanager
def opened(path: bytes, above: int | None = None) -> Iterator[int]:
    """A folder, opened. Below another one, a symlink is not followed."""
    flags = _FOLDER if above is None else _FOLDER | os.O_NOFOLLOW
    descriptor = os.open(path, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(root: int, path: bytes) -> Iterator[int | None]:
    """A folder some steps below an open one; None: there is none, or a symlink on the way."""
    with ExitStack() as stack:
        folder: int | None = root
        for part in path.split(b"/"):
            try:
                folder = stack.enter_context(opened(part, folder))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                folder = None
                break
        yield folder


def folder_id(descriptor: int) -> FolderId:
    status = os.fstat(descriptor)
    return FolderId(status.st_dev, status.st_ino)


def is_symlink(folder: int, name: bytes) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def identity_of(status: os.stat_result) -> Identity:
    return Identity(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def regular(folder: int, name: bytes) -> Identity | None:
    """A regular file's identity, without opening it. None: there is none of that name."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        return None
    return identity_of(status) if stat.S_ISREG(status.st_mode) else None


def read_file(folder: int, name: bytes, known: Reading | None = None) -> Reading | None:
    """What a regular file holds; None: there is none of that name.

    `known` is what it held before: the same value and revision come back if it still does.
    """
    seen = regular(folder, name)
    if seen is None:
        return None
    try:
        descriptor = os.open(name, REGULAR_FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in DENIED:
            return Reading(seen, b"", Revision(f"{seen.inode:x}-unreadable"), "may not be read")
        if error.errno not in ABSENT:
            raise
        return None
    try:
        # Looked at before it is read: whatever is written meanwhile shows in its times later.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        identity, which = identity_of(status), file_id(descriptor, status)
        value = _content(descriptor, identity.size)
    finally:
        os.close(descriptor)
    if len(value) > LARGEST_VALUE:
        value = value[:LARGEST_VALUE]
        revision = Revision(f"{revision_of(which, value)}-{identity.size:x}")
        return Reading(identity, value, revision, "are larger than 8 MiB, shown cut off")
    if (
        known is not None
        and known.problem is None
        and known.revision.startswith(f"{which}-")
        and known.value == value
    ):
        # Neither digested again nor kept a second time.
        return Reading(identity, known.value, known.revision)
    return Reading(identity, value, revision_of(which, value))


def _content(descriptor: int, size: int) -> bytes:
    """Up to one byte more than the largest value."""
    content = os.read(descriptor, min(size, LARGEST_VALUE) + 1)
    while len(content) <= LARGEST_VALUE:
        more = os.read(descriptor, min(1 << 20, LARGEST_VALUE + 1 - len(content)))
        if not more:
            break
        content += more
    return content


def revision_of(which: str, value: bytes) -> Revision:
    """What this content in this file is known by; `which` as `file_id` gives it."""
    # Never of times: a keep-alive changes them every few seconds and the content not at all.
    return Revision(f"{which}-{blake2b(value, digest_size=8).hexdigest()}")
