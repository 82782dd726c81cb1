"""How a time is written down for programs and in the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def time_of_day(at: float) -> str:
    """Return what the host's clock showed, as `17:05:23`, where the reader is."""
    return f"{datetime.fromtimestamp(at):%H:%M:%S}"


def utc_stamp(at: float, to: Literal["seconds", "milliseconds"] = "milliseconds") -> str:
    """POSIX seconds as `2026-11-21T13:45:01.250Z`; what is finer than `to` is cut off.

    Raises OverflowError, ValueError or OSError where no calendar has that time.
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=to).replace("+00:00", "Z")
