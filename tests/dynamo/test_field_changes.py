"""Two values of a key are compared field by field."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo.card_differences import DEEPEST
from backends.dynamo.field_changes import MOST_CHANGES, FieldChange, field_changes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def test_each_field_that_differs_is_named_by_its_path_with_both_values() -> None:
    before = b'{"a":1,"t":{"tcp":"h:1","x":[1]},"went":null}'
    after = b'{"t":{"x":[1],"tcp":"h:2"},"a":1,"came":{"b":2}}'
    assert field_changes(before, after) == [
        FieldChange("t.tcp", "h:1", "h:2"),
        FieldChange("went", None, None, went=True),
        FieldChange("came", None, {"b": 2}, came=True),
    ]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (b"1", b"2", ""),
        (b'{"a":1}', b'{"a":true}', "a"),
        (b'{"a":[1,2]}', b'{"a":[2,1]}', "a"),
        (b'{"a.b":1}', b'{"a.b":2}', '["a.b"]'),
        (b'{"a":{"":1}}', b'{"a":{"":2}}', 'a[""]'),
        (b"[]", b"{}", ""),
    ],
)
def test_odd_values_and_names(before: bytes, after: bytes, path: str) -> None:
    found = field_changes(before, after)
    assert found is not None
    assert [change.path for change in found] == [path]


def test_another_spelling_is_the_same_and_no_json_is_not_compared() -> None:
    assert field_changes(b'{"a":1,"b":[]}', b'{ "b": [], "a": 1 }') == []
    assert field_changes(b"\xff", b"\xff") == []
    assert field_changes(b"\xff", b"{}") is None
    assert field_changes(b"{}", b"[" * 100_000) is None


def test_a_deep_or_large_value_is_compared_within_bounds() -> None:
    deep = b'{"a":' * (DEEPEST + 9), b"}" * (DEEPEST + 9)
    found = field_changes(deep[0] + b"1" + deep[1], deep[0] + b"2" + deep[1])
    assert found is not None
    assert [change.path.count("a") for change in found] == [DEEPEST]
    many = {str(number): number for number in range(MOST_CHANGES + 9)}
    assert len(field_changes(b"{}", json.dumps(many).encode()) or ()) == MOST_CHANGES


@given(JSON, JSON)
def test_what_differs_is_found_and_nothing_else(one: object, other: object) -> None:
    before, after = (json.dumps(value).encode() for value in (one, other))
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (field_changes(before, after) == []) is same
