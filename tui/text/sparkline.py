"""A row of numbers as a row of bars. No Textual in here."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(numbers: Sequence[float | None], cells: int) -> str:
    """The last `cells` numbers as bars between 0 and the highest of them, the newest at the end.

    Textual's own begins at the least of them, which makes a swing of any small change.

    None, and what is no number, is a blank. Where all are 0 the bars are the lowest.
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
    # However little there was, it is told from nothing.
    return BARS[math.ceil(number / highest * (len(BARS) - 1))]
