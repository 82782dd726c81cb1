"""Prometheus text to the samples that dyntop reads. Anybody may have written the text."""

from __future__ import annotations

import io
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from backends.metrics.histogram import MOST_BOUNDS, Histogram
from backends.metrics.names import HISTOGRAMS, READ, SAMPLES

MOST_SERIES = 20_000
"""Samples that are kept of one answer: a frontend of a hundred models has some 6,000."""
LONGEST_LINE = 2048
"""Bytes of a line that is read; Dynamo's own are below 300."""
MOST_LABELS = 16
"""Of a line that is read; Dynamo's own have at most seven."""
LARGEST = 2.0**63
"""A number above it is no count of anything, and sums of such may overflow."""

Labels = frozenset[tuple[str, str]]

_NAME = re.compile(rb"[a-z_]+")
_SAMPLES = frozenset(name.encode() for name in SAMPLES)


class NotText(Exception):
    """It is not what Prometheus scrapes; the message says what is wrong, in a few words."""


@dataclass(frozen=True)
class Scrape:
    """What one process said of itself at one time."""

    at: float
    """POSIX seconds."""
    values: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """Counters, gauges, and the sums of histograms, by name and labels; none above `LARGEST`."""
    histograms: Mapping[str, Mapping[Labels, Histogram]] = field(default_factory=dict)
    """By name and labels without `le`."""
    cut: bool = False
    """Whether there was more than dyntop keeps."""

    @property
    def found(self) -> frozenset[str]:
        """Which of the names of `names.READ` are there."""
        sums = (name.removesuffix("_sum") for name in self.values)
        return READ & {*self.values, *self.histograms, *sums}

    def total(self, name: str) -> float | None:
        """The sum over all its series. None: there are none."""
        series = self.values.get(name)
        return math.fsum(series.values()) if series else None


def parsed(text: bytes, at: float, most_series: int = MOST_SERIES) -> Scrape:
    """The samples of Dynamo's that are known, and nothing else. Takes up to seconds; no I/O.

    Raises `NotText`.
    """
    # The parser is slow, in pure Python; most of what engines tell beside Dynamo is not for it.
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


def _gathered(text: str, at: float, cut: bool) -> Scrape:
    from prometheus_client.parser import text_string_to_metric_families

    values: dict[str, dict[Labels, float]] = defaultdict(dict)
    buckets: dict[str, dict[Labels, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if not abs(sample.value) <= LARGEST:  # nor is anything that is no number
                    continue
                name = sample.name.removesuffix("_bucket")
                if name == sample.name:
                    values[name][frozenset(sample.labels.items())] = sample.value
                elif name in HISTOGRAMS and (bound := _bound(sample.labels.pop("le", ""))):
                    labels = frozenset(sample.labels.items())
                    buckets[name][labels][bound[0]] = sample.value
    except (ValueError, KeyError, IndexError, TypeError):
        # What the parser of prometheus_client 0.26 raises on lines that are no samples.
        raise NotText("a line of it is no sample") from None
    histograms: dict[str, dict[Labels, Histogram]] = defaultdict(dict)
    for name, series in buckets.items():
        for labels, found in series.items():
            if len(found) <= MOST_BOUNDS:
                histograms[name][labels] = Histogram.cumulative(found)
            else:
                cut = True
    return Scrape(at, dict(values), dict(histograms), cut)


def _bound(text: str) -> tuple[float] | None:
    """An upper bound, in a tuple since it may be 0. None: it is none."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return (bound,) if abs(bound) <= LARGEST or bound == math.inf else None
