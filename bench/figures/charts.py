"""What figures cost that are shown: the demo's tab Metrics, and charts of one of its models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import ClassVar

from bench.figures.figure import Pace, peers
from bench.figures.idle import windows
from bench.place import Place
from bench.processes import resident_bytes
from bench.results import Line, Target, Unit
from tests.support.running import COMMAND
from tests.support.terminal import Terminal

DEMO = (*COMMAND, "--demo")
CLOSED, TABLE, CHARTS = "another tab", "the tab Metrics", "charts"
MEGABYTE = 1_000_000
MOST_CPU = 2.0
"""Of charts, as a multiple of the tab's."""
MOST_MEMORY = 1.05
"""Of charts, as a multiple of the tab's."""


class Charts:
    name: ClassVar = "charts"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with ExitStack() as stack:
            opened = {name: stack.enter_context(Terminal(DEMO)) for name in (CLOSED, TABLE, CHARTS)}
            size = _instances(opened[CLOSED])
            for name in (TABLE, CHARTS):
                _open_metrics(opened[name])
            _open_charts(opened[CHARTS])
            cpu, _ = windows(opened, pace)
            memory = _megabytes(opened)
        for what, unit, runs, most in (
            ("CPU with charts of a demo's model open", Unit.PERCENT_OF_CORE, cpu, MOST_CPU),
            ("... resident memory", Unit.MEGABYTES, memory, MOST_MEMORY),
        ):
            others, target = peers(runs, CLOSED, TABLE), Target(most, (TABLE,))
            yield Line(self.name, what, size, unit, runs[CHARTS], others, target)


def _instances(dashboard: Terminal) -> int:
    shown = dashboard.wait_for(" instances ")
    found = re.search(r"(\d+) instances ", shown)
    assert found is not None, shown
    return int(found[1])


def _open_metrics(dashboard: Terminal) -> None:
    dashboard.wait_for(" instances ")
    dashboard.press("6")
    # The second scrape is the first with rates.
    dashboard.wait_for(lambda text: re.search(r"▸ \S+ +\d+ms", text))


def _open_charts(dashboard: Terminal) -> None:
    dashboard.press("m")
    dashboard.wait_for("Tokens/s")


def _megabytes(opened: Mapping[str, Terminal]) -> dict[str, tuple[float, ...]]:
    return {
        name: (resident_bytes(terminal.process.pid) / MEGABYTE,)
        for name, terminal in opened.items()
    }
