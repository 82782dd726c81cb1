"""A clock that is never set, and that counts while the machine is suspended, where there is one."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Return its seconds, since an arbitrary moment."""
    return time.clock_gettime(_CLOCK)
