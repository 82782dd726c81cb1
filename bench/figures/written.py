"""Bytes to the terminal: of one change, and of a screen full of seconds that tick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from bench.figures.figure import Pace
from bench.figures.idle import COUNTDOWNS
from bench.marks import mark
from bench.place import UNSWEPT, Place, opened
from bench.results import Line, Target, Unit
from tests.real.dashboard import Dashboard

DRAWN = 0.4
"""Seconds in which a change is drawn."""
TICKING = 10.0
"""Seconds for which a screen ticks, at most: less than a minute after it was opened."""


class Written:
    name: ClassVar = "bytes"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with opened(place, *UNSWEPT) as (dashboard, _):
            time.sleep(1.0)
            window = min(TICKING, pace.idling) / pace.runs
            ticking = [_bytes_in(dashboard, window) / window for _ in range(pace.runs)]
            time.sleep(max(0.0, pace.settling - TICKING))
            changed = [_of_one_change(place, dashboard, pace.singles) for _ in range(pace.runs)]
        yield Line(
            self.name,
            "bytes to the terminal for one changed instance",
            place.size,
            Unit.BYTES,
            tuple(changed),
            target=Target(2_000.0),
        )
        yield Line(
            self.name,
            "... with a screen full of seconds that tick",
            place.size,
            Unit.BYTES_PER_SECOND,
            tuple(ticking),
            target=Target(COUNTDOWNS),
        )


def _of_one_change(place: Place, dashboard: Dashboard, count: int) -> float:
    """The mean of some, each of another row on the screen."""
    total = 0
    for row in place.instances()[1 : count + 1]:
        before = dashboard.received
        place.writer.put(place.move(row, mark(place.number_of_change())))
        time.sleep(DRAWN)
        total += dashboard.received - before
    return total / count


def _bytes_in(dashboard: Dashboard, seconds: float) -> float:
    before = dashboard.received
    time.sleep(seconds)
    return float(dashboard.received - before)
