"""What every figure is, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from bench.place import Place
from bench.results import Line, Peer


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how long things are measured."""

    runs: int = 5
    settling: float = 61.0
    """Seconds before it is idle: until nothing on the screen is younger than a minute."""
    idling: float = 60.0
    """Seconds of a window in which nothing happens."""
    changes: int = 200
    """Single changes in a run, at 20 a second."""
    storm: float = 20.0
    """Seconds of many puts."""
    churn: int = 200_000
    """Events after which the memory is looked at again."""
    keys: int = 120
    """Keys pressed in a run, at a keyboard's 30 a second."""
    singles: int = 20
    """Things that are done one by one in a run, each when the one before is over."""


SMOKE = Pace(
    runs=1, settling=3.0, idling=4.0, changes=20, storm=2.0, churn=2_000, keys=15, singles=1
)
"""Enough to see that everything runs, and what is out by ten times."""


class Figure(Protocol):
    """One thing that is measured, with its peers, in one run."""

    name: ClassVar[str]
    """By which it is chosen on the command line."""
    at_every_size: ClassVar[bool]
    """Or only at the one for which the targets are."""

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        """Raises `AssertionError` for what is broken: a screen that never comes, or is wrong."""
        ...


Runs = dict[str, tuple[float, ...]]
"""What was measured, by name."""


def interleaved(count: int, measures: Mapping[str, Callable[[], float]]) -> Runs:
    """Each of them so many times, by turns, so that what else the machine does falls on all."""
    runs: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(count):
        for name, measure in measures.items():
            runs[name].append(measure())
    return {name: tuple(values) for name, values in runs.items()}


def peers(runs: Runs, *names: str) -> tuple[Peer, ...]:
    """Those of the runs that are others'."""
    return tuple(Peer(name, runs[name]) for name in names)


def wall(act: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.monotonic()
    act()
    return time.monotonic() - start
