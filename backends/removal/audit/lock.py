"""One writer at a time, of all processes."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from backends.removal.audit.disk import opened, tightened
from backends.removal.audit.errors import AuditFailed

LOCK_ATTEMPTS = 500
LOCK_PAUSE = 0.02
"""Seconds between two attempts, ten in all. Nobody holds the lock that long but a process that was
stopped; a removal that waits for ever would be worse than one that is refused."""


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
