"""Resident memory, and whether it grows with what happened."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import ClassVar

from bench.bare import PAINTED
from bench.figures.figure import Pace
from bench.figures.first_paint import BARE
from bench.marks import mark
from bench.place import UNSWEPT, Place, opened
from bench.processes import resident_bytes
from bench.results import Line, Peer, Target, Unit
from bench.screen import bare, shows
from bench.writing import Put
from tests.support.terminal import Terminal

MEGABYTE = 1_000_000
SETTLING = 2.0
"""Seconds until what was needed to load is given back."""
CAUGHT_UP = 120.0
"""Seconds within which the last event must be on the screen."""
ROUND = 1_000
"""Events in which each kind has its part, at most."""


class Memory:
    name: ClassVar = "memory"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        loaded: list[float] = []
        grown: list[float] = []
        alone: list[float] = []
        for _ in range(pace.runs):
            with bare() as app:
                app.wait_for(PAINTED)
                alone.append(_megabytes(app))
            with opened(place, *UNSWEPT) as (dashboard, frames):
                time.sleep(SETTLING)
                loaded.append(_megabytes(dashboard))
                _churn(place, pace.churn)
                # The first row comes last.
                last = mark(place.number_of_change())
                place.writer.put(place.move(place.instances()[0], last))
                frames.when(shows(last), "the end", CAUGHT_UP)
                time.sleep(SETTLING)
                grown.append((_megabytes(dashboard) / loaded[-1] - 1) * 100)
            place.tidy()
        yield Line(
            self.name,
            "resident memory",
            place.size,
            Unit.MEGABYTES,
            tuple(loaded),
            (Peer(BARE, tuple(alone)),),
            Target(160.0 if place.size <= 10_000 else 450.0),
        )
        yield Line(
            self.name,
            f"... grows in {pace.churn:,} events by",
            place.size,
            Unit.PERCENT,
            tuple(grown),
            target=Target(5.0),
        )


def _churn(place: Place, events: int) -> None:
    """As fast as etcd takes it: of each ten events, eight move an instance, one removes one, and
    one registers it again."""
    registered = place.instances()[1:]
    # No transaction takes a key twice.
    once = min(ROUND, len(registered))
    instances = itertools.cycle(registered)
    for _ in range(0, events, once):
        some = list(itertools.islice(instances, once * 9 // 10))
        moved, removed = some[once // 10 :], some[: once // 10]
        where = mark(place.number_of_change())
        place.writer.put_all(place.move(one, where) for one in moved)
        place.writer.delete_all(one.key for one in removed)
        place.writer.put_all(Put(one.key, one.value(), one.lease) for one in removed)


def _megabytes(terminal: Terminal) -> float:
    return resident_bytes(terminal.process.pid) / MEGABYTE
