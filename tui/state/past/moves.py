"""The moves along a timeline that may be asked for. No Textual in here."""

from __future__ import annotations

import msgspec

from backends.timeline import Moment

MINUTE = 60.0


class ByChanges(msgspec.Struct, frozen=True):
    """So many changes later, or earlier if below 0."""

    number: int


class BySeconds(msgspec.Struct, frozen=True):
    """So much later, or earlier if below 0."""

    seconds: float


class ToRevision(msgspec.Struct, frozen=True):
    """To a revision of the store."""

    revision: int


class ToTime(msgspec.Struct, frozen=True):
    """To a time in POSIX seconds."""

    at: float


class ToMoment(msgspec.Struct, frozen=True):
    """To a moment of the timeline."""

    moment: Moment
    at: float | None = None
    """The time that it is looked at, if that is later than its own."""


Move = ByChanges | BySeconds | ToRevision | ToTime | ToMoment


def leads_back(move: Move, now: float) -> bool:
    """Return whether a move from the present leads to an earlier moment. `now`: POSIX seconds."""
    match move:
        case ByChanges(number=by) | BySeconds(seconds=by):
            return by < 0
        case ToTime(at=at):
            return at < now
    return True
