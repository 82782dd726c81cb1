"""Make lines of what was scraped, one a round. Pure."""

from __future__ import annotations

from backends.metrics.figure_series import measured
from backends.metrics.hour import FigureRow, SeriesKey, figure_rows
from backends.metrics.overview import Overview
from backends.recording.lines import FigureReading, MetricsLine


class FigureLines:
    """Makes a line of each overview that has something new."""

    def __init__(self) -> None:
        self._written: dict[SeriesKey, float] = {}
        """When the last reading of each row was scraped."""
        self._silent: tuple[str, ...] = ()

    def line(self, overview: Overview, at: float) -> MetricsLine | None:
        """Return the line of an overview. None: nothing was scraped since the last, and the same
        servers are silent."""
        rows = list(figure_rows(overview))
        new = [row for row in rows if self._written.get(row.key) != row.at]
        silent = tuple(sorted(str(one.target) for one in overview.silent))
        if not new and silent == self._silent:
            return None
        self._written = {row.key: row.at for row in rows}
        self._silent = silent
        return MetricsLine(at=at, rows=tuple(map(_reading, new)), silent=silent)


def _reading(row: FigureRow) -> FigureReading:
    known = {} if row.restarted else dict(measured(row.rates))
    return FigureReading(
        of=row.key,
        at=row.at,
        seconds=row.rates.seconds,
        figures={measure.value: abs(value) for measure, value in known.items()},
        over=tuple(measure.value for measure, value in known.items() if value < 0),
        restarted=row.restarted,
    )
