"""A conflict of model cards as evidence: the sorts of card in one worker set, and how they differ.

Pure; `card_routings` finds which cards are in conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import FirstSeen
from backends.dynamo.card_checksum import CardJson, differences
from backends.dynamo.parse import card_json
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence_kinds import CardsDiffer, CardSort
from backends.liveness.serving.worker_sets import CardSet

MOST_SORTS = 3
"""The most sorts that are named besides a card's own."""


class SortOfCard(msgspec.Struct, frozen=True):
    """The workers of one worker set that have equal cards."""

    fingerprint: str
    keys: tuple[bytes, ...]
    """Their cards, in the order in which they came."""
    routable: int
    """The number of workers with a live instance."""
    since: FirstSeen
    """When the first of the cards that still has it was first seen with it."""
    differs_in: tuple[str, ...] = ()
    """The fields that differ from the first sort, its value before `theirs`. Empty for the first,
    and for those that were not compared. May hold untrusted text."""


SortsOfSet = Mapping[str, SortOfCard]
"""All sorts of one worker set, not compared yet, by fingerprint; by their age."""


def sorts_of_set(card_set: CardSet, value_seen: Callable[[bytes], FirstSeen]) -> SortsOfSet:
    """Return the sorts of card in a worker set. `value_seen`: when the value of a key was first
    seen."""
    return {
        group.sort: SortOfCard(
            group.sort,
            tuple(group.keys),
            group.up,
            min(map(value_seen, group.keys), key=lambda seen: seen.at),
        )
        for group in card_set.groups.values()
        if group.is_party
    }


def own_first(
    fingerprint: str, sorts: SortsOfSet, records: Mapping[bytes, AnyRecord], most: int | None = None
) -> tuple[SortOfCard, ...]:
    """Return the sorts of a worker set as a card of one of them sees them: its own first, at most
    `most` others, and the fields that the first few of these differ in."""
    mine = sorts[fingerprint]
    others = (one for one in sorts.values() if one is not mine)
    return with_differences((mine, *islice(others, most)), records)


def with_differences(
    sorts: Iterable[SortOfCard], records: Mapping[bytes, AnyRecord], named: int = MOST_SORTS
) -> tuple[SortOfCard, ...]:
    """Return sorts with the fields that the first `named` differ in from the one before them all.
    There may be thousands, and no more are ever shown."""
    first, *others = sorts
    mine = _body(first, records)
    compared = (
        replace(one, differs_in=tuple(differences(mine, _body(one, records))))
        for one in others[:named]
    )
    return (first, *compared, *others[named:])


def _body(sort: SortOfCard, records: Mapping[bytes, AnyRecord]) -> CardJson:
    record = next((records[key] for key in sort.keys if key in records), None)
    return {} if record is None else card_json(record.entry)


def compared(number: int, sorts: Sequence[SortOfCard], now: float) -> CardsDiffer:
    """Return a conflict as evidence, as seen from the first sort. `number`: of all sorts. `now`:
    POSIX seconds."""
    if number < 2:
        return CardsDiffer(0, ())
    named = sorts[: 1 + MOST_SORTS]
    return CardsDiffer(number, tuple(_compared(one, now) for one in named))


def _compared(sort: SortOfCard, now: float) -> CardSort:
    known_for = max(0.0, now - sort.since.at)
    return CardSort(len(sort.keys), sort.routable, known_for, sort.since.was_there, sort.differs_in)
