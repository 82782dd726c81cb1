"""A body that is cut in two is read and written as if it were not."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic_core import from_json

from backends.dynamo import parse
from backends.dynamo.card_split import LONGEST_SHARED, parted, split_body, split_sorted_body
from backends.dynamo.parse import parsed_value, read
from backends.dynamo.records import ModelCard
from backends.etcd import rpc
from backends.store import Entry, Revision
from tests.support import registered
from tui.text import json_export

KEY = b"v1/mdc/prod/backend/generate/1"
NAMES = {"namespace": "prod", "component": "backend", "endpoint": "generate", "instance_id": 1}
CARD = {"display_name": "acme/tiny", "context_length": 2048}

members = st.dictionaries(
    st.sampled_from(["type", "namespace", "card_json", "instance_id", "model_suffix", "x"]),
    st.none()
    | st.sampled_from(["Model", "prod", 1, 1e300, "é\x7f", CARD, {"card_json": CARD}])
    | st.sampled_from([',"card_json":', "\\", "}", "{", "a,"]),
)


def text_of(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Much like a model's body, with its card anywhere, twice, nested, in a text, or cut off."""
    full = {"type": "Model", **NAMES, "card_json": CARD}
    pieces = draw(st.lists(members | st.sampled_from([full, NAMES]), min_size=1, max_size=3))
    # Joined as text, so that a name may come twice.
    value = b"{" + b",".join(text_of(piece)[1:-1] for piece in pieces) + b"}"
    return value[: draw(st.none() | st.integers(0, len(value)))] + draw(
        st.sampled_from([b"", b"}", b" ", b"x"])
    )


def entry_of(value: bytes) -> Entry:
    return Entry(KEY, value, Revision("1"))


@given(bodies())
@example(b'{,"card_json":{"display_name":"a"}}')
@example(b'{"card_json":1,"type":"Model","card_json":{"display_name":"a"}}')
@example(b'{"type":"Model","a":"\\",\\"card_json\\":{}","card_json":{"display_name":"a"}}')
@example(b'{"type":"Model","card_json":{"display_name":NaN}}')
@example(text_of({"card_json": CARD, **dict(sorted(NAMES.items())), "type": "Model"}))
@example(text_of({"card_json": CARD, **NAMES, "type": "Model"})[:-1] + b',"card_json":1}')
@example(b'{"card_json":{"display_name":"a"},"type":1,"component":"backend","type":"Model"}')
def test_a_body_that_is_cut_is_read_as_the_whole_is(value: bytes) -> None:
    entry = entry_of(value)
    with pytest.MonkeyPatch.context() as patched:
        found = read(entry)
        patched.setattr(parse, "halves", lambda _: None)
        assert found == read(entry)


@given(bodies())
@example(b'{"card_json":1,"type":"Model","card_json":{"display_name":"a"}}')
@example(b'{"type":"Model","card_json":{"display_name":1e400}}')
def test_a_body_that_is_cut_is_written_as_the_whole_is(value: bytes) -> None:
    record = read(entry_of(value))
    with pytest.MonkeyPatch.context() as patched:
        line = json_export.record_json(record, None)
        patched.setattr(json_export, "split_entry", lambda _: None)
        assert line == json_export.record_json(record, None)


@given(bodies())
@example(b'{"card_json":1,"type":"Model","card_json":{"display_name":"a"}}')
def test_an_entry_in_two_parts_is_the_same_as_one_in_one(value: bytes) -> None:
    whole, (head, tail) = entry_of(value), parted(value)
    entry = replace(whole, head=head, tail=tail)
    assert entry.value == value
    assert entry == whole
    assert hash(entry) == hash(whole)
    assert entry.is_still(whole)
    assert read(entry) == read(whole)
    assert json_export.record_json(read(entry), None) == json_export.record_json(read(whole), None)


def test_the_card_of_many_entries_of_etcd_is_kept_once() -> None:
    kvs = (rpc.KeyValue(key=key, value=value) for key, value in map(registered.card, (1, 2)))
    first, second = map(rpc.entry, kvs)
    assert first.head != second.head
    assert first.tail.startswith(b',"card_json":')
    assert first.tail is second.tail


def test_cards_of_the_same_bytes_are_read_once() -> None:
    first, second = (registered.record(registered.card(worker)) for worker in (1, 2))
    assert isinstance(first, ModelCard)
    assert isinstance(second, ModelCard)
    assert first.fingerprint is second.fingerprint


def test_so_are_those_that_kubernetes_sorted() -> None:
    bodies = ({"card_json": CARD, "component": str(n), "type": "Model"} for n in range(2))
    first, second = map(split_sorted_body, map(text_of, bodies))
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert [from_json(one[1])["component"] for one in (first, second)] == ["0", "1"]


def test_a_long_card_is_not_kept() -> None:
    long = {**CARD, "chat_template": "x" * LONGEST_SHARED}
    body, turned = {**NAMES, "card_json": long}, {"card_json": long, "component": "backend"}
    assert split_body(text_of(body)) is None
    assert split_sorted_body(text_of(turned)) is None
    assert parsed_value(entry_of(text_of(body))) == body
