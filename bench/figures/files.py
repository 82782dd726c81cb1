"""What it costs to leave it open on a file store whose files are touched, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from bench.figures.figure import Pace
from bench.figures.first_paint import BARE
from bench.figures.idle import LARGEST, windows
from bench.load import Load
from bench.place import LONG, QUIET, Place
from bench.results import Line, Peer, Target, Unit
from bench.screen import Frames, bare, complete
from bench.touching import TOUCHED_AFTER, touched
from tests.support.dashboard import Dashboard

MOST = {100: 0.8, 1_000: 1.2}
"""Percent of a core, by the number of files."""
MOST_OF_MORE = 3.0


class Files:
    name: ClassVar = "files"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        if place.size > LARGEST:
            return
        # With a card for each instance, so many files as the place has instances.
        load = Load(place.size // 2)
        with touched(load) as root, _opened(root, load) as dashboard, bare() as app:
            cpu, _ = windows({"ours": dashboard, BARE: app}, pace)
        yield Line(
            self.name,
            f"file store, files touched each {TOUCHED_AFTER:.0f} s: CPU when nothing changes",
            place.size,
            Unit.PERCENT_OF_CORE,
            cpu["ours"],
            (Peer(BARE, cpu[BARE]),),
            Target(MOST.get(place.size, MOST_OF_MORE)),
        )


@contextmanager
def _opened(root: Path, load: Load) -> Iterator[Dashboard]:
    with Dashboard(root, *QUIET) as dashboard:
        Frames(dashboard).when(complete(load), "all counts", LONG)
        yield dashboard
        dashboard.process.kill()
