"""Open folders and files of other programs, safe against symlinks and blocking.

Folders and files are opened one step at a time, relative to the opened folder above and never
through a symlink. So no name and no exchanged folder leads out of the root. Only regular files are
opened, so a FIFO cannot block and a device is not touched. The root itself may be a symlink, since
the user names it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import pydantic_core

from backends.file.file_identity import file_id
from backends.store import Revision

LARGEST_VALUE = 8 * 1024 * 1024
"""Bytes. The value of a larger file is cut here: etcd's own limit is 1.5 MiB, so no record of
Dynamo is larger, and reading must not fill the memory.
"""

NOT_ALLOWED = "this user may not read it"
TOO_LARGE = "it is larger than 8 MiB, and was read up to there"
"""Why a value is incomplete, as `Entry.unread`."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
REGULAR_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
"""Errors that mean: there is no such regular file or real folder."""
DENIED = frozenset({errno.EACCES, errno.EPERM})


class Identity(NamedTuple):
    """Changes if a file changed, without reading it."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class FolderId(NamedTuple):
    """Identifies a folder: one that was removed and created again has another id."""

    device: int
    inode: int


class FileContent(msgspec.Struct, frozen=True):
    """The content of a file."""

    identity: Identity
    value: bytes
    revision: Revision
    problem: str = ""
    """Why `value` is incomplete, as `Entry.unread`. Empty: it is complete."""


@contextmanager
def opened(path: bytes, above: int | None = None) -> Iterator[int]:
    """Open a folder. Below another one, a symlink is not followed."""
    flags = _FOLDER if above is None else _FOLDER | os.O_NOFOLLOW
    descriptor = os.open(path, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_below(root: int, path: bytes) -> Iterator[int | None]:
    """Open a folder some steps below an open one. None: there is none, or a symlink on the way."""
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
    """Return a regular file's identity without opening it. None: there is none of that name."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in ABSENT:
            raise
        return None
    return identity_of(status) if stat.S_ISREG(status.st_mode) else None


def read_file(folder: int, name: bytes, known: FileContent | None = None) -> FileContent | None:
    """Read a regular file. None: there is none of that name.

    `known` is its earlier content: if unchanged, the same value and revision objects are returned.
    """
    seen = regular(folder, name)
    if seen is None:
        return None
    try:
        descriptor = os.open(name, REGULAR_FILE, dir_fd=folder)
    except OSError as error:
        if error.errno in DENIED:
            revision = Revision(f"{_unopened(folder, name, seen)}-unreadable")
            return FileContent(seen, b"", revision, NOT_ALLOWED)
        if error.errno not in ABSENT:
            raise
        return None
    try:
        # The identity is taken before reading: a write meanwhile then shows in the times later.
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
        return FileContent(identity, value, revision, TOO_LARGE)
    if (
        known is not None
        and not known.problem
        and known.revision.startswith(f"{which}-")
        and known.value == value
    ):
        # Neither hashed again nor kept twice.
        return FileContent(identity, known.value, known.revision)
    return FileContent(identity, value, revision_of(which, value))


def may_be_torn(reading: FileContent) -> bool:
    """Return whether a file may have been read while it was rewritten in file: its value is not
    complete JSON.

    Dynamo itself never writes in file, but other programs renew their registrations that way.
    """
    value = reading.value.strip()
    if reading.problem:
        return False
    if not value.endswith((b"}", b"]")):
        return True
    if value.count(b"{") == value.count(b"}") and value.count(b"[") == value.count(b"]"):
        return False
    # Texts may hold brackets, too, e.g. a chat template.
    try:
        pydantic_core.from_json(value)
    except ValueError:
        return True
    return False


def _content(descriptor: int, size: int) -> bytes:
    """Read up to one byte more than the largest value."""
    content = os.read(descriptor, min(size, LARGEST_VALUE) + 1)
    while len(content) <= LARGEST_VALUE:
        more = os.read(descriptor, min(1 << 20, LARGEST_VALUE + 1 - len(content)))
        if not more:
            break
        content += more
    return content


def _unopened(folder: int, name: bytes, seen: Identity) -> str:
    """Return the `file_id` of a file that may not be read, as far as known without opening it."""
    only_path = getattr(os, "O_PATH", None)  # Linux
    if only_path is None:
        return f"{seen.inode:x}"
    try:
        descriptor = os.open(name, only_path | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return f"{seen.inode:x}"
    try:
        return file_id(descriptor, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def revision_of(which: str, value: bytes) -> Revision:
    """Return the revision of this content in this file. `which` is its `file_id`."""
    # Times are not included: a keep-alive changes them every few seconds.
    return Revision(f"{which}-{blake2b(value, digest_size=8).hexdigest()}")


def split_revision(revision: Revision) -> tuple[Revision, str]:
    """Split a revision into the content's part and the mark of the file's name
    (`names.name_mark`).
    """
    cut = min((at for one in "~*" if (at := revision.find(one)) >= 0), default=len(revision))
    return Revision(revision[:cut]), revision[cut:]
