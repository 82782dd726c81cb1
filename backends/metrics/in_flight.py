"""The requests of a drained worker, from its own metrics: shows when it can be stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

import msgspec

from backends.aio.poll_while_shown import PollWhileShown
from backends.aio.timer import LOOP, Timer
from backends.liveness.workers import Worker
from backends.metrics.rates import MOST_NAMES_OF_REVEALED, figures
from backends.metrics.scrape_targets import CardTargetFinder, ScrapeTarget
from backends.metrics.scraper import ScrapeResult, Scrapes

INTERVAL = 2.0
"""Seconds between two checks."""
CONFIRMATIONS = 2
"""Checks in a row without a request before a worker counts as idle: a router may have chosen it a
moment before its instance was removed.
"""
MOST_GIVEN = 32
"""Processes from the settings that are checked for the worker."""


class InFlight(msgspec.Struct, frozen=True):
    """A worker's requests, by its metrics."""

    requests: int
    """In flight, and queued."""
    at: float
    """When it was measured, in POSIX seconds."""
    idle_looks: int
    """Checks in a row that found none, this one included."""

    @property
    def is_idle(self) -> bool:
        """Return whether it can be stopped without losing a request."""
        return self.idle_looks >= CONFIRMATIONS


class DrainWatch:
    """Checks one worker's requests repeatedly."""

    def __init__(
        self, scrapes: Scrapes, timer: Timer = LOOP, *, interval: float = INTERVAL
    ) -> None:
        self._scrapes = scrapes
        self._interval = interval
        self._revealing = CardTargetFinder(here=scrapes.here)
        self._worker: Worker | None = None
        self._found: InFlight | None = None
        self._mute: set[ScrapeTarget] = set()
        """Targets that answered but have no metrics of this worker."""
        self._on_found: Callable[[], None] = lambda: None
        self._polling = PollWhileShown(self._round, lambda: self._interval, timer)

    def watch(self, worker: Worker | None) -> None:
        """Check this worker from now on. None: check none."""
        before = None if self._worker is None else self._worker.id
        self._worker = worker
        if worker is None or worker.id != before:
            self._found = None
            self._mute.clear()
        self._polling.look(worker is not None)

    def of(self, worker: int) -> InFlight | None:
        """Return the last result for a worker (u64). None: there is none, or it is not the watched
        one.
        """
        is_it = self._worker is not None and self._worker.id == worker
        return self._found if is_it else None

    async def run(self, on_found: Callable[[], None]) -> None:
        """Check without end; `on_found` is called after each check with a result."""
        self._on_found = on_found
        await self._polling.run()

    def can_look(self, worker: Worker) -> bool:
        """Return whether any known process may have metrics of this worker."""
        own, others = self._targets(worker)
        return bool(own or others)

    async def look(self, worker: Worker) -> InFlight | None:
        """Check once. None: no metrics name this worker."""
        self.watch(worker)
        await self._round()
        return self._found

    async def _round(self) -> None:
        worker = self._worker
        if worker is None:
            return
        own, others = self._targets(worker)
        answers = await asyncio.gather(
            *(self._scrapes.ask(one, proven=False) for one in [*own, *others])
        )
        if self._worker is None or self._worker.id != worker.id:
            return
        requests = _requests_of(answers, _ids(worker), {one.base for one in own})
        naming = {
            one.target for one in answers if _requests_of([one], _ids(worker), ()) is not None
        }
        self._mute |= {one.target for one in answers if one.scrape is not None} - naming - set(own)
        if requests is None:
            self._found = None
            return
        looks = 0 if requests else 1 + (0 if self._found is None else self._found.idle_looks)
        self._found = InFlight(requests, max(one.at for one in answers), looks)
        self._on_found()

    def _targets(self, worker: Worker) -> tuple[list[ScrapeTarget], list[ScrapeTarget]]:
        """Return the server that the worker's cards reveal, and the targets from the settings."""
        given = {one.base: one for one in self._scrapes.given}
        cards = worker.cards if self._scrapes.reveals else ()
        # The settings may have the credentials for it.
        own = [given.get(one.base, one) for one in self._revealing.of(cards).cards]
        others = [one for one in given.values() if one not in own and one not in self._mute]
        return own, others[:MOST_GIVEN]


def _requests_of(
    answers: Iterable[ScrapeResult], workers: Collection[int], bases: Collection[str]
) -> int | None:
    """Return the requests of a worker with these ids (u64). None: no answer has any.

    From Dynamo 1.2 on metrics name the worker. Metrics without a name count if their URL is one of
    `bases`, the worker's own.
    """
    found: int | None = None
    for answer in answers:
        if answer.scrape is None:
            continue
        for labels, rates in figures(None, answer.scrape, MOST_NAMES_OF_REVEALED).endpoints.items():
            named = _number(labels.worker_id)
            is_own = answer.target.base in bases if named is None else named in workers
            if is_own and rates.in_flight is not None:
                found = (found or 0) + round(rates.in_flight + (rates.queued or 0.0))
    return found


def _ids(worker: Worker) -> set[int]:
    """Return the ids that metrics may name a worker by: its lease, and those in its keys."""
    numbers = [
        *(one.id.instance_id for one in worker.instances),
        *(one.id.instance_id for one in worker.cards),
    ]
    return {worker.id, *(one for one in numbers if one is not None)}


def _number(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None
