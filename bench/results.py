"""What is measured comes to: lines of a table, each with its runs, peers and target. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    SECONDS = "s"
    CPU_SECONDS = "s of CPU"
    MILLISECONDS = "ms"
    PERCENT = "%"
    PERCENT_OF_CORE = "% of a core"
    BYTES = "B"
    BYTES_PER_SECOND = "B/s"
    MEGABYTES = "MB"
    PER_SECOND = "/s"
    TIMES = "×"
    NUMBER = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """What something else needs for the same, measured in the same run."""

    name: str
    runs: tuple[float, ...]
    """Empty: it is not installed."""

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be kept to."""

    most: float
    """In the line's unit, or as a multiple of these peers' sum."""
    of: tuple[str, ...] = ()
    """Names of peers."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure at one size."""

    figure: str
    """The name by which it is run."""
    what: str
    size: int
    """Endpoint instances."""
    unit: Unit
    runs: tuple[float, ...]
    peers: tuple[Peer, ...] = ()
    target: Target | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def limit(self) -> float | None:
        """What the median may be at most. None: there is no target, or none of its peers."""
        if self.target is None:
            return None
        if not self.target.of:
            return self.target.most
        peers = {peer.name: peer for peer in self.peers}
        of = [peers[name] for name in self.target.of]
        if not all(peer.runs for peer in of):
            return None
        return self.target.most * sum(peer.median for peer in of)

    def within(self, factor: float = 1.0) -> bool | None:
        """Whether its target is met, or missed by less than `factor`. None: it has none."""
        limit = self.limit
        return None if limit is None else self.median <= limit * factor


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that so many percent of them are not above. Raises for no values."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
