"""Everything restarts: thousands of records go, and come back under new ids."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from bench.figures.figure import Pace
from bench.load import Load
from bench.place import UNSWEPT, Place, opened
from bench.processes import in_own_process
from bench.results import Line, Target, Unit
from bench.screen import Lines, complete, shows_first
from bench.writing import Put, writer

RECORDS = 10_000
"""That restart; all, where there are fewer."""
RECORDS_OF_WORKER = 4
LONG = 180.0
"""Seconds after which the screen does not come right any more."""


class Restart:
    name: ClassVar = "restart"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        workers = min(RECORDS // RECORDS_OF_WORKER, place.load.workers)
        runs = []
        for _ in range(pace.runs):
            runs.append(_restart(place, workers))
            place.tidy()
        yield Line(
            self.name,
            f"{workers * RECORDS_OF_WORKER:,} records come under new ids: last put → exact screen",
            place.size,
            Unit.SECONDS,
            tuple(runs),
            target=Target(2.0),
        )


def replace_workers(endpoint: str, size: int, leases: list[int]) -> tuple[list[int], float]:
    """End the leases of the first workers of a load, and register these workers anew; their new
    leases, and when the last put was done (`time.monotonic`). For a process of its own."""
    load = Load(size)
    with writer(endpoint) as etcd:
        etcd.revoke(leases)
        new = etcd.grant(len(leases))
        etcd.put_all(
            Put(key, value, lease)
            for worker, lease in enumerate(new)
            for key, value in load.records_of(worker, lease)
        )
        return new, time.monotonic()


def _restart(place: Place, workers: int) -> float:
    with opened(place, *UNSWEPT) as (dashboard, frames):
        # What is gone would stand among what is there.
        dashboard.press("x")
        dashboard.wait_for("Hides ")
        before = place.leases[:workers]
        with in_own_process() as own:
            replacing = own.submit(replace_workers, place.etcd.endpoint, place.size, before)
            new, last_put = replacing.result()
        place.leases[:workers] = new
        all_counts, rows = complete(place.load), shows_first(place.rows())
        went = False

        def exact(lines: Lines) -> bool:
            nonlocal went
            # The first frames are those before anything went.
            went = went or not all_counts(lines)
            return went and all_counts(lines) and rows(lines)

        # It may be there before etcd has said that the last put is done.
        return max(0.0, frames.when(exact, "the new records", LONG) - last_put)
