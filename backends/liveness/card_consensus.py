"""A conflict of model cards as evidence: the sorts of card in one worker set, and how they differ.

Pure; `card_routings` finds which cards are in conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.dynamo.card_checksum import differences
from backends.dynamo.parse import card_json
from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.evidence_kinds import CardsDiffer, CardSort
from backends.liveness.serving import Serving


class SortOfCard(msgspec.Struct, frozen=True):
    """The workers of one worker set that have equal cards."""

    fingerprint: str
    keys: tuple[bytes, ...]
    """Their cards, in the order in which they came."""
    routable: int
    """The number of workers with a live instance."""
    since: FirstSeen
    """When the first of the cards that still has it was first seen with it."""
    differs_in: tuple[str, ...]
    """The fields that differ from the first sort, its value before `theirs`. Empty for the first.
    May hold untrusted text."""


def sorts_of_card(
    card: ModelCard,
    serving: Serving,
    records: Mapping[bytes, AnyRecord],
    value_seen: Callable[[bytes], FirstSeen],
) -> tuple[SortOfCard, ...]:
    """Return the sorts of card in a card's worker set, its own first.

    Empty: it is no party to a conflict. `records`: those in `serving`. `value_seen`: when the value
    of a key was first seen.
    """
    if not serving.disagrees(card.key):
        return ()
    mine = card_json(card.entry)
    routable = serving.left_with(card.key, ())
    found: list[SortOfCard] = []
    for sort in serving.sorts(card.key):
        there = [records[key] for key in sort.keys if key in records]
        theirs = {} if not found else card_json(there[0].entry) if there else {}
        found.append(
            SortOfCard(
                sort.sort,
                tuple(sort.keys),
                routable.get(sort.sort, 0),
                min(map(value_seen, sort.keys), key=lambda seen: seen.at),
                tuple(differences(mine, theirs)) if found else (),
            )
        )
    return tuple(found)


def compared(sorts: Sequence[SortOfCard], now: float) -> CardsDiffer:
    """Return a conflict as evidence, as seen from the first sort. `now`: POSIX seconds."""
    if len(sorts) < 2:
        return CardsDiffer(0, ())
    named = sorts[: 1 + MOST_SORTS]
    return CardsDiffer(len(sorts), tuple(_compared(one, now) for one in named))


MOST_SORTS = 3
"""The most sorts that are named besides a card's own."""


def _compared(sort: SortOfCard, now: float) -> CardSort:
    known_for = max(0.0, now - sort.since.at)
    return CardSort(len(sort.keys), sort.routable, known_for, sort.since.was_there, sort.differs_in)
