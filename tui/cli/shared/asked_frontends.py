"""Ask the frontends of `--metrics` and the like, for commands that look once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from backends.liveness.frontends import FrontendReport, ModelReport, ModelReports
from backends.metrics.scrape_targets import ScrapeTarget
from tui.cli.shared.reading import Clock
from tui.config.settings import Settings
from tui.runtime.standard_streams import print_message
from tui.text.serving import frontend_sentence, meaning_of_failure, unasked
from tui.text.timestamps import utc_stamp

if TYPE_CHECKING:
    from backends.metrics.scraper import ScrapeResult

FRONTEND = "frontend"
"""The `evidence_kind` of a frontend's report."""
AGAIN = 2.0
"""Seconds until each is asked again by a command that waits."""
MOST_UNASKED = 20
"""Addresses that do not answer that are named."""
LONGEST = 10.0
"""Seconds that frontends are waited for, all of them together."""


async def asked_frontends(
    settings: Settings, clock: Clock, *, longest: float = LONGEST
) -> list[FrontendReport]:
    """Ask each chosen process once. Without any there is no report, and nothing is opened. A
    process that is no frontend has none either; one that does not answer reports nothing."""
    if not settings.metrics:
        return []
    # A command that asks nobody need not wait for these.
    from backends.metrics.latest import LatestMetrics
    from backends.metrics.reports import reports
    from backends.metrics.scraper import Scraper, ScrapeResult

    board = LatestMetrics()
    board.keep(settings.metrics, clock())
    scraper = Scraper(settings.metrics, reveals=False, here=True, clock=clock)
    asked = {asyncio.create_task(scraper.ask(one)): one for one in settings.metrics}
    try:
        done, late = await asyncio.wait(asked, timeout=longest)
        board.take(_result(one, asked[one], clock) for one in done)
        board.take(
            ScrapeResult(asked[one], clock(), trouble=f"does not answer within {longest:g} s")
            for one in late
        )
        for one in late:
            one.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*late, return_exceptions=True)
    finally:
        await scraper.aclose()
    return list(reports(board, clock()))


class FollowedFrontends:
    """Asks the chosen processes repeatedly, for a command that waits.

    Reports keep the time since when they hold, and a frontend stays known as one when it stops
    answering.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        # A command that asks nobody need not wait for these.
        from backends.metrics.poller import MetricsPoller
        from backends.metrics.scraper import Scraper

        self._clock = clock
        self._scraper = Scraper(settings.metrics, reveals=False, here=True, clock=clock)
        self._poller = MetricsPoller(self._scraper, tuple, interval=AGAIN)

    async def run(self, on_result: Callable[[], None]) -> None:
        """Ask without end; `on_result` is called on news. Closes its connections at the end."""
        self._poller.look(True, at_all=False)
        try:
            await self._poller.run(on_result)
        finally:
            await self._scraper.aclose()

    async def look(self, *, longest: float = LONGEST) -> None:
        """Ask each of them now, and wait for the answers, `longest` seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._poller.round()

    def reports(self) -> list[FrontendReport]:
        """Return the last reports that are still current."""
        from backends.metrics.reports import reports

        return list(reports(self._poller.latest, self._clock()))


def warn_unasked(reports: Sequence[FrontendReport]) -> None:
    """Say which frontends, and which addresses that may be some, do not answer."""
    sentences = unasked(reports)
    for sentence in sentences[:MOST_UNASKED]:
        print_message(sentence)
    if len(sentences) > MOST_UNASKED:
        print_message(f"{len(sentences):,} addresses of --metrics in all that could not be asked")


def _result(task: asyncio.Task[ScrapeResult], target: ScrapeTarget, clock: Clock) -> ScrapeResult:
    error = task.exception()
    if error is None:
        return task.result()
    from backends.metrics.scraper import ScrapeResult

    logging.getLogger(__name__).error("a frontend could not be asked", exc_info=error)
    why = f"cannot be asked, by an error in dyntop itself ({type(error).__name__})"
    return ScrapeResult(target, clock(), trouble=why)


def frontends_json(model: ModelReports | None) -> list[dict[str, object]] | None:
    """Return each frontend's report of a model, for JSON. None: none was asked."""
    return None if model is None else [_report_json(one) for one in model.reports]


def denials_json(model: ModelReports, reports: Iterable[FrontendReport]) -> list[dict[str, object]]:
    """Return the reports of the frontends that do not serve a model, as evidence in JSON."""
    asked_at = {report.name: report.at for report in reports}
    return [
        {
            "evidence_kind": FRONTEND,
            "at": utc_stamp(asked_at[one.frontend]),
            **_report_json(one),
        }
        for one in model.denied_by
    ]


def _report_json(report: ModelReport) -> dict[str, object]:
    return {
        "frontend": report.frontend,
        "says": report.status.value,
        "since": report.since,
        "since_or_longer": report.or_longer if report.since is not None else None,
        "looks_at": list(report.looks_at),
        "text": frontend_sentence(report),
    }


def silent_json(reports: Iterable[FrontendReport]) -> list[dict[str, object]]:
    """Return the addresses that do not answer and were never seen to be a frontend, and why."""
    return [
        {"address": report.name, "why": f"it {report.trouble}"}
        for report in reports
        if not report.was_seen
    ]


def failures_json(reports: tuple[FrontendReport, ...]) -> list[dict[str, object]]:
    """Return the failures and refusals of frontends, by reason, of all models together."""
    return [
        {
            "frontend": report.name,
            "reason": one.reason,
            "meaning": meaning_of_failure(one.reason).strip(" ()") or None,
            "number": one.number,
            "rate": one.rate,
        }
        for report in reports
        for one in report.failures
    ]
