"""Timers that go off once always go off.

Textual 8.2.8 lets timers skip moments that have passed. A timer that goes off once has a single
moment. If that passed before the timer looked, it never goes off. With a delay of 0 s it divides by
zero. With a delay below 0 s its search for the next moment never ends, and nothing else runs: that
is the delay of a message that expires while it is being put on screen, on a busy machine.
"""

from __future__ import annotations

from typing import Any

from textual.timer import Timer

ONCE = 0
"""How often a timer that goes off once repeats."""

_init = Timer.__init__


def keep_single_timers() -> None:
    """Change the timers of all apps of this process: those that go off once skip nothing."""
    Timer.__init__ = _init_kept  # type: ignore[method-assign]


def _init_kept(self: Timer, *arguments: Any, **named: Any) -> None:
    _init(self, *arguments, **named)
    if self._repeat == ONCE:
        self._skip = False
