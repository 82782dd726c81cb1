"""The figures of one model, frontend or worker over time, in arrays. Pure."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from backends.metrics.histogram import Histogram
from backends.metrics.rates import Rates

LONGEST = 3600.0
"""Seconds that are kept."""
MOST_SAMPLES = 1_440
"""Samples that are kept: an hour, if each round of scrapes comes in two parts."""
TOUCHING = 1.0
"""Seconds between two samples that still leave no hole."""
SPARE = 32
"""Old samples that are let go at a time."""

HALF, MOST = 0.5, 0.99
"""The parts of the observations that quantiles are of."""


class Measure(StrEnum):
    """A figure that is kept."""

    REQUESTS = "requests"
    """Ended requests a second."""
    TOKENS = "tokens"
    """Output tokens a second."""
    ERRORS = "errors"
    """Requests a second that ended in an error."""
    FIRST_TOKEN_50 = "first-token-50"
    """Seconds, as are the following ones."""
    FIRST_TOKEN_99 = "first-token-99"
    BETWEEN_TOKENS_50 = "between-tokens-50"
    BETWEEN_TOKENS_99 = "between-tokens-99"
    FIRST_RESPONSE_50 = "first-response-50"
    FIRST_RESPONSE_99 = "first-response-99"


class FigurePoint(NamedTuple):
    """One figure of the time between two scrapes."""

    since: float
    """When that time began, in POSIX seconds."""
    at: float
    """When it ended."""
    value: float | None
    """None: not known, or nothing was observed."""
    over: bool
    """Whether the value is the highest bound of a histogram, and the figure lies above it."""

    def follows(self, before: FigurePoint) -> bool:
        """Return whether there is no time between the two of which nothing is known."""
        return self.since <= before.at + TOUCHING


class FigureSeries:
    """Keeps the samples of the last hour. A sample covers the time between two scrapes; what no
    sample covers is a hole."""

    def __init__(self) -> None:
        self.since = array("d")
        """When the time of each sample began, in POSIX seconds."""
        self.at = array("d")
        """When it ended. Rises."""
        self._values: dict[Measure, array[float]] = {}
        """NaN: not known. Below zero: a quantile above the highest bound, which it is the negative
        of. Only measures that were known once have an array."""

    def add(self, rates: Rates, at: float, *, joined: bool = True) -> None:
        """Add what was measured until `at`, POSIX seconds, unless that is known already.

        Not `joined`: it is of other processes than the sample before, or of restarted ones, so that
        it does not follow it.
        """
        last = self.at[-1] if self.at else -math.inf
        if rates.seconds is None or at == last:
            return
        if at < last:
            # The clock was set: what came before is of another time.
            self._drop(len(self.at))
        since = at - rates.seconds
        self.since.append(since if joined else at)
        self.at.append(at)
        known = dict(measured(rates))
        for measure in {*known, *self._values}:
            values = self._values.get(measure)
            if values is None:
                values = self._values[measure] = array("f", [math.nan]) * (len(self.at) - 1)
            values.append(known.get(measure, math.nan))
        self._let_go(at - LONGEST)

    def add_unknown(self, at: float) -> None:
        """Leave a hole at `at`: the processes were asked, and their counters began anew."""
        if not self.at or at > self.at[-1]:
            self.add(Rates(seconds=0.0), at)

    @property
    def known(self) -> frozenset[Measure]:
        """The measures of which anything is kept."""
        return frozenset(
            measure for measure, values in self._values.items() if not all(map(math.isnan, values))
        )

    def points(self, measure: Measure, start: float = -math.inf) -> Iterator[FigurePoint]:
        """Yield what is kept of a measure since `start`, the oldest first."""
        values = self._values.get(measure)
        for index in range(bisect_left(self.at, start), len(self.at)):
            value = math.nan if values is None else values[index]
            over = math.copysign(1.0, value) < 0 and not math.isnan(value)
            yield FigurePoint(
                self.since[index],
                self.at[index],
                None if math.isnan(value) else abs(value),
                over,
            )

    def steps(self, measure: Measure, now: float, step: float, number: int) -> list[float | None]:
        """Return the means of a measure in the last `number` steps of so many seconds, the newest
        last. None: nothing is known of a step.

        Steps begin at multiples of `step`, so that a sample stays in its own as time goes on.
        """
        first = math.floor(now / step) - number + 1
        sums, counts = [0.0] * number, [0] * number
        for point in self.points(measure, first * step):
            index = math.floor(point.at / step) - first
            if point.value is not None and 0 <= index < number:
                sums[index] += point.value
                counts[index] += 1
        return [sum_ / count if count else None for sum_, count in zip(sums, counts, strict=True)]

    def trim(self, before: float) -> None:
        """Forget the samples that ended before a time in POSIX seconds."""
        if old := bisect_left(self.at, before):
            self._drop(old)

    def _let_go(self, before: float) -> None:
        old = bisect_left(self.at, before)
        if old >= SPARE or len(self.at) > MOST_SAMPLES:
            self._drop(max(old, len(self.at) - MOST_SAMPLES))

    def _drop(self, number: int) -> None:
        for each in (self.since, self.at, *self._values.values()):
            del each[:number]


def measured(rates: Rates) -> Iterator[tuple[Measure, float]]:
    """Yield what is known. A value below zero: the quantile lies above the highest bound, of which
    it is the negative."""
    for measure, value in (
        (Measure.REQUESTS, rates.request_rate),
        (Measure.TOKENS, rates.token_rate),
        (Measure.ERRORS, rates.error_rate),
    ):
        if value is not None:
            yield measure, value
    for half, most, histogram in (
        (Measure.FIRST_TOKEN_50, Measure.FIRST_TOKEN_99, rates.first_token),
        (Measure.BETWEEN_TOKENS_50, Measure.BETWEEN_TOKENS_99, rates.between_tokens),
        (Measure.FIRST_RESPONSE_50, Measure.FIRST_RESPONSE_99, rates.first_response),
    ):
        yield from _quantile(half, histogram, HALF)
        yield from _quantile(most, histogram, MOST)


def _quantile(
    measure: Measure, histogram: Histogram, part: float
) -> Iterator[tuple[Measure, float]]:
    found = histogram.quantile(part)
    if found is not None:
        value = max(0.0, found.value)
        yield measure, -value if found.over else value
