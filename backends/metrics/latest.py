"""The last results of all scraped processes. Pure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from backends.metrics.catalogue import Expected, MetricOwner, kinds_of, not_found
from backends.metrics.parse import MetricsScrape
from backends.metrics.rates import (
    MOST_NAMES,
    MOST_NAMES_OF_REVEALED,
    ProcessRates,
    figures,
)
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult

MOST_STATEMENTS = 4_000
"""Names for which the time of the last change at one frontend is kept: twice as many as it may
list.
"""
LONGEST_GAP = 30.0
"""Seconds. A scrape that is older is out of date, and two that are further apart give no rates."""


class ScrapedProcess(msgspec.Struct, frozen=True):
    """The last results of one scraped process."""

    target: ScrapeTarget
    scraped_at: float | None = None
    """When it last answered, in POSIX seconds. None: never."""
    trouble: str = ""
    """Why the last scrape failed. Empty: it did not, or there was none yet."""
    unasked: bool = False
    """Whether it was not asked at all, so that the failure proves nothing about it."""
    failing_since: float | None = None
    """When the current series of failures began."""
    served: frozenset[str] | None = None
    served_cut: bool = False
    """Whether it lists more served models than dyntop keeps."""
    kinds: frozenset[MetricOwner] = frozenset()
    missing: tuple[Expected, ...] = ()
    """Expected metrics that are missing."""
    figures: ProcessRates = msgspec.field(default_factory=ProcessRates)
    """Empty while it fails."""
    models: frozenset[str] = frozenset()
    """The models it reported on at its last answer, including those it only listed."""
    cut: bool = False
    """Whether it sent more than dyntop keeps."""
    first_at: float | None = None
    """When the current series of answers began, in POSIX seconds."""
    since: Mapping[str, float] = msgspec.field(default_factory=dict)
    """For each name, when it was added to or removed from its list, or became ready or not, if that
    was after `first_at`.
    """
    answered_at: float | None = None
    """When it last answered, also where that is too long ago to show anything else. None: never."""

    @property
    def answers(self) -> bool:
        """Return whether the last scrape succeeded."""
        return self.scraped_at is not None and not self.trouble


class _Statement(NamedTuple):
    """A frontend's last report on a name."""

    listed: bool
    ready: bool | None
    since: float | None
    """When that began, in POSIX seconds. None: at the first scrape, or before."""


class LatestMetrics:
    """Keeps the last results, and drops targets that are no longer scraped."""

    def __init__(self) -> None:
        self.known: dict[ScrapeTarget, ScrapedProcess] = {}
        """All targets, in the order in which they were given, including those without a result."""
        self._scrapes: dict[ScrapeTarget, MetricsScrape] = {}
        self._statements: dict[ScrapeTarget, dict[str, _Statement]] = {}
        """For each target, its last report on each name since it answers."""

    def keep(self, targets: Iterable[ScrapeTarget], now: float) -> None:
        """Keep only these targets from `now` on (POSIX seconds), and drop results that are out of
        date.
        """
        kept = {one.target: one for one in self.known.values() if not _is_old(one, now)}
        self.known = {target: kept.get(target) or self._as_met(target) for target in targets}
        for target in [*self._scrapes]:
            if target not in kept or target not in self.known:
                del self._scrapes[target]
        for target in [*self._statements]:
            if target not in kept or target not in self.known:
                del self._statements[target]

    def _as_met(self, target: ScrapeTarget) -> ScrapedProcess:
        """Return a target without a result, as what it was when it last answered."""
        met = self.known.get(target)
        if met is None:
            return ScrapedProcess(target)
        return ScrapedProcess(target, kinds=met.kinds, answered_at=met.answered_at)

    def take(self, answers: Iterable[ScrapeResult]) -> None:
        """Take the results of scrapes. An answer that cannot be processed counts as a failure of
        its target.
        """
        for answer in answers:
            try:
                self._take(answer)
            except Exception as error:
                # A defect of dyntop, which must not hide the other results.
                logging.getLogger(__name__).exception("an answer could not be taken in")
                why = f"sends metrics that dyntop fails to process ({type(error).__name__})"
                self._take(ScrapeResult(answer.target, answer.at, trouble=why))

    def _take(self, answer: ScrapeResult) -> None:
        target, scrape = answer.target, answer.scrape
        before = self.known.get(target, ScrapedProcess(target))
        if scrape is None:
            self._statements.pop(target, None)
            since = before.failing_since if before.trouble else None
            known = ScrapedProcess(
                target,
                before.scraped_at,
                answer.trouble,
                answer.unasked,
                answer.at if since is None else since,
                kinds=before.kinds,
                models=before.models,
                answered_at=before.answered_at,
            )
        else:
            earlier = self._scrapes.get(target)
            if earlier is not None and not 0 < scrape.at - earlier.at <= LONGEST_GAP:
                earlier = None
            most = MOST_NAMES if target.given else MOST_NAMES_OF_REVEALED
            found = figures(earlier, scrape, most)
            first_at = before.first_at if before.answers else None
            known = ScrapedProcess(
                target,
                answer.at,
                served=answer.served,
                served_cut=answer.served_cut,
                kinds=kinds_of(scrape.found),
                missing=tuple(not_found(scrape.found)),
                figures=found,
                models=frozenset(found.models)
                | found.ready.keys()
                | (answer.served or frozenset()),
                cut=scrape.cut or found.cut,
                first_at=answer.at if first_at is None else first_at,
                since=self._since(target, answer, found.ready, is_first=first_at is None),
                answered_at=answer.at,
            )
            self._scrapes[target] = scrape
        self.known[target] = known

    def _since(
        self,
        target: ScrapeTarget,
        answer: ScrapeResult,
        ready: Mapping[str, bool],
        *,
        is_first: bool,
    ) -> dict[str, float]:
        """Return when the report on each name last changed, if it did."""
        statements = self._statements.setdefault(target, {})
        listed = answer.served
        # Without a list, a name that is missing from it is not known to be new.
        names = {*statements, *ready} if listed is None else {*statements, *ready, *listed}
        for name in names:
            before = statements.get(name)
            lists = before is not None and before.listed if listed is None else name in listed
            if before is None and len(statements) >= MOST_STATEMENTS:
                continue
            if before is None or (before.listed, before.ready) != (lists, ready.get(name)):
                statements[name] = _Statement(
                    lists, ready.get(name), None if is_first else answer.at
                )
        return {name: one.since for name, one in statements.items() if one.since is not None}


def _is_old(known: ScrapedProcess, now: float) -> bool:
    """Return whether its last answer is out of date."""
    return known.answers and now - (known.scraped_at or 0.0) > LONGEST_GAP
