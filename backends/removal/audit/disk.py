"""Files and folders for this user alone, and on the disk when it says so.

Every function may raise `OSError`, which becomes `AuditFailed` within `translated` only.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class AuditFailed(Exception):
    """The audit at `path` cannot be written or read, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Within it, an `OSError` becomes `AuditFailed`, of `path` where it names no file itself."""
    try:
        yield
    except OSError as error:
        named = Path(os.fsdecode(error.filename)) if error.filename else path
        raise AuditFailed(named, _reason(error)) from error


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "a symbolic link, which is not followed"
    return (error.strerror or "input or output failed").lower()


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A regular file, opened. Never through a symlink; a new one is for this user alone.

    Raises `AuditFailed` for what is no regular file, and waits for no writer of a pipe.
    """
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise AuditFailed(path, "not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def tightened(descriptor: int) -> os.stat_result:
    """Takes away from others what they may do with a file of ours: values may hold secrets.

    Returns its status as it was before.
    """
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o077:
        os.fchmod(descriptor, 0o600)
    return status


def content_of(path: Path) -> bytes:
    """All of a file; empty if there is none."""
    try:
        with (
            opened(path, os.O_RDONLY) as descriptor,
            os.fdopen(descriptor, "rb", closefd=False) as file,
        ):
            return file.read()
    except FileNotFoundError:
        return b""


def write(descriptor: int, content: bytes) -> None:
    """Write all of it, in as many steps as the system needs."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_folder(folder: Path) -> None:
    """Makes it and what is missing above it, for this user alone, as the XDG specification asks."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.is_dir()]):
        # Another dyntop may make it just now.
        with suppress(FileExistsError):
            os.mkdir(missing, 0o700)
            sync_folder(missing.parent)


def sync_folder(folder: Path) -> None:
    """Puts the names in it on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # What a file system says that has no such thing, e.g. some in user space.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
