"""What is stated of each fact, and where, so that all statements about one fact can be held against
each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

Fact = tuple[Hashable, ...]
"""Of what, and of which one of it: `("verdict", key)`."""

TOLERANCE = 1.0
"""Seconds by which two statements of a time may differ: each is rounded on its own."""


@dataclass
class Statements:
    """All that is stated of each fact, with the places that state it."""

    of: dict[Fact, list[tuple[Any, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, fact: Fact, value: Any, where: str) -> None:
        self.of[fact].append((value, where))

    def disagreements(self) -> list[str]:
        """A line for each fact of which not all statements agree."""
        return [
            f"{' '.join(map(str, fact))}: "
            + ", ".join(f"{where} says {value}" for value, where in dict.fromkeys(stated))
            for fact, stated in self.of.items()
            if not _agree([value for value, _ in stated])
        ]

    def places(self, kind: str) -> set[str]:
        """Where facts of a kind are stated."""
        return {where for fact, stated in self.of.items() if fact[0] == kind for _, where in stated}


def _agree(values: list[object]) -> bool:
    times = [value for value in values if isinstance(value, float)]
    if len(times) == len(values):
        return max(times) - min(times) <= TOLERANCE
    return len(values) == values.count(values[0])
