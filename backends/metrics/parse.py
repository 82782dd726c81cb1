"""Parse Prometheus text into the samples that dyntop reads. The text is untrusted."""

from __future__ import annotations

import io
import math
import re
from collections import defaultdict
from collections.abc import Mapping

import msgspec

from backends.metrics.catalogue import HISTOGRAMS, READ, SAMPLES
from backends.metrics.histogram import MOST_BOUNDS, Histogram

MOST_SERIES = 20_000
"""Samples kept of one answer: a frontend of a hundred models has about 6,000."""
LONGEST_LINE = 2048
"""Bytes of a line that is read. Dynamo's own are below 300."""
MOST_LABELS = 16
"""Labels of a line that is read. Dynamo's own have at most seven."""
LARGEST = 2.0**63
"""A larger number is not a count of anything, and sums of such may overflow."""

Labels = frozenset[tuple[str, str]]

_NAME = re.compile(rb"[a-z_]+")
_SAMPLES = frozenset(name.encode() for name in SAMPLES)


class NotText(Exception):
    """The answer is not Prometheus text. The message is the reason, in a few words."""


class MetricsScrape(msgspec.Struct, frozen=True):
    """The samples of one process at one time."""

    at: float
    """POSIX seconds."""
    values: Mapping[str, Mapping[Labels, float]] = msgspec.field(default_factory=dict)
    """Counters, gauges and sums of histograms, by name and labels. None is above `LARGEST`."""
    histograms: Mapping[str, Mapping[Labels, Histogram]] = msgspec.field(default_factory=dict)
    """By name and by labels without `le`."""
    cut: bool = False
    """Whether there was more than dyntop keeps."""

    @property
    def found(self) -> frozenset[str]:
        """The names of `catalogue.READ` that are present."""
        sums = (name.removesuffix("_sum") for name in self.values)
        return READ & {*self.values, *self.histograms, *sums}

    def total(self, name: str) -> float | None:
        """Return the sum over all series of a name. None: there are none."""
        series = self.values.get(name)
        return math.fsum(series.values()) if series else None


def parsed(text: bytes, at: float, most_series: int = MOST_SERIES) -> MetricsScrape:
    """Parse the known samples of Dynamo, and nothing else. Takes up to seconds. No I/O.

    Raises `NotText`.
    """
    # The parser is slow, in pure Python, so the many other metrics of engines are filtered out
    # first.
    wanted: list[bytes] = []
    cut = False
    for line in io.BytesIO(text):
        name = _NAME.match(line)
        if name is None or name[0] not in _SAMPLES:
            continue
        if len(line) > LONGEST_LINE or line.count(b"=") > MOST_LABELS:
            cut = True
            continue
        if len(wanted) == most_series:
            cut = True
            break
        wanted.append(line)
    return _gathered(b"".join([*wanted, b"\n"]).decode("utf-8", "replace"), at, cut)


def _gathered(text: str, at: float, cut: bool) -> MetricsScrape:
    from prometheus_client.parser import text_string_to_metric_families

    values: dict[str, dict[Labels, float]] = defaultdict(dict)
    buckets: dict[str, dict[Labels, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not abs(sample.value) <= LARGEST:  # false for NaN, too
                    continue
                name = sample.name.removesuffix("_bucket")
                if name == sample.name:
                    values[name][frozenset(sample.labels.items())] = sample.value
                elif name in HISTOGRAMS and (bound := _bound(sample.labels.pop("le", ""))):
                    labels = frozenset(sample.labels.items())
                    buckets[name][labels][bound[0]] = sample.value
    except (ValueError, KeyError, IndexError, TypeError):
        # Raised by the parser of prometheus_client 0.26 on lines that are no samples.
        raise NotText("one of its lines is not a sample") from None
    histograms: dict[str, dict[Labels, Histogram]] = defaultdict(dict)
    for name, series in buckets.items():
        for labels, found in series.items():
            if len(found) <= MOST_BOUNDS:
                histograms[name][labels] = Histogram.cumulative(found)
            else:
                cut = True
    return MetricsScrape(at, dict(values), dict(histograms), cut)


def _bound(text: str) -> tuple[float] | None:
    """Parse an upper bound, in a tuple since it may be 0. None: it is not a bound."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return (bound,) if abs(bound) <= LARGEST or bound == math.inf else None
