"""How the figures of one size follow from those of a smaller one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.figures.change import Change
from bench.figures.first_paint import FirstPaint
from bench.results import Line, Target, Unit

SLACK = 1.5
"""By how much a ratio may be off, since all of this is measured. It is that of CPU times."""


def growth(lines: Sequence[Line]) -> Iterator[Line]:
    """From the smallest size from 1,000 on to the largest: how first paint and changes grow.

    Nothing where there are not three, or two, such sizes.
    """
    lines = [line for line in lines if line.figure in (FirstPaint.name, Change.name)]
    sizes = sorted({line.size for line in lines if line.size >= 1_000})
    for line in lines:
        if not sizes or line.size != sizes[-1] or line.unit is Unit.SECONDS:
            continue
        alike = (other for other in lines if (other.what, other.unit) == (line.what, line.unit))
        same = {other.size: other.median for other in alike}
        if line.figure == FirstPaint.name and len(sizes) >= 3:
            small, middle, large = sizes[0], sizes[-2], sizes[-1]
            early = (same[middle] - same[small]) / (middle - small)
            late = (same[large] - same[middle]) / (large - middle)
            what = f"growth: first paint, each instance from {middle:,} on beside those before"
            yield _line(what, large, late / early)
        elif line.figure == Change.name and len(sizes) >= 2:
            what = f"growth: {line.what}, beside that at {sizes[0]:,}"
            yield _line(what, sizes[-1], same[sizes[-1]] / same[sizes[0]])


def _line(what: str, size: int, ratio: float) -> Line:
    return Line("growth", what, size, Unit.TIMES, (ratio,), target=Target(SLACK))
