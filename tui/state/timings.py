"""How long the dashboard waits where a person, a server or a log needs the time."""

from __future__ import annotations

import msgspec


class Timings(msgspec.Struct, frozen=True):
    """Seconds, each by what it is for."""

    reading: float = 0.5
    """From drawing a question until its yes counts. Over a slow line keys arrive in one burst:
    keys typed for another screen must not answer an unseen question."""
    probing: float = 2.0
    """Within which `p` asks once: each deep probe is a line in a worker's log."""
    looking: float = 1.0
    """Between two looks of the watchdog at whether the store is followed."""
    restarting: float = 5.0
    """After which what failed behind the screen is begun again."""
    saving: float = 1.0
    """From a choice by key until it is written: others may follow, as of a width step by step."""


TIMINGS = Timings()
"""Those of every dashboard that a person uses."""
