"""Which cards differ from most of those that must have one checksum with them.

Of workers that are served as one set, Dynamo 1.6.1's frontend keeps to the card that it saw first;
some older releases drop the whole set (`checksum.py` names the sources). A store does not tell what
a frontend saw first, so here the odd ones out are those that differ from most.

Pure: knows fingerprints, not cards.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from sortedcontainers import SortedList


class Agreement:
    """Which cards differ from most of their group, kept as cards come and go.

    A card's status is what it is to be compared with: with nothing, if its fingerprint is the one
    that most of its group have, else with that fingerprint. Where several are had by equally many,
    nobody can say who is right: they all differ, each from another of these.

    The cost of a call grows with the number of cards whose status changes, and otherwise with the
    logarithm of the number of different fingerprints in the group.
    """

    def __init__(self) -> None:
        self._places: dict[bytes, _Place] = {}
        self._groups: dict[Hashable, _Group] = {}

    def put(self, key: bytes, group: Hashable | None, fingerprint: str) -> set[bytes]:
        """Add a card, or change it. In no group (None) it is compared with nobody.

        Returns the keys of all cards whose status changed.
        """
        return self._move(key, None if group is None else _Place(group, fingerprint))

    def discard(self, key: bytes) -> set[bytes]:
        """Forget a card, if it is known. Returns the keys of all whose status changed: its own
        too, if it was an odd one."""
        return self._move(key, None)

    def odd(self, key: bytes) -> bytes | None:
        """The key of a card to compare this one with, if it differs from most of its group.

        None: it agrees, or is not known. While a card's status stays, another card may come to
        stand for the same fingerprint.
        """
        status = self._status(key)
        if status is None:
            return None
        return self._groups[self._places[key].group].one_with(status)

    def _move(self, key: bytes, place: _Place | None) -> set[bytes]:
        left = self._places.get(key)
        if place == left:
            return set()
        if left is None and place is not None:
            return self._add(key, place)
        status = self._status(key)
        touched = {at.group for at in (left, place) if at is not None}
        before = {group: self._group(group).leaders() for group in touched}
        if left is not None:
            self._groups[left.group].remove(key, left.fingerprint)
            del self._places[key]
        if place is not None:
            self._groups[place.group].add(key, place.fingerprint)
            self._places[key] = place
        changed: set[bytes] = set()
        for group, leaders in before.items():
            changed |= self._groups[group].changed_since(leaders)
            if self._groups[group].is_empty():
                del self._groups[group]
        changed.discard(key)
        if self._status(key) != status:
            changed.add(key)
        return changed

    def _add(self, key: bytes, place: _Place) -> set[bytes]:
        """The same for a card that is in no group: at the start that is every one."""
        group = self._group(place.group)
        before = group.leaders()
        group.add(key, place.fingerprint)
        self._places[key] = place
        changed = group.changed_since(before)
        changed.discard(key)
        if group.leaders().rival_of(place.fingerprint) is not None:
            changed.add(key)
        return changed

    def _status(self, key: bytes) -> str | None:
        place = self._places.get(key)
        if place is None:
            return None
        return self._groups[place.group].leaders().rival_of(place.fingerprint)

    def _group(self, group: Hashable) -> _Group:
        if group not in self._groups:
            self._groups[group] = _Group()
        return self._groups[group]


class _Place(NamedTuple):
    group: Hashable
    fingerprint: str


class _Leaders(NamedTuple):
    """The fingerprint that most cards of a group have, and if equally many have another, that."""

    first: str | None
    second: str | None

    def rival_of(self, fingerprint: str) -> str | None:
        """What cards with this fingerprint are to be compared with; None: they agree."""
        return self.second if fingerprint == self.first else self.first


class _Group:
    """The cards that are compared with one another."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[bytes, None]] = {}
        """By fingerprint, in the order in which they came."""
        self._ranks: SortedList[tuple[int, str]] = SortedList()
        """Minus the number of keys, and the fingerprint: what most have is first. Empty while all
        have the same, as they mostly do."""
        self._leaders = _Leaders(None, None)

    def is_empty(self) -> bool:
        return not self._keys

    def add(self, key: bytes, fingerprint: str) -> None:
        keys = self._keys.setdefault(fingerprint, {})
        self._ranks.discard((-len(keys), fingerprint))
        keys[key] = None
        self._rank(fingerprint)

    def remove(self, key: bytes, fingerprint: str) -> None:
        keys = self._keys[fingerprint]
        self._ranks.discard((-len(keys), fingerprint))
        del keys[key]
        if not keys:
            del self._keys[fingerprint]
        self._rank(fingerprint)

    def leaders(self) -> _Leaders:
        return self._leaders

    def _rank(self, counted: str) -> None:
        """After the number of keys with a fingerprint changed, which is in no rank now."""
        if len(self._keys) < 2:
            self._ranks.clear()
            self._leaders = _Leaders(next(iter(self._keys), None), None)
            return
        added = (counted,) if self._ranks else tuple(self._keys)
        self._ranks.update((-len(self._keys[one]), one) for one in added if one in self._keys)
        (count, first), (next_count, second) = self._ranks[:2]
        self._leaders = _Leaders(first, second if next_count == count else None)

    def one_with(self, fingerprint: str) -> bytes:
        """The key of the card that has had this fingerprint for longest. It must be had."""
        return next(iter(self._keys[fingerprint]))

    def changed_since(self, before: _Leaders) -> set[bytes]:
        """The keys whose status is another than when the leaders were those."""
        now = self.leaders()
        if now == before:
            return set()
        # As long as the first stays, only those who have it can be concerned.
        concerned = [now.first] if now.first == before.first else list(self._keys)
        changed: set[bytes] = set()
        for one in concerned:
            if one is not None and now.rival_of(one) != before.rival_of(one):
                changed.update(self._keys[one])
        return changed
