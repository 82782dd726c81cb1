"""Make lines of what was scraped, one a round, and read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum, unique

from backends.metrics.figure_series import Measure, measured
from backends.metrics.histogram import NONE, Histogram, KnownQuantiles, Quantile
from backends.metrics.hour import FigureRow, SeriesKey, figure_rows
from backends.metrics.latest import ScrapedProcess
from backends.metrics.overview import Overview
from backends.metrics.rates import Rates
from backends.metrics.scrape_targets import ScrapeTarget
from backends.recording.lines import FigureReading, MetricsLine, SilentServer
from backends.timeline import FiguresRead

MOST_ROWS = 10_000
"""Rows of a line that are read."""
LONGEST_NAME = 1_000
"""Characters of a name in a row that is read: as of names that are scraped."""
LARGEST = 2.0**64
"""Figures are below it: as those that are scraped."""

_NAMED = {"model": 2, "frontend": 3, "worker": 2, "server": 2}
"""How many parts the names of rows have, by the first."""


@unique
class Gauge(StrEnum):
    """A figure of the moment at which it was scraped."""

    IN_FLIGHT = "in-flight"
    QUEUED = "queued"
    KV_USE = "kv-use"
    """0 to 1, the mean of several caches."""


class FigureLines:
    """Makes a line of each overview that has something new."""

    def __init__(self) -> None:
        self._written: dict[SeriesKey, FigureReading] = {}
        """The last reading of each row."""
        self._silent: tuple[SilentServer, ...] = ()

    def line(self, overview: Overview, at: float) -> MetricsLine | None:
        """Return the line of an overview. None: nothing was scraped since the last, and the same
        servers are silent."""
        rows = {row.key: row for row in figure_rows(overview)}
        silent = _silent(overview)
        new = [row for row in rows.values() if self._is_new(row)]
        gone = tuple(key for key in self._written if key not in rows)
        if not new and not gone and _named(silent) == _named(self._silent):
            return None
        readings = {row.key: _reading(row) for row in new}
        self._written = {key: readings.get(key) or self._written[key] for key in rows}
        self._silent = silent
        return MetricsLine(at=at, rows=tuple(readings.values()), silent=silent, gone=gone)

    def all(self, at: float) -> MetricsLine:
        """Return a line of all that was written so far, as it is still."""
        rows = tuple(self._written.values())
        return MetricsLine(at=at, rows=rows, silent=self._silent, whole=True)

    def _is_new(self, row: FigureRow) -> bool:
        written = self._written.get(row.key)
        return written is None or written.at != row.at


def figures_of(line: MetricsLine) -> FiguresRead:
    """Return what a line says, as far as it can be so."""
    rows = (_row(one) for one in line.rows[:MOST_ROWS] if _is_name(one.of))
    silent = (one for one in line.silent if isinstance(one, SilentServer))
    return FiguresRead(
        at=line.at,
        rows=tuple(rows),
        silent=tuple(map(_process, silent)),
        models_of={
            one.server: tuple(filter(_is_short, one.models))
            for one in line.silent
            if isinstance(one, SilentServer) and one.models
        },
        gone=line.gone,
        is_all=line.whole,
    )


def _silent(overview: Overview) -> tuple[SilentServer, ...]:
    models: dict[str, list[str]] = {}
    for model in overview.models:
        for known in model.missing:
            models.setdefault(str(known.target), []).append(model.name)
    found = (
        SilentServer(
            server=(server := str(one.target)),
            why=one.trouble,
            unasked=one.unasked,
            since=one.failing_since,
            answered=one.answered_at,
            models=tuple(models.get(server, ())),
        )
        for one in overview.silent
    )
    return tuple(sorted(found, key=lambda one: one.server))


def _named(silent: Iterable[SilentServer]) -> list[tuple[object, ...]]:
    """Return what is new if it differs: one without figures of Dynamo answers in each round."""
    return [(one.server, one.why, one.since, one.models) for one in silent]


def _reading(row: FigureRow) -> FigureReading:
    known = {} if row.restarted else dict(measured(row.rates))
    gauges = {
        Gauge.IN_FLIGHT: row.rates.in_flight,
        Gauge.QUEUED: row.rates.queued,
        Gauge.KV_USE: row.rates.mean_kv_use,
    }
    figures: dict[str, float] = {measure.value: abs(value) for measure, value in known.items()}
    figures |= {gauge.value: value for gauge, value in gauges.items() if value is not None}
    return FigureReading(
        of=row.key,
        at=row.at,
        seconds=row.rates.seconds,
        figures=figures,
        over=tuple(measure.value for measure, value in known.items() if value < 0),
        restarted=row.restarted,
        servers=tuple(sorted(row.sources - {row.key[-1]})),
    )


def _row(reading: FigureReading) -> FigureRow:
    key, seconds = reading.of, reading.seconds
    rates = _rates(reading, seconds if seconds is not None and 0 < seconds < LARGEST else None)
    servers = frozenset(filter(_is_short, reading.servers))
    if key[0] in ("frontend", "server"):
        servers |= {key[-1]}
    return FigureRow(key, rates, reading.at, servers, reading.restarted)


def _rates(reading: FigureReading, seconds: float | None) -> Rates:
    figures = {name: one for name, one in reading.figures.items() if 0 <= one < LARGEST}

    def quantiles(half: Measure, most: Measure) -> Histogram:
        found = [
            None if (value := figures.get(one)) is None else Quantile(value, one in reading.over)
            for one in (half, most)
        ]
        return KnownQuantiles(half=found[0], most=found[1]) if any(found) else NONE

    kv_use = figures.get(Gauge.KV_USE)
    return Rates(
        figures.get(Measure.REQUESTS),
        figures.get(Measure.TOKENS),
        quantiles(Measure.FIRST_TOKEN_50, Measure.FIRST_TOKEN_99),
        quantiles(Measure.FIRST_RESPONSE_50, Measure.FIRST_RESPONSE_99),
        quantiles(Measure.BETWEEN_TOKENS_50, Measure.BETWEEN_TOKENS_99),
        figures.get(Gauge.IN_FLIGHT),
        figures.get(Gauge.QUEUED),
        () if kv_use is None or kv_use > 1 else (kv_use,),
        seconds,
        error_rate=figures.get(Measure.ERRORS),
    )


def _process(silent: SilentServer) -> ScrapedProcess:
    return ScrapedProcess(
        ScrapeTarget(base=silent.server[:LONGEST_NAME]),
        scraped_at=silent.answered,
        trouble=silent.why[:LONGEST_NAME],
        unasked=silent.unasked,
        failing_since=silent.since,
        answered_at=silent.answered,
    )


def times_in(line: MetricsLine) -> Iterator[float | None]:
    """Yield all times of a line."""
    yield line.at
    for row in line.rows:
        yield row.at
    for one in line.silent:
        if isinstance(one, SilentServer):
            yield one.since
            yield one.answered


def _is_name(of: tuple[str, ...]) -> bool:
    return bool(of) and _NAMED.get(of[0]) == len(of) and all(map(_is_short, of))


def _is_short(name: str) -> bool:
    return len(name) <= LONGEST_NAME
