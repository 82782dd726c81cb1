"""Histograms as Prometheus has them: differences, sums and quantiles. Pure.

A histogram holds how many observations there were up to each bound. Where several are merged their
bounds may differ (they do between releases of Dynamo, and are settings): within a bucket
observations are taken to lie evenly, as `histogram_quantile` of Prometheus does.

Counts and bounds are below 2**64 (`scrape.LARGEST`), so that no sum of them overflows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

MOST_BOUNDS = 200
"""Of one histogram. Dynamo's have some 20."""


class Quantile(NamedTuple):
    """What so many of the observations did not exceed."""

    value: float
    over: bool
    """Whether it is more than the highest bound, which `value` is then."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations by bucket. Bounds rise and are finite but for the last, which is infinite."""

    bounds: tuple[float, ...] = (math.inf,)
    """The upper ones, each included in its bucket."""
    counts: tuple[float, ...] = (0.0,)
    """In each bucket alone; never negative."""

    @property
    def total(self) -> float:
        return math.fsum(self.counts)

    @classmethod
    def cumulative(cls, buckets: Mapping[float, float]) -> Histogram:
        """Of a scrape: by upper bound how many observations were not more than that.

        What contradicts itself is made to fit: counts that fall from one bound to the next are
        taken to stay as they were.
        """
        found = dict(sorted(buckets.items()))
        found.setdefault(math.inf, max(found.values(), default=0.0))
        counts, before = [], 0.0
        for count in found.values():
            counts.append(max(0.0, count - before))
            before = max(before, count)
        return cls(tuple(found), tuple(counts))

    def since(self, before: Histogram | None) -> Histogram:
        """What came since an earlier scrape of the same process.

        If there are fewer up to any bound than before, the process began anew, and all came since.
        None: it held nothing then.
        """
        if before is None or before.bounds != self.bounds:
            return self
        now, then = accumulate(self.counts), accumulate(before.counts)
        differences = [after - earlier for after, earlier in zip(now, then, strict=True)]
        if any(difference < 0 for difference in differences):
            return self
        return Histogram.cumulative(dict(zip(self.bounds, differences, strict=True)))

    def __add__(self, other: Histogram) -> Histogram:
        """As if one process had observed it all. Where both together have too many bounds, this
        one's are kept, so that many can be added up in a time in proportion."""
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
        """How many observations are not more than each of other bounds."""
        sums = list(accumulate(self.counts))
        found = []
        for bound in bounds:
            index = bisect_left(self.bounds, bound)
            before = sums[index - 1] if index else 0.0
            lower, upper = self._span(index)
            if upper == bound or upper <= lower:
                part = 1.0
            elif math.isinf(upper):
                # Above the highest bound it cannot be told where they are: at the very end.
                part = 0.0
            else:
                part = max(0.0, (bound - lower) / (upper - lower))
            found.append(before + part * self.counts[index])
        return found

    def _span(self, index: int) -> tuple[float, float]:
        """From where to where a bucket is; the first begins at 0, unless it ends there or below."""
        upper = self.bounds[index]
        if index:
            return self.bounds[index - 1], upper
        return (0.0 if upper > 0 else upper), upper

    def quantile(self, part: float) -> Quantile | None:
        """What `part` of the observations, 0 < part < 1, did not exceed. None: there are none.

        As `histogram_quantile` of Prometheus: even within a bucket, from 0 in the first one.
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
        """The highest finite bound; 0 if there is none."""
        return self.bounds[-2] if len(self.bounds) > 1 else 0.0


NONE = Histogram()
"""Without any observation."""
