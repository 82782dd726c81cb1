"""Moments that what is done at intervals has in common: the process then wakes up once for all."""

from __future__ import annotations

LEAST = 0.1
"""Share of an interval that a pause has at least: a timer may go off a little early."""


def until_next(interval: float, now: float) -> float:
    """Return the seconds until the next multiple of an interval, on a monotonic clock: at most one
    interval and a tenth of it."""
    pause = interval - now % interval
    return pause if pause >= LEAST * interval else pause + interval
