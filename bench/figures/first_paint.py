"""From the command line to a first screen on which all counts are right."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.bare import PAINTED
from bench.figures.figure import Pace, Spent, interleaved, spent_lines
from bench.figures.listing import ETCDCTL, Run, etcdctl_get
from bench.place import LONG, UNSWEPT, Place
from bench.processes import cpu_seconds
from bench.results import Line
from bench.screen import Frames, bare, complete, shows

BARE = "bare Textual app"
MOST = {10_000: 2.3}
MOST_OF_OTHERS = 2.5
"""As a multiple of what its peers take together."""


class FirstPaint:
    name: ClassVar = "first-paint"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with tempfile.TemporaryDirectory() as folder:
            runs: dict[str, Run] = {
                "ours": partial(first_paint, place, *UNSWEPT),
                BARE: _bare,
                ETCDCTL: partial(etcdctl_get, place, Path(folder, "got")),
            }
            spent = interleaved(pace.runs, runs)
        most = MOST.get(place.size, MOST_OF_OTHERS)
        what = "command line to complete first paint"
        yield from spent_lines(self.name, what, place.size, spent, (BARE, ETCDCTL), most)


def first_paint(place: Place, *flags: str) -> Spent:
    """Open a dashboard with these flags until it shows all counts."""
    start = time.monotonic()
    with place.dashboard(*flags, tab=None) as dashboard:
        painted = Frames(dashboard).when(complete(place.load), "all counts", LONG)
        return Spent(painted - start, cpu_seconds(dashboard.process.pid))


def _bare() -> Spent:
    start = time.monotonic()
    with bare() as app:
        painted = Frames(app).when(shows(PAINTED), PAINTED)
        return Spent(painted - start, cpu_seconds(app.process.pid))
