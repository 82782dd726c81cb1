"""JSON is read alike by the fast parser and by the one that takes what that refuses."""

from __future__ import annotations

import json
from typing import Any

import pydantic_core
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.dynamo.json_values import from_json
from tests.corpus import load

_numbers = st.integers() | st.floats() | st.decimals(allow_nan=False).map(float)
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_texts = _values.map(json.dumps).map(str.encode)


def bent(text: bytes, at: int, by: bytes) -> bytes:
    """Return a text with some bytes of it replaced."""
    at %= len(text) + 1
    return text[:at] + by + text[at + len(by) :]


def told(parse: Any, text: bytes) -> str:
    """Return the value with its types, or the error."""
    try:
        return repr(parse(text))
    except ValueError as error:
        return f"refused: {error}"


def reference(text: bytes) -> Any:
    return pydantic_core.from_json(text, allow_inf_nan=False, cache_strings="keys")


@given(_texts | st.binary(max_size=12) | st.builds(bent, _texts, st.integers(0), st.binary()))
@example(b"1e999")
@example(b"-0")
@example(b"18446744073709551616")
@example(b"1" * 5000)
@example(b"[" * 199 + b"]" * 199)
@example(b"[" * 200 + b"]" * 200)
@example(b"[" * 201 + b"]" * 201)
@example(b"[" * 500 + b"]" * 500)
@example(b"[" * 3000 + b"]" * 3000)
@example(b'{"a":' * 201 + b"1" + b"}" * 201)
@example(b'{"a":1,"a":NaN}')
@example(b'"\\ud800"')
@example(b'"\\ud83d\\ude00"')
@example(b"\xef\xbb\xbf1")
@example(b'"\xff"')
@example(b'"\x00"')
@example(b"01")
@example(b" 1 ")
@example(b"1 2")
def test_any_bytes_are_read_as_pydantic_core_reads_them(text: bytes) -> None:
    assert told(from_json, text) == told(reference, text)


@pytest.mark.parametrize("release", load(), ids=lambda one: one.name)
def test_recorded_values_are_read_as_pydantic_core_reads_them(release: Any) -> None:
    for entry in release.entries:
        assert told(from_json, entry.value) == told(reference, entry.value)
