"""Which cards disagree with others of their group, and which sorts there are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.card_checksum import fingerprint, group_of
from backends.dynamo.parse import read
from backends.dynamo.records import ModelCard
from backends.liveness.card_consensus import CardConsensus
from backends.store import Entry, Revision

CORPUS = Path(__file__).parent.parent / "corpus"

Card = dict[str, Any]


def test_all_cards_of_a_group_with_two_sorts_disagree_whichever_has_more() -> None:
    consensus = CardConsensus()
    assert consensus.put(b"1", "g", "a") == set()
    assert consensus.put(b"2", "g", "a") == set()
    assert consensus.put(b"3", "g", "b") == {b"1", b"2", b"3"}
    assert all(consensus.disagrees(key) for key in (b"1", b"2", b"3"))
    assert consensus.discard(b"1") == {b"1"}
    assert consensus.sorts(b"3") == (("b", (b"3",)), ("a", (b"2",)))
    assert consensus.discard(b"3") == {b"2", b"3"}
    assert not consensus.disagrees(b"2")


def test_a_third_sort_changes_nothing_for_the_others() -> None:
    consensus = CardConsensus()
    consensus.put(b"1", "g", "a")
    consensus.put(b"2", "g", "b")
    assert consensus.put(b"3", "g", "c") == {b"3"}
    assert consensus.put(b"3", "g", "b") == set()
    assert consensus.put(b"1", "g", "b") == {b"1", b"2", b"3"}


def test_a_card_in_no_group_is_compared_with_no_other() -> None:
    consensus = CardConsensus()
    consensus.put(b"1", "g", "a")
    consensus.put(b"2", "g", "b")
    assert consensus.put(b"2", None, "b") == {b"1", b"2"}
    assert consensus.put(b"3", None, "c") == set()
    assert not consensus.disagrees(b"2")
    assert consensus.sorts(b"3") == ()


def test_a_put_that_changes_nothing_tells_nobody() -> None:
    consensus = CardConsensus()
    consensus.put(b"1", "g", "a")
    consensus.put(b"2", "g", "b")
    assert consensus.put(b"2", "g", "b") == set()
    assert consensus.discard(b"9") == set()


Places = dict[bytes, tuple[Hashable, str]]


def disagreeing(places: Places) -> set[bytes]:
    """The keys whose group has several fingerprints, counted anew."""
    groups: dict[Hashable, set[str]] = defaultdict(set)
    for group, one in places.values():
        groups[group].add(one)
    return {key for key, (group, _) in places.items() if len(groups[group]) > 1}


keys = st.sampled_from([b"%d" % number for number in range(9)])
puts = st.tuples(keys, st.sampled_from(["g", "h", None]), st.sampled_from("abcd"))


@settings(max_examples=300)
@given(st.lists(st.one_of(puts, keys), max_size=60))
def test_after_any_changes_those_that_disagree_are_those_counted_anew(
    changes: list[bytes | tuple[bytes, str | None, str]],
) -> None:
    consensus, places = CardConsensus(), Places()
    before: set[bytes] = set()
    for change in changes:
        key, group, one = change if isinstance(change, tuple) else (change, None, "")
        told = consensus.put(*change) if isinstance(change, tuple) else consensus.discard(change)
        places.pop(key, None)
        if group is not None:
            places[key] = (group, one)
        after = disagreeing(places)
        assert told == before ^ after
        for known, seat in places.items():
            assert consensus.disagrees(known) is (known in after)
            mine, *others = consensus.sorts(known)
            assert mine.fingerprint == seat[1]
            found = {(sort.fingerprint, key) for sort in (mine, *others) for key in sort.keys}
            assert found == {(one, key) for key, (group, one) in places.items() if group == seat[0]}
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
    consensus = CardConsensus()
    for record, card in cards:
        consensus.put(record.key, group_of(record), fingerprint(card))
    assert not any(consensus.disagrees(record.key) for record, _ in cards)
