"""Reading the audit, for the commands that look back."""

from __future__ import annotations

import time
from pathlib import Path

from backends.removal.audit import Audit
from tui.text.timestamps import utc_stamp


def audit_at(path: Path) -> Audit:
    """The audit in that file, to read: nothing is written through it."""
    return Audit(path, clock=time.time, user="", host="")


def when(at: float) -> str:
    """A time in UTC, to the second; POSIX seconds where no calendar has it."""
    try:
        return utc_stamp(at, "seconds")
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f}"
