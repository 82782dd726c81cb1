"""How much evidence is gathered without a key being pressed."""

from __future__ import annotations

from enum import StrEnum

DEFAULT_CAP = 50.0
"""The most queries to the store in a second: 4 ms of an etcd's time, in bursts."""


class Probing(StrEnum):
    """Which addresses are probed without a key being pressed."""

    NEVER = "never"
    VISIBLE = "visible"
    """Those of records on screen, and of late ones."""
    ALL = "all"
    DEEP = "deep"
    """As `visible`, with deep probes."""
