"""A file that is only ever appended to, and put away once it is large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from backends.removal.audit.disk import content_of, opened, sync_folder, tightened, write

ROTATE_AT = 16 * 1024 * 1024
"""Bytes; what would grow beyond it begins a new file. Some thousand model cards."""
KEPT = 5
"""Files kept besides the one that is written."""


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
