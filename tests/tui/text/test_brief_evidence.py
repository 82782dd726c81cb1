"""Evidence in a column says what its sentence says, with words left out."""

from __future__ import annotations

import re

import pytest

from backends.liveness.evidence_kinds import Values
from tests.support.evidence import SENTENCES
from tui.text.brief_evidence import brief_evidence


def words(text: str) -> list[str]:
    return re.findall(r"[^\s:;,()]+", text)


def is_left_of(short: list[str], whole: list[str]) -> bool:
    """Return whether all words of one are in the other, in their order."""
    rest = iter(whole)
    return all(word in rest for word in short)


@pytest.mark.parametrize("values", SENTENCES, ids=lambda values: values.kind.value)
def test_words_are_left_out_of_the_sentence_and_none_comes_in(values: Values) -> None:
    brief = brief_evidence(values)
    assert brief
    assert is_left_of(words(brief), words(SENTENCES[values]))


@pytest.mark.parametrize("values", SENTENCES, ids=lambda values: values.kind.value)
def test_it_is_shorter_than_a_column_of_a_wide_screen(values: Values) -> None:
    assert len(brief_evidence(values)) <= min(80, len(SENTENCES[values]))
