"""Reading the audit, for the commands that look back."""

from __future__ import annotations

import time
from pathlib import Path

from backends.removal.audit.audit import Audit
from tui.text.timestamps import utc_stamp


def audit_at(path: Path) -> Audit:
    """Return the audit in that file, only to read it."""
    return Audit(path, clock=time.time, user="", host="")


def when(at: float) -> str:
    """Return a time in UTC, to the second; POSIX seconds if no calendar has it."""
    try:
        return utc_stamp(at, "seconds")
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f}"
