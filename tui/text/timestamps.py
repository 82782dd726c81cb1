"""Times as text, for people, programs and the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def time_of_day(at: float) -> str:
    """Return what the host's clock showed, as `17:05:23`, in the reader's time zone."""
    return f"{datetime.fromtimestamp(at):%H:%M:%S}"


def day_and_time(at: float) -> str:
    """Return POSIX seconds as `2026-11-21 17:05:23`, in the reader's time zone."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"


def utc_stamp(at: float, to: Literal["seconds", "milliseconds"] = "milliseconds") -> str:
    """Return POSIX seconds as `2026-11-21T13:45:01.250Z`, cut off at `to`.

    Raises OverflowError, ValueError or OSError for a time that no calendar has.
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=to).replace("+00:00", "Z")
