"""Reading: what the fields of a body mean, and where they contradict the key."""

from __future__ import annotations

from typing import Any

import pytest

from backends.dynamo import keys
from backends.dynamo.ids import ModelCardId
from backends.dynamo.records import EndpointInstance, EventSource, ModelCard
from tests.support.bodies import (
    CARD,
    CARD_KEY,
    CHANNEL,
    CHANNEL_KEY,
    INSTANCE,
    INSTANCE_KEY,
    OLD_CHANNEL,
    OLD_CHANNEL_KEY,
    SOURCE,
    SOURCE_KEY,
    record_of,
    without,
)

CONFLICTS: list[tuple[str, dict[str, Any], str]] = [
    (INSTANCE_KEY, INSTANCE | {"instance_id": 27}, "instance_id 1b (key: 1a)"),
    (INSTANCE_KEY, INSTANCE | {"namespace": "dev"}, "namespace dev (key: prod)"),
    (INSTANCE_KEY, INSTANCE | {"component": ""}, "component none (key: backend)"),
    (
        INSTANCE_KEY,
        INSTANCE | {"component": "c", "endpoint": "e"},
        "component c (key: backend), endpoint e (key: generate)",
    ),
    (CARD_KEY, CARD | {"instance_id": 27}, "instance_id 1b (key: 1a)"),
    (CARD_KEY, CARD | {"model_suffix": "lora"}, "model_suffix lora (key: none)"),
    (CARD_KEY + "/lora", CARD, "model_suffix none (key: lora)"),
    (CHANNEL_KEY, CHANNEL | {"topic": "u"}, "topic u (key: t)"),
    (
        CHANNEL_KEY,
        CHANNEL | {"scope": {"kind": "namespace", "name": "prod"}},
        "component none (key: backend)",
    ),
    (OLD_CHANNEL_KEY, OLD_CHANNEL | {"component": "c"}, "component c (key: none)"),
    (SOURCE_KEY, SOURCE | {"publisher_id": 1}, "instance_id 1 (key: 2b)"),
    ("instances/a/b/c:1", without(INSTANCE, "type") | {"namespace": "a", "component": "b",
     "endpoint": "c"}, "instance_id 1a (key: 1)"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "body", "difference"), CONFLICTS)
def test_a_body_that_names_somebody_else_is_a_conflict_and_the_key_has_its_way(
    key: str, body: dict[str, Any], difference: str
) -> None:
    record = record_of(key, body)
    assert record.malformed is None
    assert record.conflict == f"the body names {difference}"
    assert record.id == keys.parse(key.encode()).id


def test_a_static_endpoint_s_key_has_no_id_that_its_body_could_contradict() -> None:
    body = without(INSTANCE, "type")
    record = record_of("instances/prod/backend/generate", body)
    assert (record.malformed, record.conflict, record.id.instance_id) == (None, None, None)


@pytest.mark.parametrize(
    ("transport", "kind", "address"),
    [
        ({"tcp": "host:1/1a/x"}, "tcp", "host:1/1a/x"),
        ({"nats_tcp": "prod_backend.generate-1a"}, "nats_tcp", "prod_backend.generate-1a"),
        ({"http": "http://host:1/v1"}, "http", "http://host:1/v1"),
        ({"quic": {"host": "h", "port": 1}}, "quic", '{"host": "h", "port": 1}'),
        ({"shm": 5}, "shm", "5"),
        ({"shm": None}, "shm", None),
        ("in_process", "in_process", None),
    ],
)
def test_an_instance_s_transport_is_read_even_if_it_is_of_a_kind_to_come(
    transport: Any, kind: str, address: str | None
) -> None:
    record = record_of(INSTANCE_KEY, INSTANCE | {"transport": transport})
    assert record.malformed is None
    assert record.transport is not None
    assert (record.transport.kind, record.transport.address) == (kind, address)


@pytest.mark.parametrize(
    "transport", [None, 1, [], {}, {"tcp": "a", "http": "b"}, {"tcp": 5}, {"http": None}, "tcp"]
)
def test_an_instance_s_transport_that_cannot_be_one_is_malformed(transport: Any) -> None:
    record = record_of(INSTANCE_KEY, INSTANCE | {"transport": transport})
    assert (record.malformed or "").startswith("transport")
    assert record.transport is None


@pytest.mark.parametrize(
    ("transport", "kind", "address"),
    [
        (
            {"kind": "Nats", "config": {"subject_prefix": "namespace.prod"}},
            "Nats",
            "namespace.prod",
        ),
        ({"kind": "Zmq", "config": {"endpoint": "tcp://h:1"}}, "Zmq", "tcp://h:1"),
        (
            {
                "kind": "ZmqBroker",
                "config": {"xsub_endpoints": ["tcp://h:1"], "xpub_endpoints": ["tcp://h:2", "x"]},
            },
            "ZmqBroker",
            "tcp://h:2, x",
        ),
        ({"kind": "Kafka", "config": {"topic": "t"}}, "Kafka", '{"topic": "t"}'),
        ({"kind": "Memory"}, "Memory", None),
    ],
)
def test_a_channel_s_transport_is_read_even_if_it_is_of_a_kind_to_come(
    transport: Any, kind: str, address: str | None
) -> None:
    record = record_of(CHANNEL_KEY, CHANNEL | {"transport": transport})
    assert record.malformed is None
    assert record.transport is not None
    assert (record.transport.kind, record.transport.address) == (kind, address)


