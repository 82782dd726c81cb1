"""What is known of every process that is scraped: its last figures, and a short history. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from backends.metrics.flow import Figures, Flow, Place, figures, total
from backends.metrics.names import Expected, Kind, kinds_of, not_found
from backends.metrics.scrape import Scrape
from backends.metrics.scraper import Answer
from backends.metrics.targets import Target

MOST_POINTS = 60
"""Scrapes that a history has."""
MOST_HISTORIES = 5_000
"""Of models and endpoints at all processes together: names come from whoever answers."""
LONGEST_GAP = 30.0
"""Seconds. Two scrapes that are further apart say nothing of now."""


@dataclass(frozen=True)
class Known:
    """What is known of one process."""

    target: Target
    scraped_at: float | None = None
    """When it answered last, in POSIX seconds. None: it never did."""
    trouble: str = ""
    """Why the last scrape failed. Empty: it did not."""
    failing_since: float | None = None
    """When the first of the scrapes failed that have failed without one that did not."""
    served: frozenset[str] | None = None
    kinds: frozenset[Kind] = frozenset()
    missing: tuple[Expected, ...] = ()
    """What is to be expected of it, and was not found."""
    figures: Figures = field(default_factory=Figures)
    """Empty while it fails."""
    cut: bool = False
    """Whether it told more than dyntop keeps."""

    @property
    def is_frontend(self) -> bool:
        return Kind.FRONTEND in self.kinds


History = Sequence[float | None]
"""A rate a second, one for each scrape, the newest last. None: it was not known."""


class Board:
    """Keeps what answers say, and forgets what is not scraped any more."""

    def __init__(self) -> None:
        self.known: dict[Target, Known] = {}
        """In the order in which they were scraped."""
        self._scrapes: dict[Target, Scrape] = {}
        self._histories: dict[tuple[Target, str | Place], deque[float | None]] = {}

    def take(self, answers: Iterable[Answer]) -> None:
        """What a round of scrapes found; others than these are forgotten."""
        answers = list(answers)
        self.known = {answer.target: self._known(answer) for answer in answers}
        self._scrapes = {
            target: scrape for target, scrape in self._scrapes.items() if target in self.known
        }
        self._remember()

    def models(self) -> dict[str, dict[Target, Flow]]:
        """By model, as frontends name it, what each frontend tells of it."""
        found: dict[str, dict[Target, Flow]] = {}
        for target, known in self.known.items():
            for model, flow in known.figures.models.items():
                found.setdefault(model, {})[target] = flow
        return found

    def history(self, target: Target, of: str | Place) -> History:
        """Output tokens a second of a model at a frontend, or requests a second of an endpoint."""
        return tuple(self._histories.get((target, of), ()))

    def _known(self, answer: Answer) -> Known:
        before = self.known.get(answer.target, Known(answer.target))
        scrape = answer.scrape
        if scrape is None:
            since = before.failing_since if before.trouble else None
            return Known(
                answer.target,
                before.scraped_at,
                answer.trouble,
                answer.at if since is None else since,
                kinds=before.kinds,
            )
        earlier = self._scrapes.get(answer.target)
        if earlier is not None and not 0 < scrape.at - earlier.at <= LONGEST_GAP:
            earlier = None
        self._scrapes[answer.target] = scrape
        return Known(
            answer.target,
            answer.at,
            served=answer.served,
            kinds=kinds_of(scrape.found),
            missing=tuple(not_found(scrape.found)),
            figures=figures(earlier, scrape),
            cut=scrape.cut,
        )

    def _remember(self) -> None:
        now: dict[tuple[Target, str | Place], float | None] = {}
        for target, known in self.known.items():
            for model, flow in known.figures.models.items():
                now[target, model] = flow.token_rate
            for place, flow in known.figures.places.items():
                now[target, place] = flow.request_rate
        # A process that fails for a while keeps its past, as long as anything of it can be seen.
        past = (
            key
            for key, points in self._histories.items()
            if key[0] in self.known and any(point is not None for point in points)
        )
        wanted = islice(dict.fromkeys([*now, *past]), MOST_HISTORIES)
        kept: dict[tuple[Target, str | Place], deque[float | None]] = {
            key: self._histories.get(key, deque(maxlen=MOST_POINTS)) for key in wanted
        }
        for key, points in kept.items():
            points.append(now.get(key))
        self._histories = kept


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


def of_all(flows: Mapping[Target, Flow]) -> Flow:
    """Of a model, at all its frontends together."""
    return total(flows.values())
