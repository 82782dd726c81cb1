"""What every figure is, and how long it may take."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, TypeVar

from bench.place import Place
from bench.results import Line, Peer, Target, Unit


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


Measured = TypeVar("Measured")


class Spent(NamedTuple):
    """What a program took."""

    wall: float
    """Seconds from its start to its end, or until its screen was there."""
    cpu: float
    """CPU time of all its threads, in seconds. What else runs on the machine matters less to it."""


def interleaved(
    count: int, measures: Mapping[str, Callable[[], Measured]]
) -> dict[str, tuple[Measured, ...]]:
    """Each of them so many times, by turns, so that what else the machine does falls on all."""
    runs: dict[str, list[Measured]] = {name: [] for name in measures}
    for _ in range(count):
        for name, measure in measures.items():
            runs[name].append(measure())
    return {name: tuple(values) for name, values in runs.items()}


def peers(runs: Mapping[str, tuple[float, ...]], *names: str) -> tuple[Peer, ...]:
    """Those of the runs that are others'."""
    return tuple(Peer(name, runs[name]) for name in names)


def spent_lines(
    figure: str,
    what: str,
    size: int,
    spent: Mapping[str, Sequence[Spent]],
    of: tuple[str, ...],
    most: float | None,
    *,
    wall: Target | None = None,
) -> Iterator[Line]:
    """Two lines: of the time that `ours` and its peers took, and of their CPU time.

    `most`: of the CPU, as a multiple of the sum of the peers `of`; None: there is no target.
    `wall`: the target for the time.
    """
    walls = {name: tuple(one.wall for one in runs) for name, runs in spent.items()}
    cpus = {name: tuple(one.cpu for one in runs) for name, runs in spent.items()}
    cpu = None if most is None else Target(most, of)
    names = [name for name in spent if name != "ours"]
    for unit, runs, target in ((Unit.SECONDS, walls, wall), (Unit.CPU_SECONDS, cpus, cpu)):
        yield Line(figure, what, size, unit, runs["ours"], peers(runs, *names), target)


def run(
    command: Sequence[str], env: Mapping[str, str], output: Path, codes: Collection[int] = (0,)
) -> Spent:
    """Run a program, its output into a file. Raises `AssertionError` if it ends with another code
    than one of `codes`."""
    start = time.monotonic()
    with output.open("wb") as out, subprocess.Popen(command, env=env, stdout=out) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - start
    assert process.returncode in codes, f"{command[0]} ended with {process.returncode}"
    return Spent(took, usage.ru_utime + usage.ru_stime)
