"""Which cards differ from most of their group, and with which others they are compared."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.agreement import Agreement
from backends.checksum import fingerprint, group_of
from backends.reading import read
from backends.records import ModelCard
from backends.store import Entry, Revision

CORPUS = Path(__file__).parent.parent / "corpus"

Card = dict[str, Any]


def test_most_of_a_group_are_right() -> None:
    agreement = Agreement()
    assert agreement.put(b"1", "g", "a") == set()
    assert agreement.put(b"2", "g", "a") == set()
    assert agreement.put(b"3", "g", "b") == {b"3"}
    assert [agreement.odd(key) for key in (b"1", b"2", b"3")] == [None, None, b"1"]


def test_on_a_tie_all_differ_each_from_one_of_the_other_side() -> None:
    agreement = Agreement()
    agreement.put(b"1", "g", "a")
    assert agreement.put(b"2", "g", "b") == {b"1", b"2"}
    assert (agreement.odd(b"1"), agreement.odd(b"2")) == (b"2", b"1")
    assert agreement.put(b"3", "g", "b") == {b"2"}
    assert agreement.discard(b"1") == {b"1"}
    assert [agreement.odd(key) for key in (b"1", b"2", b"3")] == [None, None, None]


def test_a_third_kind_is_told_when_it_is_to_be_compared_with_others() -> None:
    agreement = Agreement()
    for key, one in [(b"1", "b"), (b"2", "b"), (b"3", "c"), (b"4", "a"), (b"5", "a")]:
        agreement.put(key, "g", one)
    assert agreement.odd(b"3") == b"4"
    assert agreement.discard(b"4") == {b"1", b"2", b"3", b"4"}
    assert agreement.odd(b"3") == b"1"


def test_a_card_in_no_group_is_compared_with_nobody() -> None:
    agreement = Agreement()
    agreement.put(b"1", "g", "a")
    agreement.put(b"2", "g", "b")
    assert agreement.put(b"2", None, "b") == {b"1", b"2"}
    assert agreement.put(b"3", None, "c") == set()
    assert agreement.odd(b"2") is None
    assert agreement.odd(b"3") is None


def test_a_put_that_changes_nothing_tells_nobody() -> None:
    agreement = Agreement()
    agreement.put(b"1", "g", "a")
    agreement.put(b"2", "g", "b")
    assert agreement.put(b"2", "g", "b") == set()
    assert agreement.discard(b"9") == set()


Places = dict[bytes, tuple[Hashable, str]]


def compared_with(places: Places) -> dict[bytes, str | None]:
    """By key the fingerprint to compare with, counted anew."""
    groups: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for group, one in places.values():
        groups[group][one] += 1
    found: dict[bytes, str | None] = {}
    for key, (group, one) in places.items():
        most = max(groups[group].values())
        leaders = sorted(leader for leader, count in groups[group].items() if count == most)
        found[key] = next((leader for leader in leaders if leader != one), None)
    return found


keys = st.sampled_from([b"%d" % number for number in range(9)])
puts = st.tuples(keys, st.sampled_from(["g", "h", None]), st.sampled_from("abcd"))


@settings(max_examples=300)
@given(st.lists(st.one_of(puts, keys), max_size=60))
def test_after_any_changes_the_odd_ones_are_those_counted_anew(
    changes: list[bytes | tuple[bytes, str | None, str]],
) -> None:
    agreement, places = Agreement(), Places()
    before: dict[bytes, str | None] = {}
    for change in changes:
        key, group, one = change if isinstance(change, tuple) else (change, None, "")
        told = agreement.put(*change) if isinstance(change, tuple) else agreement.discard(change)
        places.pop(key, None)
        if group is not None:
            places[key] = (group, one)
        after = compared_with(places)
        assert told == {known for known in before | after if before.get(known) != after.get(known)}
        for known in before | after:
            other, expected = agreement.odd(known), after.get(known)
            assert (other and places[other]) == (expected and (places[known][0], expected))
        before = after


def corpus_cards(path: Path) -> list[tuple[ModelCard, Card]]:
    """All cards of a recorded store, as records and as JSON."""
    found = []
    for line in path.read_text().splitlines():
        stored = json.loads(line)
        if "mdc/" not in stored["key"]:
            continue
        value = json.loads(stored["value"])
        key, text = stored["key"].encode(), stored["value"].encode()
        record = read(Entry(key, text, Revision("1"), None, None))
        assert isinstance(record, ModelCard)
        found.append((record, value.get("card_json", value)))
    return found


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_real_cards_that_are_compared_agree(path: Path) -> None:
    cards = corpus_cards(path)
    assert cards
    agreement = Agreement()
    for record, card in cards:
        agreement.put(record.key, group_of(record), fingerprint(card))
    assert [agreement.odd(record.key) for record, _ in cards] == [None] * len(cards)
