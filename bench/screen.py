"""When a text stood on a terminal's screen, to the frame; and what stands in a dashboard's rows."""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pyte

from bench.load import Load
from tests.support.terminal import DEADLINE, Terminal

LOOK_INTERVAL = 0.005
"""Seconds between two looks. The times that are measured are those of reading, not of looking."""

Lines = list[str]
"""The screen, line by line."""

Row = tuple[str, str]
"""Of the Instances tab: the instance's id, and the host of its address."""

_ROW = re.compile(r"([0-9a-f]{8,16}) +(?:↻\d+ )?(\d+\.\d+\.\d+\.\d+)\b")
_IN_TABLE = 40
"""A column of the screen that is within the table, in a terminal of 120."""


class Frames:
    """Follows a terminal's screen from frame to frame, reading only lines that changed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lines: Lines = []
        self._backgrounds: list[str] = []
        """Of each line, in the table."""

    @property
    def cursor(self) -> str:
        """The table's line under the cursor: the one that looks unlike all others. Empty: none."""
        common = Counter(self._backgrounds).most_common(1)[0][0] if self._backgrounds else ""
        table = [n for n, line in enumerate(self._lines) if _ROW.search(line)]
        return next((self._lines[n] for n in table if self._backgrounds[n] != common), "")

    def each(self, observe: Callable[[float, Lines], object]) -> None:
        """Tells of each frame since the last call: when it was there, and its lines."""

        def drawn(at: float, screen: pyte.Screen) -> None:
            self._read(screen)
            observe(at, self._lines)

        self._terminal.follow(drawn)

    def when(
        self, holds: Callable[[Lines], object], what: str, deadline: float = DEADLINE
    ) -> float:
        """The moment (`time.monotonic`) of the first frame from now on for which that holds.

        What follows that frame may have been looked at and is not told again. Raises
        `AssertionError` if there is none within `deadline` seconds.
        """
        found: list[float] = []

        def look(at: float, lines: Lines) -> None:
            if not found and holds(lines):
                found.append(at)

        until = time.monotonic() + deadline
        while True:
            self.each(look)
            if found:
                return found[0]
            ended = self._terminal.process.poll() is not None
            if ended or time.monotonic() > until:
                why = "it ended before" if ended else f"not within {deadline:.0f} s"
                screen = "\n".join(line.rstrip() for line in self._lines if line.strip())
                raise AssertionError(f"{what}: {why}, the last screen:\n{screen}")
            time.sleep(LOOK_INTERVAL)

    def _read(self, screen: pyte.Screen) -> None:
        if len(self._lines) != screen.lines:
            self._lines = [""] * screen.lines
            self._backgrounds = [""] * screen.lines
            screen.dirty.update(range(screen.lines))
        for number in screen.dirty:
            line = screen.buffer[number]
            self._lines[number] = "".join(line[x].data for x in range(screen.columns))
            self._backgrounds[number] = line[_IN_TABLE].bg
        screen.dirty.clear()


def complete(load: Load) -> Callable[[Lines], bool]:
    """Whether a dashboard shows all of a load: its counts on top and in the tabs."""
    instances, models = f"{load.size:,}", f"{len(load.models):,}"

    def holds(lines: Lines) -> bool:
        top = lines[0] if lines else ""
        tabs = next((line for line in lines if "Instances" in line), "")
        return (
            f" {instances} instances " in top
            and f" {models} models " in top
            and f"Instances {instances} " in tabs
            and f"Models {models} " in tabs
        )

    return holds


def rows_in(lines: Lines) -> list[Row]:
    """What the Instances tab shows, from its first visible row down."""
    return [(match[1], match[2]) for match in map(_ROW.search, lines) if match is not None]


def shows_first(rows: Sequence[Row]) -> Callable[[Lines], bool]:
    """Whether the Instances tab shows the first of these rows, as many as it has room for."""

    def holds(lines: Lines) -> bool:
        shown = rows_in(lines)
        return bool(shown) and shown == list(rows[: len(shown)])

    return holds


def shows_last(rows: Sequence[Row]) -> Callable[[Lines], bool]:
    """... the last of these rows."""

    def holds(lines: Lines) -> bool:
        shown = rows_in(lines)
        return bool(shown) and shown == list(rows[-len(shown) :])

    return holds


def shows(text: str) -> Callable[[Lines], bool]:
    """Whether a text stands in one of the lines."""
    return lambda lines: any(text in line for line in lines)


def bare(env: Mapping[str, str] | None = None) -> Terminal:
    """A bare Textual app in a terminal."""
    return Terminal([sys.executable, "-m", "bench.bare"], env=env)