@pytest.mark.parametrize(
    "transport",
    [
        "Zmq",
        {"config": {}},
        {"kind": 1},
        {"kind": "Zmq"},
        {"kind": "Zmq", "config": {}},
        {"kind": "Nats", "config": {"subject_prefix": 1}},
        {"kind": "ZmqBroker", "config": {"xpub_endpoints": [1]}},
    ],
)
def test_a_channel_s_transport_that_cannot_be_one_is_malformed(transport: Any) -> None:
    record = record_of(CHANNEL_KEY, CHANNEL | {"transport": transport})
    assert (record.malformed or "").startswith("transport")


@pytest.mark.parametrize(
    "scope",
    [
        {"kind": "namespace"},
        {"kind": "component", "namespace": "prod"},
        {"kind": "endpoint"},
        {"kind": "endpoint", "endpoint": {"namespace": "prod"}},
        {"kind": 1},
        {},
    ],
)
def test_a_scope_that_lacks_what_its_kind_needs_is_malformed(scope: Any) -> None:
    for key, body in ((CHANNEL_KEY, CHANNEL), (SOURCE_KEY, SOURCE)):
        assert (record_of(key, body | {"scope": scope}).malformed or "").startswith("scope")


def test_a_scope_of_a_kind_to_come_is_no_conflict() -> None:
    record = record_of(CHANNEL_KEY, CHANNEL | {"scope": {"kind": "cluster", "name": "all"}})
    assert (record.malformed, record.conflict) == (None, None)


def test_a_lora_card_tells_its_real_name_and_its_base() -> None:
    card = {"display_name": "x", "lora": {"name": "acme/SQL_v2"}, "source_path": "acme/tiny-llm"}
    record = record_of(
        CARD_KEY + "/acme_sql_v2", CARD | {"card_json": card, "model_suffix": "acme_sql_v2"}
    )
    assert isinstance(record, ModelCard)
    assert record.is_lora
    assert (record.model_name, record.base_model) == ("acme/SQL_v2", "acme/tiny-llm")


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"display_name": 1},
        {"display_name": "x", "lora": {}},
        {"display_name": "x", "context_length": -1},
        {"display_name": "x", "context_length": "2048"},
        {"display_name": "x", "source_path": 1},
    ],
)
def test_a_card_that_cannot_be_one_is_malformed_at_the_field_that_is_wrong(card: Any) -> None:
    record = record_of(CARD_KEY, CARD | {"card_json": card})
    assert (record.malformed or "").startswith("card_json.")


@pytest.mark.parametrize(
    ("key", "body", "why"),
    [
        (CARD_KEY, CARD | {"card_json": 5}, "card_json: not an object"),
        (CARD_KEY, CARD | {"card_json": {"display_name": 5}}, "card_json.display_name: not a text"),
        (CHANNEL_KEY, CHANNEL | {"scope": []}, "scope: not an object"),
        (INSTANCE_KEY, INSTANCE | {"namespace": None}, "namespace: not a text"),
    ],
)
def test_what_a_field_is_not_is_said_in_words_of_json(key: str, body: Any, why: str) -> None:
    """And not by the names of dyntop's classes."""
    assert record_of(key, body).malformed == why


def test_an_old_model_entry_has_its_names_from_the_body_and_its_id_from_the_lease() -> None:
    names = {"namespace": "a", "component": "b", "name": "c"}
    record = record_of("models/some-uuid", {"name": "acme/tiny", "endpoint": names}, lease=26)
    assert record.id == ModelCardId(namespace="a", component="b", endpoint="c", instance_id=26)
    assert record.model_name == "acme/tiny"


@pytest.mark.parametrize("metadata", [None, 1, {}, {"worker": 1}, {"worker": {"worker_id": "x"}}])
def test_a_source_s_metadata_may_be_anything(metadata: Any) -> None:
    record = record_of(SOURCE_KEY, SOURCE | {"metadata": metadata})
    assert isinstance(record, EventSource)
    assert (record.malformed, record.worker_id) == (None, None)


def test_a_source_tells_its_worker() -> None:
    record = record_of(SOURCE_KEY, SOURCE)
    assert isinstance(record, EventSource)
    assert record.worker_id == 7


def test_an_instance_tells_its_device() -> None:
    record = record_of(INSTANCE_KEY, INSTANCE)
    assert isinstance(record, EndpointInstance)
    assert record.device_type == "cuda"
