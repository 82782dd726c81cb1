"""Where on a line of cells something happened: the most important of each cell."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, unique

import msgspec


@unique
class Mark(IntEnum):
    """Something that happened. Of a cell the highest is drawn."""

    NOTHING = 0
    CHANGE = 1
    """Something came, or is another."""
    GAP = 2
    """The store could not be reached, or nothing was recorded."""
    REMOVAL = 3
    DEATH = 4
    """A process ended without taking its keys along."""


class Happened(msgspec.Struct, frozen=True, gc=False):
    """A mark at a place of the timeline, or from there on."""

    mark: Mark
    place: float
    """POSIX seconds; without times the number of the moment."""
    until: float | None = None
    """The end of what lasted. None: it was one moment."""


class Track(msgspec.Struct, frozen=True):
    """A line of cells from the first place to the last."""

    start: float
    end: float

    def cell(self, place: float, cells: int) -> int:
        """Return the cell of a place, from 0 on."""
        if self.end <= self.start:
            return 0
        part = (place - self.start) / (self.end - self.start)
        return max(0, min(cells - 1, int(part * (cells - 1) + 0.5)))

    def marks(self, happened: Iterable[Happened], cells: int) -> bytes:
        """Return the mark of each cell."""
        found = bytearray(cells)
        for one in happened:
            first = self.cell(one.place, cells)
            last = first if one.until is None else self.cell(one.until, cells)
            for cell in range(first, last + 1):
                found[cell] = max(found[cell], one.mark)
        return bytes(found)
