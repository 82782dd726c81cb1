"""Frontends' reports from the latest scrapes, as plain values for `liveness.serving`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from backends.liveness.frontends import FailureCount, FrontendReport
from backends.metrics.catalogue import UNKNOWN_MODEL, MetricOwner
from backends.metrics.latest import LONGEST_GAP, LatestMetrics, ScrapedProcess


def reports(latest: LatestMetrics, now: float) -> Iterator[FrontendReport]:
    """Yield a report for each given target that is a frontend, or fails and may be one.

    Results older than `LONGEST_GAP` prove nothing about `now` (POSIX seconds). A server that a card
    reveals is never taken for a frontend, whatever it reports.
    """
    for known in latest.known.values():
        if not known.target.given:
            continue
        if known.trouble:
            if MetricOwner.FRONTEND in known.kinds or not known.kinds:
                yield _failing(known, now)
        elif MetricOwner.FRONTEND in known.kinds and _is_new(known, now):
            yield _report(known, known.scraped_at or now)


def _is_new(known: ScrapedProcess, now: float) -> bool:
    return known.answers and now - (known.scraped_at or 0.0) <= LONGEST_GAP


def _failing(known: ScrapedProcess, now: float) -> FrontendReport:
    return FrontendReport(
        str(known.target),
        known.failing_since or now,
        trouble=known.trouble,
        was_seen=MetricOwner.FRONTEND in known.kinds,
    )


def _report(known: ScrapedProcess, at: float) -> FrontendReport:
    failures = known.figures.failures
    return FrontendReport(
        str(known.target),
        at,
        known.served,
        known.served_cut,
        known.figures.ready,
        known.models - {UNKNOWN_MODEL},
        known.since,
        known.first_at,
        failures=tuple(FailureCount(one.reason, one.number, one.rate) for one in failures),
    )
