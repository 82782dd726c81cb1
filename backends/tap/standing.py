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
    """What is in the way, as a clause with its own subject: `10.0.0.1:5557 refuses connections`.
    While it is connected and silent: what its process does that it should not. Empty: nothing."""
    answers: bool = False
    """Whether it is connected and silent, and its process was asked and answers."""


SILENCE = 5.0
"""Seconds without a message that are worth a word, and a question to the process."""
