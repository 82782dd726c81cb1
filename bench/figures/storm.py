"""1,500 puts a second: whether the screen keeps up, keys are answered, and nothing is lost."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.figures.figure import Pace
from bench.load import Instance
from bench.marks import mark, marks_in
from bench.place import UNSWEPT, Place, opened
from bench.processes import in_own_process
from bench.results import Line, Target, Unit, percentile
from bench.screen import Frames, Lines, shows_first, shows_last
from bench.writing import Put, paced, writer
from tests.support.dashboard import Dashboard

RATE = 1_500.0
"""Puts a second."""
ASKED = 10.0
"""Keys and marks a second, by turns, meanwhile."""
CAUGHT_UP = 60.0
"""Seconds after the last put in which the screen must be right; following it takes time, too."""
IN_FLIGHT = 512
"""Puts that etcd has not answered yet, at most: beyond, it does not keep up, and the rate shows."""


@dataclass(frozen=True, slots=True)
class Run:
    """One storm."""

    rate: float
    """Puts a second that etcd took."""
    lags: list[float]
    """Seconds from each mark's put until it was on the screen."""
    echoes: list[float]
    """Seconds from each key until its effect was on the screen."""
    wrong: float
    """Screens that were not as etcd has it in the end."""


class Storm:
    name: ClassVar = "storm"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        runs = []
        for _ in range(pace.runs):
            runs.append(_storm(place, pace.storm))
            place.tidy()
        during = f"{RATE:,.0f} puts/s for {pace.storm:.0f} s: "

        def line(
            what: str, unit: Unit, values: Sequence[float], target: Target | None = None
        ) -> Line:
            return Line(self.name, during + what, place.size, unit, tuple(values), target=target)

        yield line("the rate that etcd took", Unit.PER_SECOND, [run.rate for run in runs])
        lags = [max(run.lags) * 1000 for run in runs]
        yield line("lag of the screen, at most", Unit.MILLISECONDS, lags, Target(500.0))
        echoes = [percentile(run.echoes, 99) * 1000 for run in runs]
        yield line("key press → echo, p99", Unit.MILLISECONDS, echoes, Target(100.0))
        wrong = [run.wrong for run in runs]
        yield line("screens that are not exact in the end", Unit.NUMBER, wrong, Target(0.0))


def put_steadily(
    endpoint: str, instances: Sequence[Instance], rate: float, seconds: float
) -> float:
    """Move one instance after the other; the rate at which etcd took that. For a process of its
    own."""
    waiting: deque[Any] = deque()
    count = int(rate * seconds)
    with writer(endpoint) as etcd:
        start = time.monotonic()
        for number in paced(rate, count):
            instance = instances[number % len(instances)]
            moved = f"10.99.{number >> 8 & 255}.{number & 255}:9001"
            waiting.append(etcd.put_soon(Put(instance.key, instance.value(moved), instance.lease)))
            while waiting and (len(waiting) > IN_FLIGHT or waiting[0].done()):
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()
        return count / (time.monotonic() - start)


def _storm(place: Place, seconds: float) -> Run:
    first, *others = instances = place.instances()
    random.Random(place.size).shuffle(others)
    with opened(place, *UNSWEPT) as (dashboard, frames):
        with in_own_process() as own:
            # A first call, since a new process takes a moment.
            own.submit(put_steadily, place.etcd.endpoint, others, RATE, 0.0).result()
            storming = own.submit(put_steadily, place.etcd.endpoint, others, RATE, seconds)
            sent, pressed = _ask(place, dashboard, first, storming)
        lags, echoes = _answers(frames, sent, pressed, [row.id for row in instances[:2]])
        expected = place.rows()
        wrong = 0.0
        for key, holds in (("home", shows_first(expected)), ("end", shows_last(expected))):
            dashboard.press(key)
            try:
                frames.when(holds, "the screen as etcd has it", CAUGHT_UP)
            except AssertionError:
                wrong += 1
    return Run(storming.result(), lags, echoes, wrong)


def _ask(
    place: Place, dashboard: Dashboard, first: Instance, storming: Future[float]
) -> tuple[dict[int, float], list[float]]:
    """Until the storm is over: moves of the first instance, and presses of a key, each by when."""
    sent: dict[int, float] = {}
    pressed: list[float] = []
    next_at = time.monotonic()
    while not storming.done():
        number = place.number_of_change()
        sent[number] = time.monotonic()
        place.writer.put(place.move(first, mark(number)))
        next_at += 1 / ASKED
        time.sleep(max(0.0, next_at - time.monotonic()))
        pressed.append(time.monotonic())
        dashboard.press_and_keep("up" if len(pressed) % 2 == 0 else "down")
        next_at += 1 / ASKED
        time.sleep(max(0.0, next_at - time.monotonic()))
    return sent, pressed


def _answers(
    frames: Frames, sent: dict[int, float], pressed: list[float], ids: list[str]
) -> tuple[list[float], list[float]]:
    """How long each took until the screen showed it. `ids` are of the two rows between which the
    cursor goes, the upper one first. A mark that the next one replaced before it was drawn was
    there with that one."""
    shown: dict[int, float] = {}
    cursors: list[tuple[float, str]] = []

    def look(at: float, lines: Lines) -> None:
        for number in marks_in("\n".join(lines)):
            shown.setdefault(number, at)
        cursors.append((at, frames.cursor))

    def answers_to(key: int) -> Iterator[float]:
        aimed = ids[(key + 1) % 2]
        return (at for at, line in cursors if at > pressed[key] and aimed in line)

    def all_answered() -> bool:
        return last in shown and any(answers_to(len(pressed) - 1))

    last = [*sent][-1]
    until = time.monotonic() + CAUGHT_UP
    while not all_answered():
        assert time.monotonic() < until, "the last mark, or the last key, never showed"
        frames.each(look)
        time.sleep(0.05)
    lags = [
        min(when for later, when in shown.items() if later >= number) - at
        for number, at in sent.items()
    ]
    echoes = [next(answers_to(key)) - at for key, at in enumerate(pressed)]
    return lags, echoes
