"""A series of numbers as a row of bars. No Textual in here."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(numbers: Sequence[float | None], cells: int) -> str:
    """Return the last `cells` numbers as bars between 0 and the highest, the newest at the end.

    Textual's own starts at the lowest number, which exaggerates small changes.

    A blank: None, or not a number. If all are 0 the bars are the lowest.
    """
    last = [_sane(number) for number in numbers[max(0, len(numbers) - cells) :]]
    highest = max((number for number in last if number is not None), default=0.0)
    return "".join(_bar(number, highest) for number in last)


def _sane(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) and number >= 0 else None


def _bar(number: float | None, highest: float) -> str:
    if number is None:
        return " "
    if not highest:
        return BARS[0]
    # Any amount above 0 looks different from 0.
    return BARS[math.ceil(number / highest * (len(BARS) - 1))]
