"""A conflict of model cards as evidence: the sorts of card in one worker set, and how they differ.

Pure; `card_routings` finds which cards are in conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backends.discovery.cluster import FirstSeen
from backends.liveness.evidence_kinds import CardsDiffer, CardSort


@dataclass(frozen=True, slots=True)
class SortOfCard:
    """The workers of one worker set that have equal cards."""

    fingerprint: str
    keys: tuple[bytes, ...]
    """Their cards, in the order in which they came."""
    routable: int
    """How many of the workers have an instance that lives."""
    since: FirstSeen
    """Since when the first of the cards is known."""
    differs_in: tuple[str, ...]
    """In which fields from the first sort, the values of that one before `theirs`; of the first
    nothing. May hold untrusted text."""


def compared(sorts: Sequence[SortOfCard], now: float) -> CardsDiffer:
    """Return a conflict as evidence, as seen from the first sort. `now`: POSIX seconds."""
    if len(sorts) < 2:
        return CardsDiffer(0, ())
    named = sorts[: 1 + MOST_SORTS]
    return CardsDiffer(len(sorts), tuple(_compared(one, now) for one in named))


MOST_SORTS = 3
"""That are named beside a card's own."""


def _compared(sort: SortOfCard, now: float) -> CardSort:
    known_for = max(0.0, now - sort.since.at)
    return CardSort(len(sort.keys), sort.routable, known_for, sort.since.was_there, sort.differs_in)
