"""The one error of the audit. Errors of the operating system become it, here only."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
