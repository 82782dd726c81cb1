"""Keys: every dialect both ways, and what is said of a key that fits none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import asdict

from backends.dynamo import keys
from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Kind,
    ModelCardId,
    RecordId,
)
from backends.dynamo.keys import Dialect, UnspellableKey
from tests.support import strategies as some


def assert_round_trip(record_id: RecordId, dialect: Dialect) -> None:
    parsed = keys.parse(keys.build(record_id, dialect))
    assert (parsed.id, parsed.dialect, parsed.problem) == (record_id, dialect, None)


@given(some.instance_ids | some.card_ids | some.old_channel_ids)
def test_a_v1_key_that_is_built_is_parsed_to_the_same_id(record_id: RecordId) -> None:
    assert_round_trip(record_id, Dialect.V1)


@given(some.channel_ids | some.source_ids)
def test_a_scoped_key_that_is_built_is_parsed_to_the_same_id(record_id: RecordId) -> None:
    assert_round_trip(record_id, Dialect.V1_SCOPED)


@given(some.instance_ids | some.static_ids)
def test_an_old_key_that_is_built_is_parsed_to_the_same_id(record_id: RecordId) -> None:
    assert_round_trip(record_id, Dialect.OLD)


@given(some.raw_keys | st.binary(max_size=40))
def test_any_bytes_are_parsed_without_an_error_and_by_their_bucket(key: bytes) -> None:
    parsed = keys.parse(key)
    assert parsed.id.kind is keys.kind_of(key)


@given(some.raw_keys)
def test_a_key_without_a_problem_is_the_one_that_its_id_gives(key: bytes) -> None:
    parsed = keys.parse(key)
    if parsed.problem is None and not key.startswith(keys.BUCKETS_WITHOUT_NAMES[1:]):
        expected = key if parsed.id.kind is Kind.UNKNOWN else keys.build(parsed.id, parsed.dialect)
        assert expected == key


WELL_FORMED = [
    ("v1/instances/prod/backend/generate/1a", EndpointInstanceId(
        namespace="prod", component="backend", endpoint="generate", instance_id=0x1A)),
    ("v1/instances/a.b/c/d/0", EndpointInstanceId(
        namespace="a.b", component="c", endpoint="d", instance_id=0)),
    ("v1/instances/a/b/c/ffffffffffffffff", EndpointInstanceId(
        namespace="a", component="b", endpoint="c", instance_id=2**64 - 1)),
    ("v1/mdc/a/b/c/1a", ModelCardId(namespace="a", component="b", endpoint="c", instance_id=26)),
    ("v1/mdc/a/b/c/1a/lora-sql", ModelCardId(
        namespace="a", component="b", endpoint="c", instance_id=26, model_suffix="lora-sql")),
    ("v1/event_channels/prod//kv_metrics/1a", EventChannelId(
        namespace="prod", component="", topic="kv_metrics", instance_id=26)),
    ("v1/event_channels/namespace/b/t/1a", EventChannelId(
        namespace="namespace", component="b", topic="t", instance_id=26)),
    ("v1/event_channels/namespace/prod/topic/t/1a", EventChannelId(
        namespace="prod", topic="t", instance_id=26)),
    ("v1/event_channels/namespace/a%2Eb/component/c/topic/t%2Fu/1a", EventChannelId(
        namespace="a.b", component="c", topic="t/u", instance_id=26)),
    ("v1/event_sources/namespace/a/component/b/endpoint/c/topic/t/1a", EventSourceId(
        namespace="a", component="b", endpoint="c", topic="t", instance_id=26)),
    ("instances/a/b/c:1a", EndpointInstanceId(
        namespace="a", component="b", endpoint="c", instance_id=26)),
    ("instances/a/b/c", EndpointInstanceId(namespace="a", component="b", endpoint="c")),
    ("models/5ecfbbe8-27a8-44fb-816e-1c52d405e793", ModelCardId()),
    ("mdc/acme_tiny-llm", ModelCardId()),
]  # fmt: skip


@pytest.mark.parametrize(("key", "record_id"), WELL_FORMED)
def test_a_key_as_dynamo_writes_it_says_who_it_is(key: str, record_id: RecordId) -> None:
    parsed = keys.parse(key.encode())
    assert (parsed.id, parsed.problem) == (record_id, None)


TOO_LITTLE = "the key is not namespace/component/endpoint/id"
NOT_A_CARD = "the key is not namespace/component/endpoint/id[/model suffix]"
NOT_SCOPED = "the key is not namespace/…[/component/…]/topic/…/id"
NOT_HEX = "the id is not a u64 in hex"
ODD_HEX = "the id is not lower-case hex without leading zeros"
ODD_ESCAPE = "a name is not percent-encoded as Dynamo does"
MALFORMED: list[tuple[bytes, str, dict[str, Any]]] = [
    (b"v1/instances/", TOO_LITTLE, {}),
    (b"v1/instances/prod", TOO_LITTLE, {}),
    (b"v1/instances/a/b", TOO_LITTLE, {"namespace": "a", "component": "b"}),
    (b"v1/instances/a/b/c", TOO_LITTLE, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/1/d", TOO_LITTLE, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances//b/c/1", "the namespace is empty",
     {"namespace": "", "component": "b", "endpoint": "c", "instance_id": 1}),
    (b"v1/instances/a//c/1", "the component is empty",
     {"namespace": "a", "component": "", "endpoint": "c", "instance_id": 1}),
    (b"v1/instances/a/b//1", "the endpoint is empty",
     {"namespace": "a", "component": "b", "endpoint": "", "instance_id": 1}),
    (b"v1/instances/a/b/c/", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/xyz", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/0x1a", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/-1", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/1a ", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/1a\n", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    ("v1/instances/a/b/c/١".encode(), NOT_HEX,
     {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/10000000000000000", NOT_HEX,
     {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/instances/a/b/c/1A", ODD_HEX,
     {"namespace": "a", "component": "b", "endpoint": "c", "instance_id": 26}),
    (b"v1/instances/a/b/c/01a", ODD_HEX,
     {"namespace": "a", "component": "b", "endpoint": "c", "instance_id": 26}),
    (b"v1/instances/a/b/c/00", ODD_HEX,
     {"namespace": "a", "component": "b", "endpoint": "c", "instance_id": 0}),
    (b"v1/instances/a\xff/b/c/1", "the key is not UTF-8",
     {"namespace": "a\\xff", "component": "b", "endpoint": "c", "instance_id": 1}),
    (b"v1/mdc/a/b/c", NOT_A_CARD, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/mdc/a/b/c/1/d/e", NOT_A_CARD, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"v1/mdc/a/b/c/1/", "the model suffix is empty",
     {"namespace": "a", "component": "b", "endpoint": "c", "instance_id": 1}),
    (b"v1/event_channels//b/t/1", "the namespace is empty",
     {"namespace": "", "component": "b", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/a/b//1", "the topic is empty",
     {"namespace": "a", "component": "b", "topic": "", "instance_id": 1}),
    (b"v1/event_channels/a/b/t", NOT_SCOPED, {}),
    (b"v1/event_channels/namespace/a/component/b/1", NOT_SCOPED, {}),
    (b"v1/event_channels/component/b/namespace/a/topic/t/1", NOT_SCOPED, {}),
    (b"v1/event_channels/namespace/a/endpoint/c/topic/t/1", NOT_SCOPED, {}),
    (b"v1/event_channels/namespace//topic/t/1", "the namespace is empty",
     {"namespace": "", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/namespace/a.b/topic/t/1", ODD_ESCAPE,
     {"namespace": "a.b", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/namespace/a%2eb/topic/t/1", ODD_ESCAPE,
     {"namespace": "a.b", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/namespace/%61/topic/t/1", ODD_ESCAPE,
     {"namespace": "a", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/namespace/a%/topic/t/1", ODD_ESCAPE,
     {"namespace": "a%", "topic": "t", "instance_id": 1}),
    (b"v1/event_channels/namespace/%FF/topic/t/1", ODD_ESCAPE,
     {"namespace": "\\xff", "topic": "t", "instance_id": 1}),
    (b"v1/event_sources/a/b/t/1", NOT_SCOPED, {}),
    (b"instances/a", "the key is not namespace/component/endpoint[:lease]", {}),
    (b"instances/a/b", "the key is not namespace/component/endpoint[:lease]",
     {"namespace": "a", "component": "b"}),
    (b"instances/a/b/:1", "the endpoint is empty",
     {"namespace": "a", "component": "b", "endpoint": "", "instance_id": 1}),
    (b"instances/a/b/c:", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"instances/a/b/c:xyz", NOT_HEX, {"namespace": "a", "component": "b", "endpoint": "c"}),
    (b"models/", "the key has no name", {}),
    (b"mdc/", "the key has no name", {}),
]  # fmt: skip


@pytest.mark.parametrize(("key", "problem", "names"), MALFORMED)
def test_a_misshapen_key_is_kept_with_the_reason_and_what_could_be_read(
    key: bytes, problem: str, names: dict[str, Any]
) -> None:
    parsed = keys.parse(key)
    assert parsed.problem == problem
    found = {name: value for name, value in asdict(parsed.id).items() if value is not None}
    assert found == names


@pytest.mark.parametrize("key", [b"v1/claims/a/b", b"v1/", b"v1/instances", b"v1/mdcx/a"])
def test_a_bucket_that_is_not_known_is_no_problem_and_its_names_are_not_guessed(key: bytes) -> None:
    parsed = keys.parse(key)
    assert (parsed.id.kind, parsed.problem, parsed.id.path()) == (Kind.UNKNOWN, None, "")


@given(st.binary())
@example(b"\\x61")
@example(b"\\\xff\\")
def test_unspell_undoes_spell(key: bytes) -> None:
    assert keys.unspell(keys.spell(key)) == key


@given(st.binary(max_size=6), st.binary(max_size=6))
@example(b"\\xff", b"\xff")
@example(b"\\\\", b"\\")
def test_no_two_keys_are_spelled_alike(one: bytes, other: bytes) -> None:
    assert (keys.spell(one) == keys.spell(other)) == (one == other)


@given(st.binary())
def test_a_spelling_can_always_be_written_as_utf_8(key: bytes) -> None:
    spelled = keys.spell(key)
    assert spelled.encode().decode() == spelled


def test_a_spelling_shows_odd_bytes_in_hex_and_doubles_a_backslash() -> None:
    assert keys.spell(b"v1/\xffa\\b/\xc3\xa4") == "v1/\\xffa\\\\b/ä"
    assert keys.unspell("v1/\\x2f") == b"v1//"


def test_bytes_from_the_command_line_that_are_not_utf_8_are_taken_as_they_are() -> None:
    assert keys.unspell(b"v1/\xff".decode("utf-8", "surrogateescape")) == b"v1/\xff"


@pytest.mark.parametrize("text", ["\\", "a\\n", "\\x", "\\x4", "\\xg0", "\\\\\\", "\ud800"])
def test_a_text_that_spells_no_key_is_refused(text: str) -> None:
    with pytest.raises(UnspellableKey):
        keys.unspell(text)


@given(st.text())
def test_unspell_gives_bytes_or_says_that_it_cannot(text: str) -> None:
    try:
        key = keys.unspell(text)
    except UnspellableKey:
        assert "\\" in text
    else:
        assert keys.unspell(keys.spell(key)) == key


@given(some.instance_ids | some.card_ids | some.channel_ids | some.source_ids)
def test_spellings_are_keys_of_that_very_id(record_id: RecordId) -> None:
    spellings = keys.spellings(record_id)
    assert len(set(spellings)) == len(spellings) > 0
    assert spellings[0] == keys.build(record_id, keys.parse(spellings[0]).dialect)
    for key in spellings:
        assert keys.kind_of(key) is record_id.kind


def test_spellings_are_the_newest_dialect_first() -> None:
    channel = EventChannelId(namespace="a", component="b", topic="t", instance_id=1)
    assert keys.spellings(channel) == [
        b"v1/event_channels/namespace/a/component/b/topic/t/1",
        b"v1/event_channels/a/b/t/1",
    ]
    instance = EndpointInstanceId(namespace="a", component="b", endpoint="c", instance_id=1)
    assert keys.spellings(instance) == [b"v1/instances/a/b/c/1", b"instances/a/b/c:1"]


def test_a_channel_of_an_endpoint_is_not_mistaken_for_an_old_one_of_its_component() -> None:
    channel = EventChannelId(namespace="a", component="b", endpoint="c", topic="t", instance_id=1)
    assert keys.spellings(channel) == [
        b"v1/event_channels/namespace/a/component/b/endpoint/c/topic/t/1"
    ]


@pytest.mark.parametrize(
    ("record_id", "dialect"),
    [
        (EndpointInstanceId(namespace="a", component="b", endpoint="c"), Dialect.V1),
        (EndpointInstanceId(namespace="a", endpoint="c", instance_id=1), Dialect.V1),
        (EndpointInstanceId(namespace="a", endpoint="c", instance_id=1), Dialect.OLD),
        (ModelCardId(namespace="a", component="b", endpoint="c", instance_id=1), Dialect.OLD),
        (ModelCardId(), Dialect.V1),
        (EventChannelId(namespace="a", topic="t", instance_id=1), Dialect.OLD),
        (EventChannelId(namespace="a", endpoint="c", topic="t", instance_id=1), Dialect.V1_SCOPED),
        (EventChannelId(namespace="a", instance_id=1), Dialect.V1_SCOPED),
        (EventSourceId(namespace="a", component="b", topic="t", instance_id=1), Dialect.V1),
    ],
)
def test_an_id_that_no_key_follows_from_is_refused(record_id: RecordId, dialect: Dialect) -> None:
    with pytest.raises(ValueError, match=r"missing|without|no key"):
        keys.build(record_id, dialect)
