"""What a process registers is written as Dynamo 1.6 writes it, under allowed names only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.dynamo.ids import EndpointInstanceId, EventChannelId, EventSourceId, ModelCardId
from backends.dynamo.naming import InvalidName
from backends.dynamo.parse import read
from backends.dynamo.records import Transport
from backends.dynamo.registration import (
    EndpointSpec,
    EventChannelSpec,
    EventSourceSpec,
    ModelSpec,
    Spec,
)
from backends.store import Entry, Revision
from tests import corpus
from tests.support import strategies as some

NEWEST = next(release for release in corpus.load() if release.name == "1.6.1-tcp")
WORKER = {"namespace": "prod", "component": "backend", "endpoint": "generate"}
ID = 0x7D7BA1FD239578DE


def recorded(part: bytes) -> tuple[bytes, dict[str, Any]]:
    """The key that ends so, and its body, as Dynamo 1.6.1 wrote them."""
    entry = next(entry for entry in NEWEST.entries if entry.key.endswith(part))
    return entry.key, json.loads(entry.value)


def written(spec: Spec) -> tuple[bytes, dict[str, Any]]:
    key, value = spec.entry(ID)
    return key, json.loads(value)


def test_an_endpoint_is_written_as_dynamo_does_but_for_what_only_its_runtime_knows() -> None:
    key, body = recorded(b"backend/generate/7d7ba1fd239578de")
    address = body["transport"]["tcp"]
    spec = EndpointSpec(**WORKER, transport=Transport(kind="tcp", address=address))
    del body["device_type"], body["request_plane_codec"]
    assert written(spec) == (key, body)


def test_a_model_is_written_as_dynamo_does() -> None:
    entry = next(e for e in NEWEST.entries if e.key == b"v1/mdc/prod/backend/generate/%x" % ID)
    body = json.loads(entry.value)
    assert written(ModelSpec(**WORKER, card=body["card_json"])) == (entry.key, body)


def test_an_adapter_is_written_as_dynamo_does_under_its_slug() -> None:
    key, body = recorded(b"/acme_sql-adapter_v2")
    base = json.loads(next(e.value for e in NEWEST.entries if e.key == key.rpartition(b"/")[0]))
    spec = ModelSpec(
        **WORKER,
        card=base["card_json"] | {"model_type": "Chat"},
        lora="acme/SQL-Adapter_v2",
    )
    assert written(spec) == (key, body)


def test_a_channel_and_its_source_are_written_as_dynamo_does() -> None:
    channels = [e for e in NEWEST.entries if b"event_channels" in e.key and b"kv-events" in e.key]
    body = json.loads(channels[0].value)
    channel = EventChannelSpec(
        **WORKER,
        topic="kv-events",
        publisher_id=body["instance_id"],
        transport="Zmq",
        config=body["transport"]["config"],
    )
    assert written(channel) == (channels[0].key, body)

    sources = [e for e in NEWEST.entries if b"event_sources" in e.key]
    body = json.loads(sources[0].value)
    source = EventSourceSpec(
        **WORKER,
        topic="kv-events",
        publisher_id=body["publisher_id"],
        metadata=body["metadata"],
    )
    assert written(source) == (sources[0].key, body)


namespaces = st.lists(some.allowed_names, min_size=1, max_size=3).map(".".join)
workers = st.fixed_dictionaries(
    {"namespace": namespaces, "component": some.allowed_names, "endpoint": some.allowed_names}
)
scopes = st.one_of(
    st.fixed_dictionaries({"namespace": namespaces, "topic": some.allowed_names}),
    st.fixed_dictionaries(
        {"namespace": namespaces, "component": some.allowed_names, "topic": some.allowed_names}
    ),
    st.builds(lambda worker, topic: worker | {"topic": topic}, workers, some.allowed_names),
)


@given(workers, scopes, some.u64, st.none() | some.u64)
def test_what_is_registered_reads_back_as_what_was_meant(
    worker: dict[str, Any], scope: dict[str, Any], instance_id: int, publisher_id: int | None
) -> None:
    publisher = instance_id if publisher_id is None else publisher_id
    transport = Transport(kind="tcp", address="host:1")
    channel: dict[str, Any] = {"transport": "Zmq", "config": {"endpoint": "tcp://host:1"}}
    pairs: list[tuple[Spec, Any]] = [
        (
            EndpointSpec(**worker, transport=transport),
            EndpointInstanceId(**worker, instance_id=instance_id),
        ),
        (
            ModelSpec(**worker, card={"display_name": "acme/tiny"}),
            ModelCardId(**worker, instance_id=instance_id),
        ),
        (
            ModelSpec(**worker, card={"display_name": "acme/tiny"}, lora="acme/SQL v2"),
            ModelCardId(**worker, instance_id=instance_id, model_suffix="acme_sql_v2"),
        ),
        (
            EventChannelSpec(**scope, publisher_id=publisher_id, **channel),
            EventChannelId(**scope, instance_id=publisher),
        ),
        (
            EventSourceSpec(**scope, publisher_id=publisher_id, metadata={}),
            EventSourceId(**scope, instance_id=publisher),
        ),
    ]
    for spec, record_id in pairs:
        record = read(Entry(*spec.entry(instance_id), Revision("1")))
        assert (record.id, record.malformed, record.conflict) == (record_id, None, None)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (field, name)
        for field in ("namespace", "component", "endpoint")
        for name in ("Prod", "", "a/b", "a.b", "ä")
        if (field, name) != ("namespace", "a.b")
    ],
)
def test_a_name_that_dynamo_does_not_allow_is_not_registered(field: str, name: str) -> None:
    names: dict[str, Any] = WORKER | {field: name}
    for spec in (
        EndpointSpec(**names, transport=Transport(kind="tcp", address="x")),
        ModelSpec(**names, card={"display_name": "x"}),
        EventChannelSpec(**names, topic="t", transport="Nats", config={"subject_prefix": "x"}),
        EventSourceSpec(**names, topic="t", metadata={}),
    ):
        with pytest.raises(InvalidName) as refusal:
            spec.entry(1)
        assert refusal.value.what == field


def test_a_topic_is_checked_like_a_name() -> None:
    with pytest.raises(InvalidName):
        EventSourceSpec(namespace="a", topic="KV", metadata={}).entry(1)


def test_a_channel_of_an_endpoint_needs_the_component() -> None:
    with pytest.raises(InvalidName) as refusal:
        EventSourceSpec(namespace="a", endpoint="c", topic="t", metadata={}).entry(1)
    assert refusal.value.what == "component"


def test_an_adapter_whose_name_leaves_no_slug_is_refused() -> None:
    with pytest.raises(InvalidName):
        ModelSpec(**WORKER, card={"display_name": "x"}, lora="///").entry(1)
