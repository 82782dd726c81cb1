"""From the command line to a first screen on which all counts are right."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

from bench.bare import PAINTED
from bench.figures.figure import Pace, interleaved, peers, wall
from bench.figures.listing import ETCDCTL
from bench.place import LONG, UNSWEPT, Place
from bench.results import Line, Target, Unit
from bench.screen import Frames, bare, complete, shows

BARE = "bare Textual app"


class FirstPaint:
    name: ClassVar = "first-paint"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with tempfile.TemporaryDirectory() as folder:
            got = Path(folder, "got")
            runs = interleaved(
                pace.runs,
                {
                    "ours": partial(_dashboard, place),
                    BARE: _bare,
                    ETCDCTL: partial(wall, partial(place.etcdctl_get, got)),
                },
            )
        yield Line(
            self.name,
            "command line to complete first paint",
            place.size,
            Unit.SECONDS,
            runs["ours"],
            peers(runs, BARE, ETCDCTL),
            Target(2.5, (BARE, ETCDCTL)),
        )


def _dashboard(place: Place) -> float:
    start = time.monotonic()
    with place.dashboard(*UNSWEPT) as dashboard:
        return Frames(dashboard).when(complete(place.load), "all counts", LONG) - start


def _bare() -> float:
    start = time.monotonic()
    with bare() as app:
        painted = Frames(app).when(shows(PAINTED), PAINTED)
        return painted - start
