"""Figures in a few cells each, with their units. No Textual in here."""

from __future__ import annotations

from backends.metrics.histogram import Histogram, Quantile
from tui.text.format import NOTHING


def latency(quantile: Quantile | None) -> str:
    """Return a latency: `4.2ms`, `142ms`, `1.24s`, `>480s`. At most six cells."""
    if quantile is None:
        return NOTHING
    return f"{'>' if quantile.over else ''}{length(quantile.value)}"


def length(seconds: float) -> str:
    """Return a time as short as a token's: `0.9ms`, `142ms`, `1.24s`, `12.4s`, `480s`."""
    if seconds < 0.00995:
        return f"{seconds * 1e3:.1f}ms"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f}ms"
    if seconds < 9.995:
        return f"{seconds:.2f}s"
    return f"{seconds:.1f}s" if seconds < 99.95 else f"{seconds:.0f}s"


def rate(number: float | None) -> str:
    """Return a rate per second: `0`, `0.04`, `3.2`, `184`, `12.4k`, `3.1M`."""
    if number is None:
        return NOTHING
    if number < 0.005:
        return "0" if number <= 0 else "<0.01"
    if number < 0.995:
        return f"{number:.2f}"
    if number < 99.95:
        return f"{number:.1f}"
    return whole(number)


def whole(number: float | None) -> str:
    """Return a count: `12`, `9,999`, `12.4k`, `124k`, `3.1M`, `124M`, `2e+12`. At most five
    cells."""
    if number is None:
        return NOTHING
    if number < 9_999.5:
        return f"{number:,.0f}"
    for unit, letter in ((1e3, "k"), (1e6, "M")):
        if number < 99.95 * unit:
            return f"{number / unit:.1f}{letter}"
        if number < 999.5 * unit:
            return f"{number / unit:.0f}{letter}"
    return f"{number:.0e}"


def per_cent(part: float | None) -> str:
    """Return `0%`, `84%`."""
    return NOTHING if part is None else f"{part:.0%}"


def both(histogram: Histogram) -> str:
    """Return the median and the 99th percentile, for a sentence. Empty: no observations."""
    half, most = histogram.quantile(0.5), histogram.quantile(0.99)
    if half is None and most is None:
        return ""
    observed = f" ({whole(total)} observed)" if (total := histogram.total) else ""
    return f"p50 {latency(half)}, p99 {latency(most)}{observed}"
