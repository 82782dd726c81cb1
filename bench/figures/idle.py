"""What it costs to leave it open while nothing happens: CPU time, and bytes to the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import ClassVar

from bench.bare import PAINTED
from bench.figures.figure import Pace
from bench.figures.first_paint import BARE
from bench.listening import listening
from bench.monitors import MONITORS, monitors
from bench.place import UNSWEPT, Place, filled, opened
from bench.processes import cpu_seconds
from bench.results import Line, Peer, Target, Unit
from bench.screen import bare
from tests.support.terminal import Terminal

DEFAULT = "by default: leases renewed each 15 s, probes of what is on the screen"
ALONE = "without the lease sweep and probes"
MOST = {100: 0.6, 1_000: 0.9}
"""Percent of a core by default, by the number of instances."""
MOST_OF_MORE = 1.2
LARGEST = 10_000
"""Instances whose leases one process can keep alive in time, besides all else."""
COUNTDOWNS = 8_000.0
"""Bytes a second that a screen full of visible seconds may cost."""


class Idle:
    name: ClassVar = "idle"
    at_every_size: ClassVar = True

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        if place.size > LARGEST:
            return
        cpu, written = _windows(place, pace)
        others = (BARE, *MONITORS)
        for which, most in ((ALONE, 0.5), (DEFAULT, MOST.get(place.size, MOST_OF_MORE))):
            yield Line(
                self.name,
                f"CPU when nothing changes, {which}",
                place.size,
                Unit.PERCENT_OF_CORE,
                cpu[which],
                tuple(Peer(name, cpu.get(name, ())) for name in others),
                Target(most),
            )
        yield Line(
            self.name,
            "bytes to the terminal when nothing changes",
            place.size,
            Unit.BYTES_PER_SECOND,
            written[ALONE],
            tuple(Peer(name, written.get(name, ())) for name in others),
            # What is younger than a minute shows its seconds.
            Target(100.0 if pace.settling > 60 else COUNTDOWNS),
        )


def _windows(
    place: Place, pace: Pace
) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[float, ...]]]:
    """CPU in percent, and bytes a second, of all of them at once, window by window."""
    with ExitStack() as stack:
        terminals: dict[str, Terminal] = {}
        terminals[ALONE], _ = stack.enter_context(opened(place, *UNSWEPT, tab=None))
        # What a sweep costs depends on how often leases are renewed.
        renewed = stack.enter_context(filled(place.load, renewed=True))
        stack.enter_context(listening(renewed.instances()))
        terminals[DEFAULT], _ = stack.enter_context(opened(renewed, tab=None))
        terminals[BARE] = stack.enter_context(bare())
        terminals[BARE].wait_for(PAINTED)
        terminals |= stack.enter_context(monitors())
        return windows(terminals, pace)


def windows(
    terminals: Mapping[str, Terminal], pace: Pace
) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[float, ...]]]:
    """CPU in percent of a core, and bytes a second, of terminals once they are idle."""
    time.sleep(pace.settling)
    cpu: dict[str, list[float]] = {name: [] for name in terminals}
    written: dict[str, list[float]] = {name: [] for name in terminals}
    for _ in range(pace.runs):
        before = _totals(terminals)
        time.sleep(pace.idling)
        after = _totals(terminals)
        for name in terminals:
            spent = zip(before[name], after[name], strict=True)
            seconds, took, sent = (end - start for start, end in spent)
            cpu[name].append(took / seconds * 100)
            written[name].append(sent / seconds)
    return (
        {name: tuple(values) for name, values in cpu.items()},
        {name: tuple(values) for name, values in written.items()},
    )


def _totals(terminals: Mapping[str, Terminal]) -> dict[str, tuple[float, float, float]]:
    """Of each: the time, its CPU seconds, and the bytes it wrote, so far."""
    return {
        name: (time.monotonic(), cpu_seconds(terminal.process.pid), float(terminal.received))
        for name, terminal in terminals.items()
    }
