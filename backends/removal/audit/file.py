"""A file that is only appended to, put away once large, and locked for one writer at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from backends.removal.audit.disk import (
    AuditFailed,
    content_of,
    opened,
    sync_folder,
    tightened,
    write,
)

ROTATE_AT = 16 * 1024 * 1024
"""Bytes. A file that would grow beyond it is put away. Some thousand model cards."""
KEPT = 5
"""Files kept besides the current one."""
LOCK_ATTEMPTS = 500
LOCK_PAUSE = 0.02
"""Seconds between two attempts; ten in all. Only a stopped process holds the lock that long:
refusing a removal is better than waiting for ever."""


class AppendedFile:
    """Lines in the file at `path`, and in those put away as `path.1`, `path.2`, …, newest first.

    A file that would grow over `rotate_at` bytes is put away, and `kept` (at least one) of those
    are kept. To be used under the lock. Every method may raise `OSError` and `AuditFailed`.
    """

    def __init__(self, path: Path, rotate_at: int, kept: int, *, durable: bool = True) -> None:
        """`durable`: lines must be on the disk before `append` returns."""
        self._path = path
        self._rotate_at = rotate_at
        self._kept = kept
        self._durable = durable

    def append(self, lines: bytes) -> None:
        """Append whole lines: all of them or, on an error, none."""
        self._rotate_for(len(lines))
        with opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
            size = tightened(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # A process was killed in the middle of a line.
                lines = b"\n" + lines
            try:
                write(descriptor, lines)
                if self._durable:
                    os.fsync(descriptor)
                    if not size:
                        sync_folder(self._path.parent)
            except BaseException:
                # If this fails too, half a line stays, and the next writer begins a new one.
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise

    def contents(self) -> Iterator[bytes]:
        """Return the contents of each file kept, oldest first. Empty: a missing file."""
        return map(content_of, reversed(self._files()))

    def state(self) -> tuple[int, ...]:
        """Return a value that changes with each write. Empty: the file is missing."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                found = os.fstat(descriptor)
        except FileNotFoundError:
            return ()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def tail(self, size: int) -> bytes:
        """Return the last whole lines of the file, up to `size` bytes. Empty: the file is
        missing."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                start = max(0, os.fstat(descriptor).st_size - size)
                content = os.pread(descriptor, size, start)
        except FileNotFoundError:
            return b""
        return content if not start else content.partition(b"\n")[2]

    def _rotate_for(self, more: int) -> None:
        """Put the file away if it has no room for `more` bytes."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                size = os.fstat(descriptor).st_size
        except FileNotFoundError:
            return
        if not size or size + more <= self._rotate_at:
            return
        current, *older = self._files()
        # Only up to the first gap, which a process leaves that is killed during this.
        number = next((n for n, file in enumerate(older) if not os.path.lexists(file)), self._kept)
        moves = pairwise([current, *older[: number + 1]])
        for file, its_next in reversed(list(moves)):
            os.replace(file, its_next)
        sync_folder(self._path.parent)

    def _files(self) -> list[Path]:
        """Return the paths of all files that may exist, newest first."""
        older = (self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._kept + 1))
        return [self._path, *older]


class Lock:
    """The lock of the file at `guarded`, in a file beside it that is never put away. It ends with
    the process. It is tried `attempts` times, `pause` seconds apart.

    Both methods may raise `OSError`, and `AuditFailed` if another process holds it too long.
    """

    def __init__(
        self, guarded: Path, *, attempts: int = LOCK_ATTEMPTS, pause: float = LOCK_PAUSE
    ) -> None:
        self._attempts = attempts
        self._pause = pause
        self._path = guarded.with_name(f"{guarded.name}.lock")

    @contextmanager
    def for_writing(self) -> Iterator[None]:
        """Exclude other readers and writers in this context. The folder must exist."""
        with opened(self._path, os.O_RDWR | os.O_CREAT) as descriptor:
            tightened(descriptor)
            self._wait_for(descriptor, fcntl.LOCK_EX)
            yield

    @contextmanager
    def for_reading(self) -> Iterator[None]:
        """Exclude writers in this context. Creates no file."""
        with ExitStack() as stack:
            # No lock file: never written to here, or the files were copied.
            with suppress(FileNotFoundError):
                descriptor = stack.enter_context(opened(self._path, os.O_RDONLY))
                self._wait_for(descriptor, fcntl.LOCK_SH)
            yield

    def _wait_for(self, descriptor: int, lock: int) -> None:
        for _ in range(self._attempts):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
                return
            time.sleep(self._pause)
        raise AuditFailed(self._path, "another process holds the lock")
