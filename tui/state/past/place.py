"""The moment that a dashboard shows. No Textual in here."""

from __future__ import annotations

import msgspec

from backends.timeline import Moment


class PastPlace(msgspec.Struct, frozen=True):
    """An earlier moment."""

    moment: Moment
    at: float | None
    """The time that it is looked at, in POSIX seconds: that of the moment, or later. None: it is
    not known."""
