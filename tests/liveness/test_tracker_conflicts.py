"""Verdicts on cards of one worker set that differ."""

from __future__ import annotations

import json

from backends.dynamo.records import AnyRecord, ModelCard
from backends.liveness.evidence_kinds import CardsDiffer, CardSort
from backends.liveness.judge import Verdict
from backends.probe.types import ProbeAnswer
from tests.liveness.watched import NOW, Watched
from tests.support import registered
from tests.support.registered import record


def card_of(worker: int, context_length: int) -> AnyRecord:
    key, value = registered.card(worker)
    changed = json.loads(value)
    changed["card_json"]["context_length"] = context_length
    return record((key, json.dumps(changed).encode()), lease=worker)


def instance_of(worker: int) -> AnyRecord:
    return record(registered.instance(worker), lease=worker)


def test_all_cards_of_a_worker_set_that_differ_are_in_conflict_whichever_has_more() -> None:
    alike = [card_of(worker, 4096) for worker in (1, 2)]
    other = card_of(3, 2048)
    watched = Watched(*alike, other, *map(instance_of, (1, 2, 3)))
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    assert {watched.of(one) for one in (*alike, other)} == {Verdict.CONFLICT}

    def sort(workers: int, *differs_in: str) -> CardSort:
        return CardSort(workers, workers, 40.0, was_there=False, differs_in=differs_in)

    first = watched.verdicts.assessment(other, NOW + 40).evidence[0]
    differs = sort(2, "context_length 2048 (theirs: 4096)")
    assert first.values == CardsDiffer(2, (sort(1), differs))
    first = watched.verdicts.assessment(alike[0], NOW + 40).evidence[0]
    differs = sort(1, "context_length 4096 (theirs: 2048)")
    assert first.values == CardsDiffer(2, (sort(2), differs))
    assert watched.discard(*alike) == {other.key}
    assert watched.of(other) is Verdict.LIVE


def test_dead_outranks_conflict_and_a_dead_worker_is_no_party_to_it() -> None:
    dead, alive = card_of(1, 2048), card_of(2, 4096)
    its_instance = instance_of(1)
    watched = Watched(dead, alive, its_instance, instance_of(2))
    watched.lives(**{"1": 22.0, "2": 22.0})
    assert watched.of(dead) is watched.of(alive) is Verdict.CONFLICT
    watched.probed(its_instance, ProbeAnswer.REFUSED)
    assert watched.of(dead) is Verdict.UNREACHABLE
    assert watched.of(alive) is Verdict.LIVE
    watched.probed(its_instance, ProbeAnswer.ACCEPTS)
    assert watched.of(dead) is watched.of(alive) is Verdict.CONFLICT
    assert watched.lives(**{"1": -1.0}) == {dead.key, its_instance.key, alive.key}
    assert watched.of(dead) is Verdict.ORPHANED
    assert watched.of(alive) is Verdict.LIVE


def test_acting_on_one_sort_leaves_each_with_its_number_of_workers() -> None:
    cards = [card_of(1, 4096), card_of(2, 4096), card_of(3, 2048)]
    watched = Watched(*cards, *map(instance_of, (1, 2, 3)))
    watched.lives(**{"1": 22.0, "2": 22.0, "3": 22.0})
    mine = cards[0]
    assert isinstance(mine, ModelCard)
    sorts = watched.verdicts.conflict(mine)
    assert [(one.routable, len(one.keys)) for one in sorts] == [(2, 2), (1, 1)]
    left = watched.verdicts.serving.left_with(mine.key, [instance_of(2).key])
    assert [left[one.fingerprint] for one in sorts] == [1, 1]
    left = watched.verdicts.serving.left_with(mine.key, [cards[2].key])
    assert [left[one.fingerprint] for one in sorts] == [2, 0]


def test_sorts_once_read_are_as_they_are_after_the_next_change() -> None:
    cards = [card_of(1, 4096), card_of(2, 4096), card_of(3, 2048)]
    watched = Watched(*cards, *map(instance_of, (1, 2, 3)))
    mine = cards[0]
    assert isinstance(mine, ModelCard)
    assert [len(one.keys) for one in watched.verdicts.conflict(mine)] == [2, 1]
    watched.put(card_of(4, 1024))
    assert [len(one.keys) for one in watched.verdicts.conflict(mine)] == [2, 1, 1]
    watched.discard(cards[1])
    assert [(one.routable, len(one.keys)) for one in watched.verdicts.conflict(mine)] == [
        (1, 1),
        (1, 1),
        (0, 1),
    ]
