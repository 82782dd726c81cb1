"""Cards are compared field by field, those that Dynamo's checksum covers first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.card_checksum import covered, fingerprint
from backends.dynamo.card_differences import MOST_FIELDS, compare
from tests.dynamo.test_card_checksum import CARD, TEMPLATE, any_cards, file

Card = dict[str, Any]


def differing(*cards: Card) -> dict[str, tuple[str | None, ...]]:
    """The fields that differ, with their values; covered ones marked."""
    return {
        ("≠ " if one.is_covered else "~ ") + one.path: one.values
        for one in compare(cards).differing
    }


def test_what_is_covered_comes_first_and_of_a_file_its_checksum_alone_is() -> None:
    other = CARD | {
        "slug": "other",
        "tokenizer": {"hf_tokenizer_json": file("/elsewhere/tokenizer.json", "9")},
        "router_config": {"kv": {"overlap_score_weight": 1.0}},
    }
    found = differing(CARD, other)
    assert list(found) == [
        "≠ tokenizer (checksum)",
        "≠ router_config.kv.overlap_score_weight",
        "~ slug",
        "~ tokenizer.hf_tokenizer_json.path",
    ]
    assert found["~ slug"] == ("acme_tiny-llm", "other")
    assert found["≠ router_config.kv.overlap_score_weight"] == (None, "1.0")
    both = [CARD | {"router_config": {"kv": {"w": number}}} for number in (1, 2)]
    assert differing(*both) == {"≠ router_config.kv.w": ("1", "2")}
    templates = [CARD | {"chat_template_file": TEMPLATE}, CARD]
    assert "≠ chat_template_file (checksum)" in differing(*templates)


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        ({"runtime_config": {"max_num_seqs": 256, "context_length": 1024}}, ["2048", "1024"]),
        ({"architectural_max_context_length": 4096}, ["2048", "4096"]),
        ({"context_length": 4096}, None),
    ],
)
def test_of_the_context_length_the_effective_one_is_covered_and_named_once(
    theirs: Card, found: list[str] | None
) -> None:
    expected = (
        {"~ context_length": ("2048", "4096")}
        if found is None
        else {"≠ context_length (effective)": tuple(found)}
    )
    assert differing(CARD, CARD | theirs) == expected


def test_extra_files_are_compared_by_name() -> None:
    files = [file("/models/a.json", "5"), file("/models/b.json", "0"), file("/models/c.json", "1")]
    found = differing(CARD, CARD | {"extra_files": files})
    assert [name for name in found if name.startswith("≠")] == [
        '≠ extra_files["b.json"]',
        '≠ extra_files["c.json"]',
    ]
    assert found['≠ extra_files["c.json"]'][0] is None


def test_equal_cards_differ_in_nothing_and_numbers_are_no_booleans() -> None:
    assert differing(CARD, dict(CARD), dict(CARD)) == {}
    assert len(compare([CARD, CARD]).fields) > len(CARD) // 2
    assert list(differing({"user_data": 1}, {"user_data": True})) == ["~ user_data"]
    assert list(differing({"user_data": None}, {})) == ["~ user_data"]


@settings(max_examples=50)
@given(st.lists(any_cards, min_size=2, max_size=3))
def test_covered_fields_differ_just_where_fingerprints_do(cards: list[Card]) -> None:
    found = compare(cards)
    assert found.is_whole
    is_one = len({*map(fingerprint, cards)}) == 1
    assert any(one.is_covered for one in found.differing) is not is_one
    places = [one.is_covered for one in found.fields]
    assert places == sorted(places, reverse=True)
    assert all(len(one.values) == len(cards) for one in found.fields)


def test_a_card_of_a_megabyte_or_of_200_levels_takes_bounded_work() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    wide = {f"field-{number}": number for number in range(100_000)}
    found = compare([{"user_data": deep, "router_config": deep}, {"user_data": wide}])
    assert not found.is_whole
    assert len(found.fields) <= 2 * MOST_FIELDS
    paths = [one.path for one in compare([{"user_data": deep}, {"user_data": {}}]).differing]
    assert len(paths) == 1
    assert paths[0].count("a") < 50
    assert covered(CARD)
