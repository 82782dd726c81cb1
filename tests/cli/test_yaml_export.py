"""Loading what `-o yaml` prints gives what loading `-o json` gives."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tui.cli.yaml_export import yaml_list
from tui.text.json_export import as_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)

LIKE_OTHERS = [
    *("yes", "No", "on", "OFF", "y", "N", "true", "null", "~", "", "=", "<<", "-", "."),
    *("1", "007", "0x1f", "0o17", "1_000", "1.5", ".5", "1e3", "7e12", "+1", "-1", ".inf", ".nan"),
    *("2026-11-21", "2026-11-21T13:45:01Z", "12:30:45", "# none", "a: b", "- a", "? a", "&a", "*a"),
    *("\x00", "\x1b[2J", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "a\nb\r\n", " a ", "\t"),
]


def text_of(*values: Any) -> str:
    return "\n".join(yaml_list(as_json(value) for value in values))


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=3))
def test_any_objects_are_loaded_as_they_were(objects: list[Any]) -> None:
    text = text_of(*objects)
    assert yaml.safe_load(text) == objects
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("written", LIKE_OTHERS)
def test_a_text_stays_a_text(written: str) -> None:
    assert yaml.safe_load(text_of({written: [written]})) == [{written: [written]}]


NUMBERS = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
"""As YAML 1.2 has them: PyYAML reads 1.1, where `7e12` is a text."""


@given(st.from_regex(NUMBERS, fullmatch=True) | st.sampled_from(["y", "n", "Y", "N", "yes", "off"]))
def test_a_text_that_another_reader_takes_for_a_value_is_quoted(written: str) -> None:
    assert text_of({"id": written}) == f"- id: '{written}'"


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 1e17, 1e-7, 5e-324, -0.0])
def test_a_number_keeps_its_value_and_kind(number: float) -> None:
    (found,) = yaml.safe_load(text_of({"n": number}))
    assert repr(found["n"]) == repr(number)


def test_values_that_are_equal_are_written_out() -> None:
    text = text_of({"a": [1, {"b": 2}], "c": [1, {"b": 2}]})
    assert "&" not in text
    assert "*" not in text


def test_no_objects_are_an_empty_list() -> None:
    assert list(yaml_list([])) == ["[]"]


def test_without_libyaml_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"text": "\x1b", "id": "7e12", "deep": json.loads("[" * 200 + "]" * 200)}
    fast = text_of(value)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert yaml.safe_load(text_of(value)) == yaml.safe_load(fast) == [value]
