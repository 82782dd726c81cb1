"""The state of a tap's connection."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class TapLink(StrEnum):
    """Whether messages can arrive."""

    CONNECTING = "connecting"
    """Not yet. The listener keeps trying."""
    CONNECTED = "connected"
    LOST = "lost"
    """Not any more. The listener keeps trying."""
    IMPOSSIBLE = "impossible"
    """Never: the listener does not try."""


class TapState(msgspec.Struct, frozen=True):
    """The state of a tap's connection."""

    link: TapLink
    why: str = ""
    """What prevents messages, as a clause with its own subject: `10.0.0.1:5557 refuses
    connections`. While connected and silent: what is wrong with the process. Empty: nothing.
    """
    answers: bool = False
    """Whether it is connected and silent, and the process answered a probe."""
    connected: int = 0
    """Of several addresses or subjects, how many are connected."""
    of: int = 0
    """How many there are. 0: one."""


class TapStanding(TapState, frozen=True):
    """The state of a tap's connection, and since when."""

    since: float = 0.0
    """POSIX seconds."""

    @property
    def is_partial(self) -> bool:
        """Whether messages of some publishers cannot arrive now."""
        return self.link is TapLink.CONNECTED and self.connected < self.of


SILENCE = 5.0
"""Seconds without a message before the silence is shown, and the process is probed."""
