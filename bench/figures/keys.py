"""How soon what a person does is on the screen, among thousands of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from bench.figures.figure import Pace
from bench.load import Instance
from bench.place import UNSWEPT, Place, opened
from bench.results import Line, Target, Unit, percentile
from bench.screen import Frames, Lines, shows
from bench.writing import paced
from tests.support.dashboard import Dashboard

REPEATED = 30.0
"""Times a second that a key comes which is held down."""
MARGIN = 5.0
"""Seconds within which the last key must show."""
PAUSE = 0.3
"""Seconds between two keys of who waits for the screen: nothing is left to do then."""
FILTERED = "-07"
"""What is typed: each letter changes the counts, at last to those of one component.

It has a `-`, which no id has: where etcd's leases all begin with the same `…07`, a `07` alone
matches every instance, and the next letter changes nothing.
"""


_TABLE_HAS_KEYS = "p Probe"
"""In the last line."""


class Keys:
    name: ClassVar = "keys"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        arrows: list[float] = []
        openings: list[float] = []
        filters: list[float] = []
        echoes: list[float] = []
        instances, large = place.instances(), place.load.models[0]
        for _ in range(pace.runs):
            with opened(place, *UNSWEPT) as (dashboard, frames):
                arrows.append(percentile(_hold_down(dashboard, frames, instances, pace.keys), 95))
                filters.append(max(_type_filter(dashboard, frames, _until_others)))
                echoes.append(max(_type_filter(dashboard, frames, _until_echoed)))
                openings.append(percentile(_open(dashboard, frames, large, pace.singles), 95))
        for what, values, most in (
            (f"arrow key held down in {place.size:,} rows: key → paint, p95", arrows, 33.0),
            (f"opening a group of {place.load.large_group:,}: key → paint, p95", openings, 33.0),
            ("typing a filter: key → echo, at most", echoes, _most_of_echo(place.size)),
            # More records take longer than one can wait for; that is what the echo is for.
            ("typing a filter: key → what matches, at most", filters, _most_of_match(place.size)),
        ):
            yield Line(
                self.name,
                what,
                place.size,
                Unit.MILLISECONDS,
                tuple(value * 1000 for value in values),
                target=None if most is None else Target(most),
            )


def _hold_down(
    dashboard: Dashboard, frames: Frames, instances: Sequence[Instance], count: int
) -> list[float]:
    """Seconds from each of so many presses until the cursor had moved as far."""
    pressed: list[float] = []
    for _ in paced(REPEATED, count):
        pressed.append(time.monotonic())
        dashboard.press_and_keep("down")
    reached: list[float] = []
    """When the cursor was first at each row below the first, or beyond."""

    def look(at: float, _: Lines) -> None:
        below = instances[len(reached) + 1 :]
        ahead = (n for n, row in enumerate(below, 1) if row.id in frames.cursor)
        # The other instance of its worker may be far away.
        if 0 < (steps := next(ahead, 0)) <= count - len(reached):
            reached.extend([at] * steps)

    until = time.monotonic() + MARGIN
    while len(reached) < count:
        assert time.monotonic() < until, f"of {count} presses {len(reached)} were followed"
        frames.each(look)
        time.sleep(0.02)
    return [there - at for at, there in zip(pressed, reached, strict=True)]


def _type_filter(
    dashboard: Dashboard, frames: Frames, until: Callable[[Dashboard, Frames, str], float]
) -> list[float]:
    """Seconds from each letter until its effect; `until` types what is given as far, and waits."""
    dashboard.press("home")
    time.sleep(PAUSE)
    dashboard.press("/")
    # What acts on a row is not there while the filter has the keys.
    dashboard.wait_until_gone(_TABLE_HAS_KEYS)
    time.sleep(PAUSE)
    took = [until(dashboard, frames, FILTERED[: n + 1]) for n in range(len(FILTERED))]
    dashboard.press("escape")
    time.sleep(PAUSE)
    return took


def _until_others(dashboard: Dashboard, frames: Frames, typed: str) -> float:
    """Type the last letter; until the tabs' counts are others."""
    before = _counts(dashboard.lines())
    return _seconds(dashboard, frames, typed[-1], lambda lines: _counts(lines) != before)


def _until_echoed(dashboard: Dashboard, frames: Frames, typed: str) -> float:
    """Type the last letter; until it is seen."""
    return _seconds(dashboard, frames, typed[-1], shows(f" filter  {typed}"))


def _most_of_echo(size: int) -> float:
    """Milliseconds."""
    return 50.0 if size <= 20_000 else 100.0


def _most_of_match(size: int) -> float | None:
    return 100.0 if size <= 10_000 else None


def _counts(lines: Sequence[str]) -> str:
    """The line of the tabs' titles, and what the tree says of how many match."""
    return lines[1].rstrip()


def _open(dashboard: Dashboard, frames: Frames, model: str, count: int) -> list[float]:
    """Seconds from a key until a model's cards stood below it, again and again."""
    dashboard.open("Models")
    dashboard.press("g")
    time.sleep(PAUSE)
    took = []
    for _ in range(count):
        took.append(_seconds(dashboard, frames, "right", shows("  · team-")))
        _seconds(dashboard, frames, "left", shows(f"▸ {model}"))
    return took


def _seconds(
    dashboard: Dashboard, frames: Frames, key: str, holds: Callable[[Lines], bool]
) -> float:
    """Seconds from a key until that holds; then waits until nothing is left to do."""
    start = time.monotonic()
    dashboard.press(key)
    # The emulator shall not take the processor from what is measured.
    time.sleep(PAUSE)
    took = frames.when(holds, f"the effect of {key!r}", MARGIN) - start
    time.sleep(PAUSE)
    return took
