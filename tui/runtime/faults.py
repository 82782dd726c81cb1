"""Count faults of dyntop's own: one is survived, the same again within a minute is not.

No Textual in here, and no clock: seconds are passed in.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AGAIN_WITHIN = 60.0
"""Seconds within which the same fault again ends the dashboard."""
MOST_KEPT = 100
"""Errors that are kept, the newest. Tests look at them."""
OWN = tuple(str(Path(__file__).parents[2] / package) for package in ("backends", "tui"))
"""Folders whose code is dyntop's own."""

Place = tuple[str, str, str]
"""Type of an error, the line that raised it, and the innermost line of dyntop's own."""


@dataclass(slots=True)
class KnownFault:
    """A fault that was met before."""

    at: float
    """When it was met last, in seconds of a clock that nobody sets."""
    report: Path | None = None
    """The crash report that was written about it."""


class Faults:
    """Decides which fault ends the dashboard."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Place, KnownFault] = {}
        self.errors: deque[BaseException] = deque(maxlen=MOST_KEPT)
        """All that were met, the newest last."""

    def met(self, error: BaseException) -> bool:
        """Note a fault. Return whether the dashboard can go on."""
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
        """What is kept of a fault; `KnownFault.at` is of no use where it was not met before."""
        return self._known.get(place_of(error), KnownFault(self._clock()))


def place_of(error: BaseException) -> Place:
    """Return what tells two faults apart: their types and the lines where they were raised."""
    frames = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), lookup_lines=False
    )
    lines = [(frame.filename, f"{frame.filename}:{frame.lineno}") for frame in frames]
    own = [line for name, line in lines if name.startswith(OWN)]
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    return name, lines[-1][1] if lines else "", own[-1] if own else ""
