"""Prometheus text for tests: recorded of real processes, or made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from backends.metrics.parse import MetricsScrape, parsed

SAMPLES = Path(__file__).parent / "samples"
"""What real frontends and workers of three releases answered after three requests of five tokens,
without the metrics that dyntop does not read."""
RELEASES = ("0.6.1", "1.2.1", "1.6.1")


def recorded(name: str, at: float = 10.0) -> MetricsScrape:
    """Of `frontend-1.6.1` and the like."""
    return parsed((SAMPLES / f"{name}.txt").read_bytes(), at)


def histogram(name: str, label: str, counts: Mapping[str, float]) -> list[str]:
    """Lines of a histogram; `counts` are cumulative, by `le`."""
    comma = "," if label else ""
    return [f'{name}_bucket{{{label}{comma}le="{le}"}} {count}' for le, count in counts.items()]


def scrape(at: float, *lines: str | Iterable[str]) -> MetricsScrape:
    every = [[line] if isinstance(line, str) else list(line) for line in lines]
    text = "\n".join(line for some in every for line in some)
    return parsed(f"{text}\n".encode(), at)
