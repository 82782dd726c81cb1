"""Which cards are in conflict with others of their worker set, and which sorts there are."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.parse import read
from backends.dynamo.records import ModelCard
from backends.liveness.serving import Serving
from backends.store import Entry, Revision
from tests.liveness.watched import sorts_of
from tests.support import registered

CORPUS = Path(__file__).parent.parent / "corpus"

LENGTHS = {"a": 1024, "b": 2048, "c": 4096, "d": 8192}
"""By the sort of a card the context length that it has."""


def card(worker: int, sort: str, component: str = "g") -> ModelCard:
    """A card whose worker set has this component. Of sort `?` its body names another worker, so no
    frontend compares it."""
    key, value = registered.card(worker, component=component)
    body = json.loads(value)
    if sort == "?":
        body["instance_id"] = 99
    else:
        body["card_json"]["context_length"] = LENGTHS[sort]
    found = registered.record((key, json.dumps(body).encode()), lease=worker)
    assert isinstance(found, ModelCard)
    return found


def put(serving: Serving, *cards: ModelCard, dead: bool = False) -> set[bytes]:
    """Returns the keys of the cards whose routing may have changed: also of those put."""
    for one in cards:
        serving.put_card(one, dead=dead)
    return {one.key for one in cards} | serving.take_changes()


def discard(serving: Serving, one: ModelCard) -> set[bytes]:
    serving.discard_card(one.key)
    return set(serving.take_changes())


def sorts(serving: Serving, one: ModelCard) -> list[list[bytes]]:
    return [list(group.keys) for group in sorts_of(serving, one.key)]


def test_all_cards_of_a_worker_set_with_two_sorts_disagree_whichever_has_more() -> None:
    serving = Serving()
    first, second, third = card(1, "a"), card(2, "a"), card(3, "b")
    put(serving, first, second)
    assert not serving.disagrees(first.key)
    assert put(serving, third) == {first.key, second.key, third.key}
    assert all(serving.disagrees(one.key) for one in (first, second, third))
    assert discard(serving, first) == set()
    assert sorts(serving, third) == [[third.key], [second.key]]
    assert discard(serving, third) == {second.key}
    assert not serving.disagrees(second.key)


def test_a_third_sort_changes_nothing_for_the_others() -> None:
    serving = Serving()
    put(serving, card(1, "a"), card(2, "b"))
    assert put(serving, card(3, "c")) == {card(3, "c").key}
    assert put(serving, card(3, "b")) == {card(3, "b").key}
    assert put(serving, card(1, "b")) == {card(worker, "b").key for worker in (1, 2, 3)}


def test_a_card_that_no_frontend_compares_or_of_a_dead_worker_is_no_party() -> None:
    serving = Serving()
    first, second, third = card(1, "a"), card(2, "b"), card(3, "?")
    put(serving, first, second)
    assert put(serving, second, dead=True) == {first.key, second.key}
    assert put(serving, third) == {third.key}
    assert not any(serving.disagrees(one.key) for one in (first, second, third))
    assert sorts(serving, second) == sorts(serving, third) == []
    assert put(serving, second) == {first.key, second.key}
    assert serving.disagrees(first.key)


def test_a_change_that_leaves_the_sorts_as_they_are_bears_on_no_other_card() -> None:
    serving = Serving()
    first, second = card(1, "a"), card(2, "b")
    put(serving, first, second)
    assert put(serving, second) == {second.key}
    # It goes and comes before anything is asked.
    serving.discard_card(second.key)
    assert put(serving, second) == {second.key}
    serving.discard_card(b"unknown")
    assert serving.take_changes() == set()


Seats = dict[int, tuple[str, str]]
"""By worker the component and the sort of its card."""


def disagreeing(seats: Seats) -> set[int]:
    """The workers in whose set there are several sorts of card, counted anew."""
    found: dict[str, set[str]] = defaultdict(set)
    for component, sort in seats.values():
        if sort != "?":
            found[component].add(sort)
    return {
        worker
        for worker, (component, sort) in seats.items()
        if sort != "?" and len(found[component]) > 1
    }


workers = st.integers(1, 9)
puts = st.tuples(workers, st.sampled_from("gh"), st.sampled_from("abcd?"))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.one_of(puts, workers), min_size=1, max_size=3), max_size=20))
def test_after_any_changes_those_that_disagree_are_those_counted_anew(
    steps: list[list[int | tuple[int, str, str]]],
) -> None:
    serving, seats = Serving(), Seats()
    before: set[int] = set()
    for changes in steps:
        concerned = set()
        for change in changes:
            worker, *seat = change if isinstance(change, tuple) else (change,)
            concerned.add(worker)
            if (known := seats.pop(worker, None)) is not None and (not seat or known[0] != seat[0]):
                serving.discard_card(card(worker, known[1], known[0]).key)
            if seat:
                component, sort = seat
                serving.put_card(card(worker, sort, component), dead=False)
                seats[worker] = component, sort
        changed = serving.take_changes()
        after = disagreeing(seats)
        key_of = {worker: card(worker, sort, at).key for worker, (at, sort) in seats.items()}
        concerned |= before - seats.keys()
        assert changed - {key_of.get(one) for one in concerned} == {
            key_of[worker] for worker in (before ^ after) - concerned
        }
        for worker, (component, sort) in seats.items():
            assert serving.disagrees(key_of[worker]) is (worker in after)
            found = sorts_of(serving, key_of[worker])
            assert [key_of[worker] in one.keys for one in found][:1] == [True] * (sort != "?")
            assert {key for one in found for key in one.keys} == {
                key_of[other]
                for other, (its, its_sort) in seats.items()
                if its == component and "?" not in (sort, its_sort)
            }
        before = after


def corpus_cards(path: Path) -> list[ModelCard]:
    """All cards of a recorded store."""
    found: list[ModelCard] = []
    for line in path.read_text().splitlines():
        stored = json.loads(line)
        if "mdc/" not in stored["key"]:
            continue
        key, text = stored["key"].encode(), stored["value"].encode()
        record = read(Entry(key, text, Revision("1"), None, None))
        assert isinstance(record, ModelCard)
        found.append(record)
    return found


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_real_cards_that_are_compared_agree(path: Path) -> None:
    cards = corpus_cards(path)
    assert cards
    serving = Serving()
    for record in cards:
        serving.put_card(record, dead=False)
    assert not any(serving.disagrees(record.key) for record in cards)
