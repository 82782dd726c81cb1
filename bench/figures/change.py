"""What one change costs the dashboard in CPU time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar

from bench.figures.figure import Pace
from bench.marks import mark
from bench.place import UNSWEPT, Place, opened
from bench.processes import cpu_seconds
from bench.results import Line, Unit
from bench.writing import Put, paced

RATE = 20.0
"""Changes a second: slow enough that each is drawn by itself."""
QUIET = 2.0
"""Seconds until a first screen's work is done."""

MOVED = "CPU of one instance that moves"
RESTARTED = "CPU of one worker whose 4 records go and come"


class Change:
    name: ClassVar = "change"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        acts: dict[str, Callable[[int], None]] = {
            MOVED: partial(_move, place),
            RESTARTED: partial(_restart, place),
        }
        costs: dict[str, list[float]] = {what: [] for what in acts}
        for _ in range(pace.runs):
            with opened(place, *UNSWEPT) as (dashboard, _):
                time.sleep(QUIET)
                pid = dashboard.process.pid
                idle = _cpu_of(pid, partial(time.sleep, pace.changes / RATE))
                for what, act in acts.items():
                    took = _cpu_of(pid, partial(_repeat, act, pace.changes))
                    costs[what].append((took - idle) / pace.changes * 1000)
        for what, values in costs.items():
            yield Line(self.name, what, place.size, Unit.MILLISECONDS, tuple(values))


def _move(place: Place, number: int) -> None:
    some = _spread(place, number)
    instance = place.load.instances_of(some, place.leases[some])[0]
    place.writer.put(place.move(instance, mark(place.number_of_change())))


def _restart(place: Place, number: int) -> None:
    worker = _spread(place, number)
    lease = place.leases[worker]
    records = list(place.load.records_of(worker, lease))
    place.writer.delete_all(key for key, _ in records)
    place.writer.put_all(Put(key, value, lease) for key, value in records)


def _spread(place: Place, number: int) -> int:
    """Workers from here and there."""
    return number * 7919 % place.load.workers


def _repeat(act: Callable[[int], None], count: int) -> None:
    for number in paced(RATE, count):
        act(number)


def _cpu_of(pid: int, act: Callable[[], object]) -> float:
    """CPU seconds of a process meanwhile."""
    before = cpu_seconds(pid)
    act()
    return cpu_seconds(pid) - before
