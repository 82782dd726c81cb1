"""Files and folders for this user alone, synced to the disk where it says so.

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
    """Turn each `OSError` within this context into `AuditFailed`. `path`: named if the error names
    no file."""
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
    """Open a regular file, never through a symlink. A new file is for this user alone.

    Raises `AuditFailed` for anything but a regular file. Does not wait for a pipe's writer.
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
    """Remove other users' permissions from a file of this user: values may contain secrets.

    Returns its earlier status.
    """
    status = os.fstat(descriptor)
    if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & 0o077:
        os.fchmod(descriptor, 0o600)
    return status


def content_of(path: Path) -> bytes:
    """Return the contents of a file. Empty: there is none."""
    try:
        with (
            opened(path, os.O_RDONLY) as descriptor,
            os.fdopen(descriptor, "rb", closefd=False) as file,
        ):
            return file.read()
    except FileNotFoundError:
        return b""


def write(descriptor: int, content: bytes) -> None:
    """Write all bytes, in as many steps as the system needs."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents for this user alone, as the XDG specification
    asks."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.is_dir()]):
        # Another dyntop may create it at the same time.
        with suppress(FileExistsError):
            os.mkdir(missing, 0o700)
            sync_folder(missing.parent)


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # The error of file systems without this call, e.g. some in user space.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
