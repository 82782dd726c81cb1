"""How it stands with what a tap listens to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Link(StrEnum):
    """Whether messages can come."""

    CONNECTING = "connecting"
    """Not yet; it is tried again and again."""
    CONNECTED = "connected"
    LOST = "lost"
    """Not any more; it is tried again and again."""
    IMPOSSIBLE = "impossible"
    """Nor will they."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands, and since when."""

    link: Link
    since: float
    """POSIX seconds."""
    why: str = ""
    """What is in the way, as a clause: `refuses connections`. While it is connected and silent:
    `STILL_ANSWERS`, or what its publisher does instead. Empty: nothing is known."""


STILL_ANSWERS = "still answers"
"""What the process of a silent publisher does if it is well."""
