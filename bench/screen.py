"""When a text stood on a terminal's screen, to the frame."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

import pyte

from bench.load import Load
from tests.terminal import DEADLINE, Terminal

LOOK_INTERVAL = 0.005
"""Seconds between two looks. The times that are measured are those of reading, not of looking."""

Lines = list[str]
"""The screen, line by line."""


class Frames:
    """Follows a terminal's screen from frame to frame, reading only lines that changed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._lines: Lines = []

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
            if time.monotonic() > until or self._terminal.process.poll() is not None:
                screen = "\n".join(self._lines)
                raise AssertionError(f"{what}: not within {deadline} s, the last screen:\n{screen}")
            time.sleep(LOOK_INTERVAL)

    def _read(self, screen: pyte.Screen) -> None:
        if len(self._lines) != screen.lines:
            self._lines = [""] * screen.lines
            screen.dirty.update(range(screen.lines))
        for number in screen.dirty:
            line = screen.buffer[number]
            self._lines[number] = "".join(line[x].data for x in range(screen.columns))
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


def shows(text: str) -> Callable[[Lines], bool]:
    """Whether a text stands in one of the lines."""
    return lambda lines: any(text in line for line in lines)


def bare(env: Mapping[str, str] | None = None) -> Terminal:
    """A bare Textual app in a terminal."""
    return Terminal([sys.executable, "-m", "bench.bare"], env=env)
