"""Count internal faults. The dashboard survives one, but not the same again within a minute.

No Textual in here, and no clock: seconds are passed in.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

AGAIN_WITHIN = 60.0
"""Seconds within which the same fault ends the dashboard."""
MOST_KEPT = 100
"""The newest errors that are kept, for tests."""
OWN = tuple(str(Path(__file__).parents[2] / package) for package in ("backends", "tui"))
"""The folders of dyntop's own code."""

Place = tuple[str, str, str]
"""The error's type, the line that raised it, and the innermost line of dyntop's own."""


class KnownFault(msgspec.Struct):
    """A fault that was met before."""

    at: float
    """When it was last met, in seconds of a clock that is never set."""
    report: Path | None = None
    """The crash report that was written for it."""


class Faults:
    """Decides which fault ends the dashboard."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Place, KnownFault] = {}
        self.errors: deque[BaseException] = deque(maxlen=MOST_KEPT)
        """All errors met, the newest last."""

    def met(self, error: BaseException) -> bool:
        """Note a fault. Return whether the dashboard can continue."""
        self.errors.append(error)
        now, place = self._clock(), place_of(error)
        before = self._known.get(place)
        if before is None:
            self._known[place] = KnownFault(now)
            return not isinstance(error, MemoryError)
        again = now - before.at <= AGAIN_WITHIN
        before.at = now
        return not again

    def known(self, error: BaseException) -> KnownFault:
        """Return the record of a fault. A new fault: `KnownFault.at` is meaningless."""
        return self._known.get(place_of(error), KnownFault(self._clock()))


def place_of(error: BaseException) -> Place:
    """Return what identifies a fault: its type and the lines where it was raised."""
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    lines = [(frame.filename, f"{frame.filename}:{frame.lineno}") for frame in frames]
    own = [line for name, line in lines if name.startswith(OWN)]
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return name, lines[-1][1] if lines else "", own[-1] if own else ""
