"""The files of a recording: one that is written, and those put away as `FILE.1`, `FILE.2` and so
on, newest first.

They are for this user alone, never written through a symlink, and never replaced. Only recordings
are put away or dropped. A new file gets its name once it has a whole checkpoint, so that there is a
readable file of that name at any moment. Blocks: call it in a thread.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from backends.recording.lines import BadLine, Header, decode
from backends.recording.zstd import ZstdDecompressor, ZstdError
from backends.removal.audit.disk import sync_folder

PARTS = 8
"""A recording with bounds has so many parts: at least seven eighths of the bound are kept."""
LEAST_CHECKPOINTS = 3
"""So many checkpoints have to fit into the largest size."""
_NEW = ".new"
"""The end of a new file's name until it has a checkpoint."""
_MAGIC = b"\x28\xb5\x2f\xfd"
_FIRST_BYTES = 64 * 1024
_FIRST_LINE = 4 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

T = TypeVar("T")


class CannotRecord(Exception):
    """The recording at `path` cannot be written, for `reason`."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class RecordingBounds(msgspec.Struct, frozen=True):
    """How much is kept."""

    max_size: int | None = None
    """Bytes of all files together. None: no bound."""
    max_age: float | None = None
    """Seconds since the last line of a file. None: no bound."""

    @property
    def may_drop(self) -> bool:
        """Return whether the oldest file may be dropped."""
        return self.max_size is not None or self.max_age is not None


class _OldPart(msgspec.Struct, frozen=True):
    path: Path
    number: int
    size: int
    ended: float


class PartFiles:
    """The file that is written, and those put away."""

    def __init__(
        self,
        path: Path,
        bounds: RecordingBounds,
        *,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        write: Callable[[int, memoryview], int] = os.write,
    ) -> None:
        """`clock`: POSIX seconds. `notify`: called with a sentence on what was dropped. `write`:
        writes to a file descriptor."""
        self.path = path
        # Not `with_name`: it raises for a path without a name, which `check` refuses.
        self._new_path = path.parent / (path.name + _NEW)
        self._bounds = bounds
        self._clock = clock
        self._notify = notify
        self._append = write
        self._descriptor = -1
        self._is_new = False
        """Whether the file does not have its name yet."""
        self.size = 0
        """Bytes of the file that is written."""
        self._checkpoint = 0
        """Bytes of its checkpoint."""
        self._began = self._wrote_at = 0.0
        self._old: list[_OldPart] = []
        """Newest first."""

    def check(self) -> None:
        """Raise `CannotRecord` if a file of that name cannot be begun: what is there is no
        recording, or is being written by another process."""
        if not self.path.name:
            raise CannotRecord(self.path, "it is no name of a file")
        if not self.path.parent.is_dir():
            raise CannotRecord(self.path, "there is no such folder")
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise CannotRecord(self.path, "permission denied in its folder")
        for path in self._to_put_away():
            _check_recording(path, locked=not self._is_own(path))
        try:
            os.lstat(self._new_path)
        except FileNotFoundError:
            return
        except OSError as error:
            # The name is too long, for one thing.
            raise CannotRecord(self.path, reason_of(error)) from error
        _check_recording(self._new_path, begun=True, locked=True)

    def begin(self) -> None:
        """Begin a file. It gets its name with `name_it`; what was written before stays under its
        own until then."""
        self.check()
        with suppress(FileNotFoundError):
            # It was left by a process that was killed.
            self._new_path.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._find_old()
        descriptor = self._with_room(lambda: os.open(self._new_path, flags, 0o600))
        self.close()
        self._descriptor, self._is_new = descriptor, True
        self._find_old()
        os.fchmod(descriptor, 0o600)
        with suppress(OSError):
            # Some file systems have no locks.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.size = self._checkpoint = 0
        self._began = self._clock()

    def name_it(self) -> None:
        """Take in that the checkpoint of the file is written: put older files away, and give it its
        name."""
        if not self._is_new:
            return
        self._checkpoint = self.size
        os.fsync(self._descriptor)
        there = self._to_put_away()
        for number, path in reversed(list(enumerate(there, 1))):
            os.rename(path, self._numbered(number))
        os.rename(self._new_path, self.path)
        self._is_new = False
        sync_folder(self.path.parent)
        self._find_old()
        self.drop_old()

    def write(self, packed: bytes) -> None:
        """Write all bytes or, if that is not possible, none. Raises `CannotRecord`, `OSError`."""
        if not packed:
            return
        self._make_room(len(packed))
        at = self.size

        def append() -> None:
            rest = memoryview(packed)
            try:
                while rest:
                    rest = rest[self._append(self._descriptor, rest) :]
            except BaseException:
                self.cut(at)
                raise

        self._with_room(append)
        self.size = at + len(packed)
        self._wrote_at = self._clock()

    def cut(self, size: int) -> None:
        """Cut the file off at a size."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, size, os.SEEK_SET)
        self.size = size

    def sync(self) -> None:
        """Have the disk keep what was written."""
        os.fsync(self._descriptor)

    @property
    def is_full(self) -> bool:
        """Whether another file is to be begun: this one has its share of the bounds, or lost its
        name."""
        if self._is_new or self._descriptor < 0:
            return False
        bounds = self._bounds
        if bounds.max_size is not None:
            # A checkpoint must not be most of what is written.
            share = max(bounds.max_size // PARTS, (LEAST_CHECKPOINTS - 1) * self._checkpoint)
            if self.size >= share:
                return True
        if bounds.max_age is not None and self._clock() - self._began >= bounds.max_age / PARTS:
            return True
        return self.lost_its_name

    @property
    def lost_its_name(self) -> bool:
        """Whether the file was moved or removed by another process."""
        if self._is_new or self._descriptor < 0:
            return False
        return not self._is_own(self.path)

    def drop_old(self) -> None:
        """Drop the files whose last line is older than the largest age."""
        if (max_age := self._bounds.max_age) is not None:
            while self._old and self._old[-1].ended < self._clock() - max_age:
                self._drop_oldest()

    def close(self) -> None:
        """Close the file. One that has no whole checkpoint is removed."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            if self._is_new:
                self._is_new = False
                self._new_path.unlink(missing_ok=True)
            else:
                with suppress(OSError):
                    # Its age is that of its last line.
                    os.utime(descriptor, (self._wrote_at, self._wrote_at))
                    os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _with_room(self, do: Callable[[], T]) -> T:
        """Do something that needs room on the disk. While it is full, the oldest file goes."""
        while True:
            try:
                return do()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                if not self._bounds.may_drop or not self._old:
                    raise CannotRecord(self.path, "the disk is full") from error
                dropped = self._drop_oldest()
                self._notify(f"the disk is full: the oldest part, {dropped.name}, was dropped")

    def _make_room(self, more: int) -> None:
        """Drop old files as far as the largest size asks for."""
        if (max_size := self._bounds.max_size) is None:
            return
        if self._is_new and (self.size + more) * LEAST_CHECKPOINTS > max_size:
            raise CannotRecord(
                self.path,
                f"the largest size of {max_size:,} bytes is too small: all that is registered "
                f"takes more than a third of it",
            )
        while self._old and self._total() + more > max_size:
            self._drop_oldest()

    def _total(self) -> int:
        # The file that a new one takes the place of has its name still.
        return self.size + sum(one.size for one in self._old)

    def _drop_oldest(self) -> Path:
        path = self._old.pop().path
        path.unlink(missing_ok=True)
        return path

    def _find_old(self) -> None:
        """List the recordings that may be dropped, newest first."""
        self._old = []
        pattern = re.compile(re.escape(self.path.name) + r"\.([1-9][0-9]{0,8})")
        with os.scandir(self.path.parent) as there:
            named = [(found, one.name) for one in there if (found := pattern.fullmatch(one.name))]
        paths = [(int(found[1]), self.path.with_name(name)) for found, name in named]
        if self._is_new or self._descriptor < 0:
            paths.append((0, self.path))
        for number, path in sorted(paths):
            try:
                # One that another process writes is no part of this recording.
                _check_recording(path, locked=not self._is_own(path))
                status = os.lstat(path)
            except (CannotRecord, OSError):
                continue
            self._old.append(_OldPart(path, number, status.st_size, status.st_mtime))

    def _is_own(self, path: Path) -> bool:
        """Return whether a path leads to the file that is written here."""
        if self._descriptor < 0:
            return False
        try:
            there = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))

    def _to_put_away(self) -> list[Path]:
        """Return the files that get another number with a new one: up to the first gap."""
        found: list[Path] = []
        for number in range(len(os.listdir(self.path.parent)) + 1):
            path = self._numbered(number)
            if not os.path.lexists(path):
                break
            found.append(path)
        return found

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path


def _check_recording(path: Path, *, begun: bool = False, locked: bool = False) -> None:
    """Raise `CannotRecord` if a file is not a recording. `begun`: the beginning of one is enough.
    `locked`: also if another process writes it."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise CannotRecord(path, "it is a symbolic link, which is not followed") from error
        raise CannotRecord(path, reason_of(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CannotRecord(path, "it is there, and not a regular file")
        start = os.pread(descriptor, _FIRST_BYTES, 0)
        if not (_MAGIC.startswith(start[:4]) if begun else _has_header(start)):
            raise CannotRecord(path, "it is there, and not a recording: name another file")
        if locked:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CannotRecord(path, "another dyntop records into it") from None
            except OSError:
                # Some file systems have no locks.
                return
    finally:
        os.close(descriptor)


def _has_header(start: bytes) -> bool:
    try:
        first, _, _ = ZstdDecompressor().decompress(start, _FIRST_LINE).partition(b"\n")
        return isinstance(decode(first), Header)
    except (ZstdError, BadLine):
        return False


def reason_of(error: OSError) -> str:
    """Return why something failed, as a clause."""
    return (error.strerror or "input or output failed").lower()
