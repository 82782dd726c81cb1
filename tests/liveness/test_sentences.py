"""A piece of evidence is a kind and values; its sentence says the same in words."""

from __future__ import annotations

import pytest

from backends.discovery.cluster import FirstSeen
from backends.liveness.card_consensus import SortOfCard, compared
from backends.liveness.evidence import Assessment, Evidence
from backends.liveness.evidence_kinds import CardSort, EvidenceKind, Malformed, Values
from backends.liveness.judge import Verdict
from backends.liveness.sentences import sentence
from tests.support.evidence import SENTENCES, VALUES_OF


@pytest.mark.parametrize("values", SENTENCES, ids=lambda values: values.kind.value)
def test_each_kind_of_evidence_has_its_sentence(values: Values) -> None:
    assert sentence(values) == SENTENCES[values]


def test_every_kind_has_values_of_its_own_and_a_sample() -> None:
    assert set(VALUES_OF) == set(EvidenceKind)
    assert len(set(VALUES_OF.values())) == len(EvidenceKind)
    assert {one.kind for one in SENTENCES} == set(EvidenceKind)


def test_evidence_keeps_values_and_no_sentence() -> None:
    for values, text in SENTENCES.items():
        one = Evidence(values, 1.0)
        assert list(one.__struct_fields__) == ["values", "at"]
        kept = [getattr(values, field) for field in values.__struct_fields__]
        # What a body names is a text of the record itself.
        assert text not in kept or one.kind is EvidenceKind.NAMES_ANOTHER


def test_of_a_worker_set_with_many_sorts_of_card_four_are_named_and_all_are_counted() -> None:
    seen = FirstSeen(90.0, was_there=False)
    sorts = [SortOfCard(str(one), (b"a", b"b"), 1, seen, (f"field {one}",)) for one in range(9)]
    found = compared(len(sorts), sorts, 100.0)
    assert found.number == 9
    assert [one.differs_in for one in found.sorts] == [(f"field {one}",) for one in range(4)]
    assert found.sorts[0] == CardSort(2, 1, 10.0, was_there=False, differs_in=("field 0",))
    assert sentence(found).count(" and 5 more sorts; ") == 1


def test_evidence_prints_as_one_harmless_line() -> None:
    one = Evidence(Malformed("\x1b]0;owned\x07\n"), 1.0)
    assert str(one) == "Dynamo skips it: \\x1b]0;owned\\x07\\n"
    assert str(Assessment(Verdict.MALFORMED, (one,))) == f"malformed ({one})"
