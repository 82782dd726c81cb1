"""Reading: whatever the bytes are, a record comes of them that says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from backends.dynamo import keys
from backends.dynamo.full_parse import UNTAGGED
from backends.dynamo.ids import Kind
from backends.dynamo.parse import parsed_value, read
from backends.dynamo.records import ModelCard
from backends.store import Entry, Revision
from tests.support import strategies as some
from tests.support.bodies import (
    CARD_KEY,
    CHANNEL,
    CHANNEL_KEY,
    INSTANCE,
    INSTANCE_KEY,
    SOURCE,
    SOURCE_KEY,
    WELL,
    record_of,
    without,
)


@given(some.raw_keys, some.raw_values)
def test_any_bytes_give_a_record_of_the_bucket_s_kind_and_keep_the_entry(
    key: bytes, value: bytes
) -> None:
    entry = Entry(key, value, Revision("1"), lease=7)
    record = read(entry)
    assert record.kind is keys.kind_of(key)
    assert record.entry is entry


@given(some.raw_keys, some.raw_values)
def test_a_key_s_problem_makes_the_record_malformed_whatever_its_value(
    key: bytes, value: bytes
) -> None:
    problem = keys.parse(key).problem
    if problem is not None:
        assert record_of(key, value).malformed == problem


@given(some.raw_values)
def test_a_value_is_shown_as_json_or_else_as_text(value: bytes) -> None:
    shown = parsed_value(Entry(b"v1/x/y", value, Revision("1")))
    try:
        expected = json.loads(value, parse_constant=lambda _: pytest.fail("not JSON"))
    except ValueError:
        assert shown == value.decode("utf-8", "backslashreplace")
    else:
        assert shown == expected


@pytest.mark.parametrize(("key", "body"), WELL.items())
def test_a_body_as_dynamo_writes_it_is_well(key: str, body: dict[str, Any]) -> None:
    record = record_of(key, body)
    assert (record.malformed, record.conflict, record.note) == (None, None, None)


@pytest.mark.parametrize(("key", "body"), WELL.items())
def test_fields_that_are_not_known_yet_change_nothing(key: str, body: dict[str, Any]) -> None:
    extended = {"new": [1, {"x": None}], **body}
    plain = record_of(key, body)
    assert replace(record_of(key, extended), entry=plain.entry) == plain


WRONG: tuple[Any, ...] = (1.5, True, [], {}, None)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (key, field)
        for key, body in WELL.items()
        for field in body
        if field not in ("metadata", "device_type")
    ],
)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_field_of_the_wrong_type_is_malformed(key: str, field: str, wrong: Any) -> None:
    malformed = record_of(key, WELL[key] | {field: wrong}).malformed or ""
    # What the tag is is said in words.
    assert malformed.startswith("the body is tagged" if field == "type" else field)


@pytest.mark.parametrize(
    ("key", "field"),
    [(key, field) for key, body in WELL.items() for field in body]
)  # fmt: skip
def test_a_field_that_is_missing_is_named(key: str, field: str) -> None:
    record = record_of(key, without(WELL[key], field))
    if field not in ("type", "metadata", "device_type"):
        assert record.malformed is not None
        # Without a namespace, an old channel's body is taken for one that lacks its scope.
        assert record.malformed.startswith((f"{field}: ", "scope: "))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "the value is not JSON"),
        (b"{", "the value is not JSON"),
        (b"\xff\xfe", "the value is not JSON"),
        (b"\xef\xbb\xbf{}", "the value is not JSON"),
        (b'{"instance_id": NaN}', "the value is not JSON"),
        (b'{"instance_id": Infinity}', "the value is not JSON"),
        (b'{"namespace": "\\ud800"}', "the value is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "the value is nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "the value is nested too deep"),
        (b'{"instance_id": ' + b"9" * 5000 + b"}", "the value is not JSON"),
        (b"null", "the value is not a JSON object"),
        (b"[]", "the value is not a JSON object"),
        (b'"text"', "the value is not a JSON object"),
        (b"1", "the value is not a JSON object"),
    ],
)
@pytest.mark.parametrize("key", [*WELL, "instances/a/b/c:1", "models/x", "mdc/x"])
def test_a_value_that_is_no_json_object_is_malformed(key: str, value: bytes, reason: str) -> None:
    record = record_of(key, value)
    assert record.malformed is not None
    assert record.malformed.startswith(reason)
    assert record.id == keys.parse(key.encode()).id


@pytest.mark.parametrize(
    "number",
    ["-1", str(2**64), str(2**100), "1" + "0" * 4000, "1.0", "1e400", '"26"', "true", "null", "[]"],
)
def test_an_id_that_is_no_u64_is_malformed(number: str) -> None:
    value = json.dumps(INSTANCE).replace('"instance_id": 26', f'"instance_id": {number}')
    record = record_of(INSTANCE_KEY, value.encode())
    assert (record.malformed or "").startswith("instance_id: ")
    assert record.conflict is None


def test_the_largest_id_is_read_whole() -> None:
    key = f"v1/instances/prod/backend/generate/{2**64 - 1:x}"
    record = record_of(key, INSTANCE | {"instance_id": 2**64 - 1})
    assert (record.malformed, record.conflict) == (None, None)
    assert record.id.instance_id == 2**64 - 1


def test_of_a_field_that_is_there_twice_the_last_counts() -> None:
    value = json.dumps(INSTANCE)[:-1] + ', "instance_id": 27}'
    record = record_of(INSTANCE_KEY, value.encode())
    assert record.malformed is None
    assert record.conflict == "the body names instance_id 1b (key: 1a)"


@pytest.mark.parametrize(("key", "body"), WELL.items())
@pytest.mark.parametrize("tag", ["Endpoint", "Model", "EventChannel", "EventSource", "Later"])
def test_a_body_that_is_tagged_as_another_kind_is_malformed(
    key: str, body: dict[str, Any], tag: str
) -> None:
    record = record_of(key, body | {"type": tag})
    if tag == body["type"]:
        assert record.malformed is None
    else:
        assert record.malformed == f"the body is tagged {tag}, the bucket holds {body['type']}"


@pytest.mark.parametrize("tag", [None, 1, [], {"a": 1}])
def test_a_tag_that_is_no_text_is_malformed(tag: Any) -> None:
    assert "the body is tagged" in (
        record_of(INSTANCE_KEY, INSTANCE | {"type": tag}).malformed or ""
    )


@pytest.mark.parametrize(
    ("key", "body"),
    [(INSTANCE_KEY, INSTANCE), (CHANNEL_KEY, CHANNEL), (SOURCE_KEY, SOURCE)],
)
def test_an_untagged_body_below_v1_is_noted_since_newer_releases_ignore_it(
    key: str, body: dict[str, Any]
) -> None:
    record = record_of(key, without(body, "type"))
    assert (record.malformed, record.note) == (None, UNTAGGED)


def test_an_untagged_card_below_v1_is_the_card_itself() -> None:
    record = record_of(CARD_KEY, {"display_name": "acme/tiny-llm"})
    assert (record.malformed, record.note, record.model_name) == (None, UNTAGGED, "acme/tiny-llm")


@given(some.raw_values)
def test_a_value_in_a_bucket_that_is_not_known_is_never_wrong(value: bytes) -> None:
    record = record_of("v1/claims/a/b", value)
    assert (record.kind, record.malformed, record.conflict) == (Kind.UNKNOWN, None, None)


def test_a_card_of_a_server_that_is_not_dynamos_is_well() -> None:
    """Seen of a public one: `-` in its slug, a model type of one word, no metadata address."""
    card_json = {
        "display_name": "Qwen/Qwen3-0.6B",
        "slug": "qwen-qwen3-0-6b",
        "model_type": "Chat",
        "model_input": "Tokens",
        "worker_type": "prefill",
        "needs": [["decode"]],
    }
    names = {"namespace": "dynamo", "component": "prefill", "endpoint": "generate"}
    body = {"type": "Model", **names, "instance_id": 0x1234567890ABC1, "card_json": card_json}
    key = b"v1/mdc/dynamo/prefill/generate/1234567890abc1"
    found = read(Entry(key, json.dumps(body).encode(), Revision("1"), lease=0x7865A225462BD50A))
    assert isinstance(found, ModelCard)
    assert (found.malformed, found.conflict, found.note) == (None, None, None)
    assert (found.model_type, found.worker_type) == ("Chat", "prefill")
    assert found.id.instance_id == 0x1234567890ABC1
