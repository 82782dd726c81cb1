"""What is known of every process that is scraped: its last figures, and a short history. Pure."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from backends.metrics.flow import (
    MOST_NAMES,
    MOST_NAMES_OF_REVEALED,
    Figures,
    Place,
    figures,
)
from backends.metrics.names import Expected, Kind, kinds_of, not_found
from backends.metrics.scrape import Scrape
from backends.metrics.scraper import Answer
from backends.metrics.targets import Target

MOST_POINTS = 60
"""Scrapes that a history has."""
MOST_HISTORIES = 5_000
"""Of models and endpoints at all processes together: names come from whoever answers."""
LONGEST_GAP = 30.0
"""Seconds. Two scrapes that are further apart say nothing of now, nor does one that is as old."""


@dataclass(frozen=True)
class Known:
    """What is known of one process."""

    target: Target
    scraped_at: float | None = None
    """When it answered last, in POSIX seconds. None: it never did."""
    trouble: str = ""
    """Why the last scrape failed. Empty: it did not, or there was none yet."""
    unasked: bool = False
    """Whether it was not asked then, so that nothing is known of it."""
    failing_since: float | None = None
    """When the first of the scrapes failed that have failed without one that did not."""
    served: frozenset[str] | None = None
    served_cut: bool = False
    """Whether it lists more as served than dyntop keeps."""
    kinds: frozenset[Kind] = frozenset()
    missing: tuple[Expected, ...] = ()
    """What is to be expected of it, and was not found."""
    figures: Figures = field(default_factory=Figures)
    """Empty while it fails."""
    models: frozenset[str] = frozenset()
    """Of which models it told when it answered last, be it only in its list."""
    cut: bool = False
    """Whether it told more than dyntop keeps."""

    @property
    def answers(self) -> bool:
        """Whether it answered the last time."""
        return self.scraped_at is not None and not self.trouble


History = Sequence[float | None]
"""A rate a second, one for each scrape, the newest last. None: it was not known."""

_Points = dict[str | Place, deque[float | None]]


class Board:
    """Keeps what answers say, and forgets what is not scraped any more."""

    def __init__(self) -> None:
        self.known: dict[Target, Known] = {}
        """Also those of which nothing is known yet, in the order in which they were named."""
        self._scrapes: dict[Target, Scrape] = {}
        self._histories: dict[Target, _Points] = {}

    def keep(self, targets: Iterable[Target], now: float) -> None:
        """These are scraped from `now` on (POSIX seconds); others are forgotten, and so is what is
        too old to be taken for how it is now."""
        kept = {one.target: one for one in self.known.values() if not _is_old(one, now)}
        self.known = {target: kept.get(target, Known(target)) for target in targets}
        for target in [*self._scrapes]:
            if target not in kept or target not in self.known:
                del self._scrapes[target]
        for target in [*self._histories]:
            if target not in kept or target not in self.known:
                del self._histories[target]

    def take(self, answers: Iterable[Answer]) -> None:
        """What scrapes found. An answer that nothing can be made of is a trouble of its target."""
        for answer in answers:
            try:
                self._take(answer)
            except Exception as error:
                # A defect of dyntop's, which must not keep others from being shown.
                logging.getLogger(__name__).exception("an answer could not be taken in")
                why = f"tells what dyntop fails at, by an error of its own ({type(error).__name__})"
                self._take(Answer(answer.target, answer.at, trouble=why))

    def history(self, target: Target, of: str | Place) -> History:
        """Output tokens a second of a model at a frontend, or requests a second of an endpoint."""
        return tuple(self._histories.get(target, {}).get(of, ()))

    def _take(self, answer: Answer) -> None:
        target, scrape = answer.target, answer.scrape
        before = self.known.get(target, Known(target))
        if scrape is None:
            since = before.failing_since if before.trouble else None
            known = Known(
                target,
                before.scraped_at,
                answer.trouble,
                answer.unasked,
                answer.at if since is None else since,
                kinds=before.kinds,
                models=before.models,
            )
        else:
            earlier = self._scrapes.get(target)
            if earlier is not None and not 0 < scrape.at - earlier.at <= LONGEST_GAP:
                earlier = None
                self._histories.pop(target, None)
            most = MOST_NAMES if target.given else MOST_NAMES_OF_REVEALED
            found = figures(earlier, scrape, most)
            known = Known(
                target,
                answer.at,
                served=answer.served,
                served_cut=answer.served_cut,
                kinds=kinds_of(scrape.found),
                missing=tuple(not_found(scrape.found)),
                figures=found,
                models=frozenset(found.models) | (answer.served or frozenset()),
                cut=scrape.cut or found.cut,
            )
            self._scrapes[target] = scrape
        self.known[target] = known
        self._remember(target, known.figures)

    def _remember(self, target: Target, figures: Figures) -> None:
        now: dict[str | Place, float | None] = {}
        for model, flow in figures.models.items():
            now[model] = flow.token_rate
        for place, flow in figures.places.items():
            now[place] = flow.request_rate
        past = self._histories.pop(target, {})
        # A process that fails for a while keeps its past, as long as anything of it can be seen.
        seen = (of for of, points in past.items() if any(point is not None for point in points))
        room = MOST_HISTORIES - sum(map(len, self._histories.values()))
        kept: _Points = {}
        for of in islice(dict.fromkeys([*now, *seen]), max(0, room)):
            kept[of] = past.get(of) or deque(maxlen=MOST_POINTS)
            kept[of].append(now.get(of))
        if kept:
            self._histories[target] = kept


def _is_old(known: Known, now: float) -> bool:
    """Whether it answered, and that is long ago."""
    return known.answers and now - (known.scraped_at or 0.0) > LONGEST_GAP


def together(histories: Iterable[History]) -> History:
    """The sum of several, from the newest back. Where none knows, nor does the sum."""
    found = [list(reversed(history)) for history in histories]
    longest = max(map(len, found), default=0)
    points: list[float | None] = []
    for index in range(longest):
        there = [one[index] for one in found if index < len(one)]
        known = [point for point in there if point is not None]
        points.append(sum(known) if known else None)
    return tuple(reversed(points))
