"""The last hour of all models, frontends and workers, as far as they were asked. Pure.

A series is of a row as the overview had it, so that it has the same figures: quantiles over
several frontends cannot be computed from those of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from backends.metrics.figure_series import LONGEST, FigureSeries
from backends.metrics.latest import ScrapedProcess
from backends.metrics.overview import AtWorker, Overview
from backends.metrics.rates import Rates

MOST_TIMELINES = 400
"""Models, frontends and workers of which an hour is kept: some 30 KB each."""

SeriesKey = tuple[str, ...]
"""Names a model, a frontend of a model, or a worker."""


def key_of_model(name: str) -> SeriesKey:
    """Return the key of a model, by its served name."""
    return ("model", name)


def key_of_frontend(model: str, known: ScrapedProcess) -> SeriesKey:
    """Return the key of a model at one frontend."""
    return ("frontend", model, str(known.target))


def key_of_worker(worker: int | None, known: ScrapedProcess | None) -> SeriesKey:
    """Return the key of a worker by its id, or by its server if that is not known."""
    if worker is not None:
        return ("worker", f"{worker:x}")
    return ("server", "" if known is None else str(known.target))


class MetricsHour:
    """Keeps a series of each row, of models and frontends first. Rows that came last have none
    if there are too many."""

    def __init__(self, most: int = MOST_TIMELINES) -> None:
        """`most`: the series that are kept."""
        self._most = most
        self._kept: dict[SeriesKey, _Kept] = {}
        self.version = 0
        """Rises with each overview that was taken in."""
        self.newest = 0.0
        """When the last of all samples ended, in POSIX seconds."""

    def take(self, overview: Overview) -> None:
        """Take in an overview. What was scraped no later than the last one adds nothing."""
        self.take_rows(figure_rows(overview))

    def take_rows(self, rows: Iterable[FigureRow]) -> None:
        """Take in the rows of an overview, as `take`."""
        newest = 0.0  # of this overview: the clock may have been set
        for row in rows:
            newest = max(newest, row.at)
            kept = self._kept.get(row.key)
            if kept is None:
                if len(self._kept) >= self._most or row.rates.seconds is None:
                    continue
                kept = self._kept[row.key] = _Kept(sources=row.sources)
            if row.restarted:
                kept.series.add_unknown(row.at)
            else:
                kept.series.add(row.rates, row.at, joined=row.sources == kept.sources)
            kept.sources = row.sources
        self.newest = newest or self.newest
        self._forget(self.newest - LONGEST)
        self.version += 1

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self.newest = 0.0
        self.version += 1

    def trim(self, now: float) -> None:
        """Forget all samples that are older than the hour before a time in POSIX seconds."""
        for kept in self._kept.values():
            kept.series.trim(now - LONGEST)
        self._forget(now - LONGEST)

    def of(self, key: SeriesKey) -> FigureSeries | None:
        """Return the series of a row. None: nothing of it is kept."""
        kept = self._kept.get(key)
        return None if kept is None else kept.series

    @property
    def is_full(self) -> bool:
        """Return whether a further row would have no series."""
        return len(self._kept) >= self._most

    def _forget(self, before: float) -> None:
        for key, kept in [*self._kept.items()]:
            if not kept.series.at or kept.series.at[-1] < before:
                del self._kept[key]


class _Kept(msgspec.Struct):
    series: FigureSeries = msgspec.field(default_factory=FigureSeries)
    sources: frozenset[str] = frozenset()
    """The processes that the last sample is of."""


class FigureRow(NamedTuple):
    """What was measured of a model, a frontend or a worker."""

    key: SeriesKey
    rates: Rates
    at: float
    """When the last of its processes was scraped."""
    sources: frozenset[str]
    """The processes whose coming and going breaks a line."""
    restarted: bool


def _row(key: SeriesKey, rates: Rates, processes: Sequence[ScrapedProcess]) -> FigureRow:
    return FigureRow(
        key,
        rates,
        max(one.scraped_at or 0.0 for one in processes),
        frozenset(str(one.target) for one in processes),
        any(one.figures.restarted for one in processes),
    )


def figure_rows(overview: Overview) -> Iterator[FigureRow]:
    """Yield all rows that are of scraped processes, the most telling first."""
    for model in overview.models:
        if model.frontends:
            frontends = [one.known for one in model.frontends]
            yield _row(key_of_model(model.name), model.rates, frontends)
        elif workers := [known for one in model.workers if (known := _answering(one))]:
            # Of many workers together single ones come, go and restart: that breaks no line.
            row = _row(key_of_model(model.name), model.rates, workers)
            yield row._replace(sources=frozenset(), restarted=False)
    for model in overview.models:
        # Of a single one they are the model's own.
        for one in model.frontends if len(model.frontends) > 1 else ():
            yield _row(key_of_frontend(model.name, one.known), one.rates, [one.known])
    found: dict[SeriesKey, FigureRow] = {}
    for worker in _workers(overview):
        if (server := _answering(worker)) is not None:
            key = key_of_worker(worker.id, server)
            found[key] = _row(key, worker.rates, [server])
    yield from found.values()


def _answering(worker: AtWorker) -> ScrapedProcess | None:
    """Return a worker's own server. None: it has none that answers."""
    return worker.known if worker.known is not None and worker.known.answers else None


def _workers(overview: Overview) -> Iterable[AtWorker]:
    """Yield workers once for each model that they serve."""
    for model in overview.models:
        yield from model.workers
    yield from overview.loose
