"""Where the ticks of an axis are, and how high a chart is."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from tui.text.host_clock import ShownAt

STEPS = (60, 120, 300, 600, 900, 1800)
"""Seconds between two ticks."""
NICE = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
"""The tops of charts, times a power of ten: half of each is a round number, too."""
LABEL = 5
"""Cells of `13:05`."""


def top_of(highest: float) -> float:
    """Return the number at the top of a chart, at or above the highest that is drawn."""
    if highest <= 0 or not math.isfinite(highest):
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next((nice * power for nice in NICE if nice * power >= highest), 10 * power)


def time_ticks(start: float, end: float, cells: int, shown_at: ShownAt) -> Iterator[float]:
    """Yield round times of day between two times, so far apart that their labels have room.

    `shown_at`: from the steady time to what the host's clock showed.
    """
    most = max(1, cells // (2 * LABEL))
    step = next((one for one in STEPS if (end - start) / one <= most), STEPS[-1])
    shown = shown_at(end)
    # Zones are some minutes off full hours.
    ahead = shown + time.localtime(shown).tm_gmtoff - end
    tick = math.ceil((start + ahead) / step) * step - ahead
    while tick < end:
        yield tick
        tick += step
