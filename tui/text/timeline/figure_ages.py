"""How old the figures of a recording are, and why there are none, in words. No Textual in here."""

from __future__ import annotations

from tui.text.format import count, duration
from tui.text.timeline.times import TIME, local

APART = 5.0
"""Seconds between the newest and the oldest from which both are named."""


def none_at_all(*, is_known: bool) -> str:
    """Return that there are none. `is_known`: whether it was recorded that none were asked for."""
    if is_known:
        return "No figures: recorded without --metrics"
    return "No figures are in this recording"


def none_in_this_part() -> str:
    """Return why a moment has no figures though others have."""
    return "No figures of this moment: this part was recorded without --metrics"


def none_then(silent: int) -> str:
    """Return why a moment has no figures though servers were asked. `silent`: how many of them gave
    none."""
    if not silent:
        return "No figures of this moment were recorded"
    return f"No figures of this moment: {count(silent, 'server')} gave none"


def too_old(age: float, read_at: float) -> str:
    """Return that the last figures are too old to count. `read_at`: when they were read, in POSIX
    seconds."""
    return f"No figures of this moment: the last are of {local(read_at, TIME)}, {_before(age)}"


def age_of_figures(newest: float, oldest: float) -> str:
    """Return how much older than the moment the figures are, in seconds, that count."""
    if oldest - newest < APART:
        return f"figures read {_before(newest)}"
    return f"figures read {duration(newest)} to {_before(oldest)}"


def _before(seconds: float) -> str:
    return "at this moment" if seconds < 1 else f"{duration(seconds)} before"
