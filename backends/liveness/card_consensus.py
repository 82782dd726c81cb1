"""Groups of model cards that must have one checksum, and the sorts of card in each.

Of workers that are served as one set, Dynamo 1.6.1's frontend keeps to the sort of card that it
accepted first; a frontend that starts later takes either, neither the majority nor the oldest, and
some older releases drop the whole set (`checksum.py` names the sources). A store does not tell what
a frontend accepted, so no card is the odd one: all cards of a group with several sorts disagree.

Pure: knows fingerprints, not cards.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backends.discovery.cluster import FirstSeen
from backends.liveness.evidence_kinds import CardsDiffer, CardSort


class Sort(NamedTuple):
    """The cards of a group that have one fingerprint."""

    fingerprint: str
    keys: tuple[bytes, ...]
    """In the order in which they came; at least one."""


class CardConsensus:
    """The sorts of card in each group, kept up to date as cards come and go.

    A card disagrees if its group has more than one sort. The cost of a call grows with the number
    of cards whose status changes, and with nothing else.
    """

    def __init__(self) -> None:
        self._seats: dict[bytes, tuple[Hashable, str]] = {}
        self._groups: dict[Hashable, dict[str, dict[bytes, None]]] = {}
        """Keys by group and fingerprint, in the order in which they came."""

    def put(self, key: bytes, group: Hashable | None, fingerprint: str) -> set[bytes]:
        """Add a card, or change it. In no group (None) it is compared with no other.

        Returns the keys of all cards whose status changed.
        """
        seat = None if group is None else (group, fingerprint)
        left = self._seats.get(key)
        if left is None:
            return set() if seat is None else self._add_new(key, seat)
        if seat == left:
            return set()
        disagreed = self.disagrees(key)
        del self._seats[key]
        changed = self._remove(key, *left)
        if seat is not None:
            changed |= self._add(key, *seat)
            self._seats[key] = seat
        # A group that it left and came back to may be as it was.
        if seat is not None and left[0] == seat[0]:
            changed = changed if disagreed is not self.disagrees(key) else set()
        changed.discard(key)
        if self.disagrees(key) is not disagreed:
            changed.add(key)
        return changed

    def discard(self, key: bytes) -> set[bytes]:
        """Forget a card, if it is known.

        Returns the keys of all whose status changed: its own too, if it disagreed.
        """
        return self.put(key, None, "")

    def disagrees(self, key: bytes) -> bool:
        """Return whether a card's group has cards of another sort."""
        seat = self._seats.get(key)
        return seat is not None and len(self._groups[seat[0]]) > 1

    def sorts(self, key: bytes) -> tuple[Sort, ...]:
        """Return the sorts in a card's group, the card's own first, then by their age.

        Empty: the card is in no group.
        """
        seat = self._seats.get(key)
        if seat is None:
            return ()
        sorts = [Sort(one, tuple(keys)) for one, keys in self._groups[seat[0]].items()]
        return tuple(sorted(sorts, key=lambda sort: sort.fingerprint != seat[1]))

    def _add_new(self, key: bytes, seat: tuple[Hashable, str]) -> set[bytes]:
        """The same for a card that was in no group: at the start that is every one."""
        changed = self._add(key, *seat)
        self._seats[key] = seat
        if len(self._groups[seat[0]]) > 1:
            changed.add(key)
        return changed

    def _add(self, key: bytes, group: Hashable, fingerprint: str) -> set[bytes]:
        """Return the keys of the others that disagree from now on."""
        sorts = self._groups.setdefault(group, {})
        others: set[bytes] = set()
        if len(sorts) == 1 and fingerprint not in sorts:
            others.update(*sorts.values())
        sorts.setdefault(fingerprint, {})[key] = None
        return others

    def _remove(self, key: bytes, group: Hashable, fingerprint: str) -> set[bytes]:
        """Return the keys of the others that agree from now on."""
        sorts = self._groups[group]
        del sorts[fingerprint][key]
        if sorts[fingerprint]:
            return set()
        del sorts[fingerprint]
        if not sorts:
            del self._groups[group]
        return set().union(*sorts.values()) if len(sorts) == 1 else set()


@dataclass(frozen=True, slots=True)
class SortOfCard:
    """The workers of one worker set whose cards are alike."""

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


def left_after(sorts: Sequence[SortOfCard], left: Mapping[str, int]) -> str:
    """Return what each sort is left with, by `Serving.left_with`, after something is done to one:
    `2 of 3 workers with this card stay routable, 0 of 1 with the other`."""
    parts = [
        f"{left.get(one.fingerprint, 0):,} of {one.routable:,} "
        + ("workers with this card stay routable" if number == 0 else "with another")
        for number, one in enumerate(sorts)
    ]
    return ", ".join(parts)


def _compared(sort: SortOfCard, now: float) -> CardSort:
    known_for = max(0.0, now - sort.since.at)
    return CardSort(len(sort.keys), sort.routable, known_for, sort.since.was_there, sort.differs_in)
