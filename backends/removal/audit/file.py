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
"""Bytes; what would grow beyond it begins a new file. Some thousand model cards."""
KEPT = 5
"""Files kept besides the one that is written."""
LOCK_ATTEMPTS = 500
LOCK_PAUSE = 0.02
"""Seconds between two attempts, ten in all. Nobody holds the lock that long but a process that was
stopped; a removal that waits for ever would be worse than one that is refused."""


class AppendedFile:
    """Lines in the file at `path`, and in those put away as `path.1`, `path.2`, …, newest first.

    A file that would grow over `rotate_at` bytes is put away, and `kept` (at least one) of those
    are kept. To be used under the lock; every method may raise `OSError` and `AuditFailed`.
    """

    def __init__(self, path: Path, rotate_at: int, kept: int, *, durable: bool = True) -> None:
        """`durable`: whether what is written must be on the disk at once."""
        self._path = path
        self._rotate_at = rotate_at
        self._kept = kept
        self._durable = durable

    def append(self, lines: bytes) -> None:
        """Add whole lines, all of them or, where that fails, none. On the disk when it returns, if
        that is asked for."""
        self._rotate_for(len(lines))
        with opened(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
            size = tightened(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                # Somebody was killed in the middle of a line.
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
        """What is in each file that is kept, oldest first; empty for one that is not there."""
        return map(content_of, reversed(self._files()))

    def state(self) -> tuple[int, ...]:
        """What differs once the file was written to. Empty: it is not there."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                found = os.fstat(descriptor)
        except FileNotFoundError:
            return ()
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def tail(self, size: int) -> bytes:
        """The last whole lines of the file, up to so many bytes. Empty: it is not there."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                start = max(0, os.fstat(descriptor).st_size - size)
                content = os.pread(descriptor, size, start)
        except FileNotFoundError:
            return b""
        return content if not start else content.partition(b"\n")[2]

    def _rotate_for(self, more: int) -> None:
        """Put the file away if it has not room for so many bytes more."""
        try:
            with opened(self._path, os.O_RDONLY) as descriptor:
                size = os.fstat(descriptor).st_size
        except FileNotFoundError:
            return
        if not size or size + more <= self._rotate_at:
            return
        current, *older = self._files()
        # Only up to the first gap, which is there if somebody was killed while doing this.
        number = next((n for n, file in enumerate(older) if not os.path.lexists(file)), self._kept)
        moves = pairwise([current, *older[: number + 1]])
        for file, its_next in reversed(list(moves)):
            os.replace(file, its_next)
        sync_folder(self._path.parent)

    def _files(self) -> list[Path]:
        """All files that there may be, newest first."""
        older = (self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._kept + 1))
        return [self._path, *older]


class Lock:
    """The lock of the file at `guarded`, in a file of its own beside it, which is never put away.
    The lock goes with the process. It is tried `attempts` times, `pause` seconds apart.

    Both methods may raise `OSError`, and `AuditFailed` where another process does not let it go.
    """

    def __init__(
        self, guarded: Path, *, attempts: int = LOCK_ATTEMPTS, pause: float = LOCK_PAUSE
    ) -> None:
        self._attempts = attempts
        self._pause = pause
        self._path = guarded.with_name(f"{guarded.name}.lock")

    @contextmanager
    def for_writing(self) -> Iterator[None]:
        """Nobody else reads or writes within it. Its folder must be there."""
        with opened(self._path, os.O_RDWR | os.O_CREAT) as descriptor:
            tightened(descriptor)
            self._wait_for(descriptor, fcntl.LOCK_EX)
            yield

    @contextmanager
    def for_reading(self) -> Iterator[None]:
        """Nobody writes within it. Makes no file."""
        with ExitStack() as stack:
            # No lock: nobody ever wrote here, or somebody copied the files.
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
