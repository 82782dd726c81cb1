"""What one change costs the dashboard in CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

from bench.figures.figure import Pace
from bench.load import Instance
from bench.marks import mark
from bench.place import LONG, UNSWEPT, Place, opened
from bench.processes import cpu_seconds
from bench.results import Line, Unit
from bench.screen import Frames, shows
from bench.writing import Put, paced

RATE = 20.0
"""Changes a second: slow enough that each is drawn by itself."""
ROWS = 20
"""Of those on the screen, how many move, one after the other."""
CALM = 0.1
"""Of a core, that it takes at most once its first screen's work is done."""

MOVED = "CPU of one instance on the screen that moves"
RESTARTED = "CPU of one worker whose 4 records go and come"


class Change:
    name: ClassVar = "change"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        rows = place.instances()[:ROWS]
        acts: dict[str, Callable[[int], None]] = {
            MOVED: partial(_move, place, rows),
            RESTARTED: partial(_restart, place),
        }
        costs: dict[str, list[float]] = {what: [] for what in acts}
        for _ in range(pace.runs):
            with opened(place, *UNSWEPT) as (dashboard, frames):
                pid = dashboard.process.pid
                _wait_until_calm(pid)
                idle = _cpu_share(pid, pace.changes / RATE)
                for what, act in acts.items():
                    start, before = time.monotonic(), cpu_seconds(pid)
                    for number in paced(RATE, pace.changes):
                        act(number)
                    _wait_until_caught_up(place, rows[0], frames)
                    took = cpu_seconds(pid) - before - idle * (time.monotonic() - start)
                    costs[what].append(took / pace.changes * 1000)
        for what, values in costs.items():
            yield Line(self.name, what, place.size, Unit.MILLISECONDS, tuple(values))


def _move(place: Place, rows: Sequence[Instance], number: int) -> None:
    row = rows[number % len(rows)]
    place.writer.put(place.move(row, mark(place.number_of_change())))


def _restart(place: Place, number: int) -> None:
    # Workers from here and there.
    worker = number * 7919 % place.load.workers
    lease = place.leases[worker]
    records = list(place.load.records_of(worker, lease))
    place.writer.delete_all(key for key, _ in records)
    place.writer.put_all(Put(key, value, lease) for key, value in records)


def _wait_until_calm(pid: int) -> None:
    until = time.monotonic() + LONG
    while _cpu_share(pid, 1.0) > CALM:
        assert time.monotonic() < until, "it never comes to rest"


def _wait_until_caught_up(place: Place, first: Instance, frames: Frames) -> None:
    last = mark(place.number_of_change())
    place.writer.put(place.move(first, last))
    frames.when(shows(last), "the last change", LONG)


def _cpu_share(pid: int, seconds: float) -> float:
    """CPU seconds in a second, over so many."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds
