"""Prometheus histograms: differences, sums and quantiles. Pure.

A histogram counts the observations up to each bound. Bounds of merged histograms may differ (they
do between releases of Dynamo, and are settings). Within a bucket observations are assumed to be
evenly spread, as in `histogram_quantile` of Prometheus.

Counts and bounds are below 2**64 (`parse.LARGEST`), so that no sum overflows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

import msgspec

MOST_BOUNDS = 200
"""Of one histogram. Dynamo's have about 20."""


class Quantile(NamedTuple):
    """The value that a given part of the observations does not exceed."""

    value: float
    over: bool
    """Whether it lies above the highest bound; `value` is that bound then."""


class Histogram(msgspec.Struct, frozen=True):
    """Observations by bucket. Bounds rise and are finite, except the last, which is infinite."""

    bounds: tuple[float, ...] = (math.inf,)
    """The upper bounds, each included in its bucket."""
    counts: tuple[float, ...] = (0.0,)
    """In each bucket alone. Never negative."""

    @property
    def total(self) -> float:
        return math.fsum(self.counts)

    @classmethod
    def cumulative(cls, buckets: Mapping[float, float]) -> Histogram:
        """Make a histogram from a scrape: the number of observations up to each upper bound.

        Inconsistent counts are corrected: one that falls from a bound to the next is raised to the
        one before.
        """
        found = dict(sorted(buckets.items()))
        found.setdefault(math.inf, max(found.values(), default=0.0))
        counts, before = [], 0.0
        for count in found.values():
            counts.append(max(0.0, count - before))
            before = max(before, count)
        return cls(tuple(found), tuple(counts))

    def since(self, before: Histogram | None) -> Histogram:
        """Return the observations since an earlier scrape of the same process.

        A count below the earlier one means that the process restarted: then all observations are
        new. None: there was no histogram then.
        """
        if before is None or before.bounds != self.bounds:
            return self
        now, then = accumulate(self.counts), accumulate(before.counts)
        differences = [after - earlier for after, earlier in zip(now, then, strict=True)]
        if any(difference < 0 for difference in differences):
            return self
        return Histogram.cumulative(dict(zip(self.bounds, differences, strict=True)))

    def __add__(self, other: Histogram) -> Histogram:
        """Merge two histograms, as if one process had made all observations.

        If both together have too many bounds, this one's are kept, so that adding up many takes
        time in proportion.
        """
        if self.bounds == other.bounds:
            counts = zip(self.counts, other.counts, strict=True)
            return Histogram(self.bounds, tuple(map(sum, counts)))
        if not other.total:
            return self
        if not self.total:
            return other
        bounds = tuple(sorted({*self.bounds, *other.bounds}))
        if len(bounds) > MOST_BOUNDS:
            bounds = self.bounds
        mine, theirs = self._up_to(bounds), other._up_to(bounds)
        together = [one + another for one, another in zip(mine, theirs, strict=True)]
        return Histogram.cumulative(dict(zip(bounds, together, strict=True)))

    def _up_to(self, bounds: tuple[float, ...]) -> list[float]:
        """Return the number of observations up to each of other bounds."""
        sums = list(accumulate(self.counts))
        found = []
        for bound in bounds:
            index = bisect_left(self.bounds, bound)
            before = sums[index - 1] if index else 0.0
            lower, upper = self._span(index)
            if upper == bound or upper <= lower:
                part = 1.0
            elif math.isinf(upper):
                # Above the highest bound their positions are unknown: count them at the very end.
                part = 0.0
            else:
                part = max(0.0, (bound - lower) / (upper - lower))
            found.append(before + part * self.counts[index])
        return found

    def _span(self, index: int) -> tuple[float, float]:
        """Return the bounds of a bucket. The first begins at 0, unless it ends there or below."""
        upper = self.bounds[index]
        if index:
            return self.bounds[index - 1], upper
        return (0.0 if upper > 0 else upper), upper

    def quantile(self, part: float) -> Quantile | None:
        """Return the value that `part` of the observations, 0 < part < 1, does not exceed. None:
        there are no observations.

        As `histogram_quantile` of Prometheus: evenly spread within a bucket, from 0 in the first.
        """
        total = self.total
        if not total:
            return None
        rank, before = part * total, 0.0
        for index, count in enumerate(self.counts):
            if count and before + count >= rank:
                lower, upper = self._span(index)
                if math.isinf(upper):
                    return Quantile(self._highest(), True)
                value = lower + (upper - lower) * (rank - before) / count
                return Quantile(min(upper, max(lower, value)), False)
            before += count
        return Quantile(self._highest(), True)

    def _highest(self) -> float:
        """Return the highest finite bound. 0: there is none."""
        return self.bounds[-2] if len(self.bounds) > 1 else 0.0


class KnownQuantiles(Histogram, frozen=True):
    """The median and the 99th percentile of observations of which no more was kept. They cannot be
    added up, and how many there were is not known."""

    half: Quantile | None = None
    most: Quantile | None = None

    def quantile(self, part: float) -> Quantile | None:
        """Return the median (0.5) or the 99th percentile (0.99). None: any other, or not known."""
        return {0.5: self.half, 0.99: self.most}.get(part)


NONE = Histogram()
"""A histogram without observations."""
