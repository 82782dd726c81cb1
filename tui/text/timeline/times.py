"""A time of a timeline as text: with its date where the range is of several days."""

from __future__ import annotations

from datetime import datetime

TIME = "%H:%M:%S"
DATE = "%Y-%m-%d"
DAY = "%m-%d"
"""Within a line that has no room for the year."""


def local(at: float, to: str) -> str:
    """Return POSIX seconds in the reader's time zone. Empty: no calendar has such a time."""
    try:
        return datetime.fromtimestamp(at).strftime(to)
    except (OverflowError, ValueError, OSError):
        return ""


def has_several_days(start: float, end: float) -> bool:
    """Return whether two times have different dates in the reader's time zone."""
    return local(start, DATE) != local(end, DATE)


def time_text(at: float, *, with_date: bool) -> str:
    """Return a time as `14:02:31`, or with its date as `11-21 14:02:31`."""
    return local(at, f"{DAY} {TIME}" if with_date else TIME)


def range_text(start: float, end: float) -> str:
    """Return two times for people, with the date once if it is the same: `2026-11-21
    14:02:31–14:40:00`."""
    until = f"{DATE} {TIME}" if has_several_days(start, end) else TIME
    begun = local(start, f"{DATE} {TIME}")
    return begun if start == end else f"{begun}–{local(end, until)}"
