"""A detail as lines: nothing is lost but what is said to be cut, and nothing is too wide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.text.detail import Detail
from tui.text.detail_lines import (
    FIELD_CHARACTERS,
    JSON_CHARACTERS,
    LONGEST_WRAPPED,
    TITLE,
    DetailLine,
    lines_of,
)
from tui.text.sanitize import plain, width


def detail(
    *fields: tuple[str, str], json: str = "", title: str = "● live", tone: str = ""
) -> Detail:
    return Detail(title, tone, fields, json)


def test_fields_stand_under_each_other_and_fold_under_their_own_text() -> None:
    shown = lines_of(detail(("key", "a"), ("lease", "one two three"), tone="good"), 14)
    assert shown == [
        DetailLine("● live", tone=TITLE),
        DetailLine("a", "key    "),
        DetailLine("one two", "lease  "),
        DetailLine("three", "       "),
        DetailLine(""),
        DetailLine(""),
    ]


def test_the_state_has_its_tone_and_what_is_wrong_is_bad() -> None:
    shown = lines_of(detail(("state", "late"), ("malformed", "no JSON"), tone="warn"), 40)
    assert [line.tone for line in shown[1:3]] == ["warn", "bad"]


def test_what_is_very_long_is_cut_and_says_by_how_much() -> None:
    shown = lines_of(detail(("key", "x" * 5_000), json="y" * 70_000), 200)
    text = "".join(map(str, shown))
    assert text.count("x") == FIELD_CHARACTERS
    assert text.count("y") - text.count("key") == JSON_CHARACTERS
    assert "… and 1,000 characters more" in text
    assert "… and 6,000 characters more" in text


texts = st.text(max_size=200)


@given(texts, st.lists(st.tuples(st.sampled_from(["key", "state", "x"]), texts)), texts)
def test_no_line_is_too_wide_and_all_is_printable(
    title: str, fields: list[tuple[str, str]], json: str
) -> None:
    for line in lines_of(detail(*fields, title=title, json=json), 40):
        assert width(str(line)) <= 40
        assert str(line).isprintable()


@given(st.text("aé漢\x1b\u0301 ", min_size=LONGEST_WRAPPED + 1, max_size=LONGEST_WRAPPED + 200))
def test_a_line_that_is_no_sentence_is_folded_where_it_is_full(text: str) -> None:
    lines = [str(line) for line in lines_of(detail(json=text), 40)[2:]]
    assert "".join(lines) == plain(text)
    assert all(width(line) <= 40 for line in lines)
    assert all(width(line) >= 39 for line in lines[:-1])


def test_what_has_to_be_escaped_is_cut_sooner() -> None:
    shown = "".join(map(str, lines_of(detail(json="\x1b" * 70_000), 200)))
    assert JSON_CHARACTERS <= len(shown) <= 3 * JSON_CHARACTERS
    assert "characters more" in shown
