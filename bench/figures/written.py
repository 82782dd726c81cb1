"""Bytes to the terminal: of one change, and of a screen full of countdowns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import ClassVar

from bench.figures.figure import Pace
from bench.figures.idle import COUNTDOWNS
from bench.marks import mark
from bench.monitors import MONITORS, monitors
from bench.place import QUIET, UNSWEPT, Place, filled, opened
from bench.results import Line, Peer, Target, Unit
from tests.support.terminal import Terminal

DRAWN = 0.4
"""Seconds in which a change is drawn."""
ASKED = 6.0
"""Seconds after which each lease on the screen was asked for."""
WINDOW = 10.0
"""Seconds for which a screen counts down."""


class Written:
    name: ClassVar = "bytes"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with opened(place, *UNSWEPT) as (dashboard, _):
            time.sleep(pace.settling)
            changed = [_of_one_change(place, dashboard, pace.singles) for _ in range(pace.runs)]
        yield Line(
            self.name,
            "bytes to the terminal for one changed instance",
            place.size,
            Unit.BYTES,
            tuple(changed),
            target=Target(2_000.0),
        )
        counted = _counting_down(place, pace)
        yield Line(
            self.name,
            "bytes to the terminal, a screen full of countdowns (Workers)",
            place.size,
            Unit.BYTES_PER_SECOND,
            counted["ours"],
            tuple(Peer(name, counted.get(name, ())) for name in MONITORS),
            Target(COUNTDOWNS),
        )


def _of_one_change(place: Place, terminal: Terminal, count: int) -> float:
    """The mean of some, each of another row on the screen."""
    total = 0
    for row in place.instances()[1 : count + 1]:
        before = terminal.received
        place.writer.put(place.move(row, mark(place.number_of_change())))
        time.sleep(DRAWN)
        total += terminal.received - before
    return total / count


def _counting_down(place: Place, pace: Pace) -> dict[str, tuple[float, ...]]:
    """Bytes a second while leases that last seconds are on the screen, and of others meanwhile."""
    with ExitStack() as stack:
        renewed = stack.enter_context(filled(place.load, renewed=True))
        dashboard, _ = stack.enter_context(opened(renewed, *QUIET))
        dashboard.open("Workers")
        terminals: dict[str, Terminal] = {"ours": dashboard, **stack.enter_context(monitors())}
        time.sleep(ASKED)
        written: dict[str, list[float]] = {name: [] for name in terminals}
        window = min(WINDOW, pace.idling)
        for _ in range(pace.runs):
            before = {name: terminal.received for name, terminal in terminals.items()}
            time.sleep(window)
            for name, terminal in terminals.items():
                written[name].append((terminal.received - before[name]) / window)
    return {name: tuple(values) for name, values in written.items()}
