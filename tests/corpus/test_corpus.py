"""Every record that a real Dynamo release wrote is read as what it is."""

from __future__ import annotations

import json

import pytest

from backends.dynamo import keys
from backends.dynamo.full_parse import UNTAGGED
from backends.dynamo.ids import Kind
from backends.dynamo.keys import Dialect
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING
from backends.dynamo.records import AnyRecord, EventSource, ModelCard
from backends.memory import Keyspace, MemoryStore
from backends.store import Entry
from tests import corpus

RELEASES = {release.name: release for release in corpus.load()}
RECORDED = [
    pytest.param(entry, id=f"{name}:{entry.key.decode()}")
    for name, release in RELEASES.items()
    for entry in release.entries
]

NAMED = [
    pytest.param(entry, id=f"{name}:{entry.key.decode()}")
    for name, release in RELEASES.items()
    for entry in release.entries
    if not entry.key.startswith((keys.OLD_MODELS, keys.OLD_CARDS))
]
"""All but those whose keys are a uuid or a slug."""

# Kind, namespace, component, endpoint, topic, id in hex, model suffix, model name, transport.
OLD = "7d7ba1fd2395771f"
NEW = "7d7ba1fd239578de"
LEGACY = "7d7ba1fd2395773e"
EXPECTED = {
    "0.5.1-nats": [
        ("endpoint", "prod", "backend", "clear_kv_blocks", None, OLD, None, None, "nats_tcp"),
        ("endpoint", "prod", "backend", "generate", None, OLD, None, None, "nats_tcp"),
        ("endpoint", "prod", "backend", "load_metrics", None, OLD, None, None, "nats_tcp"),
        ("model", None, None, None, None, None, None, "acme/tiny-llm", None),
        ("model", "prod", "backend", "generate", None, OLD, None, "acme/tiny-llm", None),
    ],
    "1.0.2-tcp": [
        ("event_channel", "prod", "", None, "kv_metrics", LEGACY, None, None, "Nats"),
        ("endpoint", "prod", "backend", "clear_kv_blocks", None, LEGACY, None, None, "tcp"),
        ("endpoint", "prod", "backend", "generate", None, LEGACY, None, None, "tcp"),
        ("model", "prod", "backend", "generate", None, LEGACY, None, "acme/tiny-llm", None),
        ("model", "prod", "backend", "generate", None, LEGACY, "lora-sql", "lora-sql", None),
    ],
    "1.6.1-tcp": [
        (
            "event_channel", "prod", "backend", "generate", "kv-events",
            "133be9a7e26cdc", None, None, "Zmq",
        ),
        (
            "event_channel", "prod", "backend", "generate", "kv_metrics",
            "1f33a25b1efc9d", None, None, "Zmq",
        ),
        (
            "event_source", "prod", "backend", "generate", "kv-events",
            "133be9a7e26cdc", None, None, None,
        ),
        ("endpoint", "prod", "backend", "clear_kv_blocks", None, NEW, None, None, "tcp"),
        ("endpoint", "prod", "backend", "generate", None, NEW, None, None, "tcp"),
        ("model", "prod", "backend", "generate", None, NEW, None, "acme/tiny-llm", None),
        (
            "model", "prod", "backend", "generate", None,
            NEW, "acme_sql-adapter_v2", "acme/SQL-Adapter_v2", None,
        ),
        ("model", "prod", "backend", "generate", None, NEW, "chat_adapter", "chat.adapter", None),
    ],
}  # fmt: skip


def summary(record: AnyRecord) -> tuple[str | None, ...]:
    return (
        record.kind.value,
        record.id.namespace,
        record.id.component,
        record.id.endpoint,
        record.id.topic,
        None if record.id.instance_id is None else f"{record.id.instance_id:x}",
        record.id.model_suffix,
        record.model_name,
        None if record.transport is None else record.transport.kind,
    )


@pytest.mark.parametrize("release", EXPECTED)
def test_a_release_s_records_have_these_kinds_and_identities(release: str) -> None:
    records = [read(entry) for entry in RELEASES[release].entries]
    assert [summary(record) for record in records] == EXPECTED[release]


def test_the_corpus_holds_eight_releases() -> None:
    assert len(RELEASES) == 8
    assert all(release.entries for release in RELEASES.values())


@pytest.mark.parametrize("entry", RECORDED)
def test_a_recorded_key_is_well_formed_and_agrees_with_its_body(entry: Entry) -> None:
    record = read(entry)
    assert record.malformed is None
    assert record.conflict is None
    assert record.kind is not Kind.UNKNOWN


@pytest.mark.parametrize("entry", NAMED)
def test_a_recorded_key_follows_from_its_identity(entry: Entry) -> None:
    parsed = keys.parse(entry.key)
    assert keys.build(parsed.id, parsed.dialect) == entry.key
    assert entry.key in keys.spellings(parsed.id)


@pytest.mark.parametrize("entry", RECORDED)
def test_a_recorded_identity_is_what_its_body_says(entry: Entry) -> None:
    record = read(entry)
    body = json.loads(entry.value)
    stated = body.get("instance_id", body.get("publisher_id"))
    if stated is not None:
        assert record.id.instance_id == stated
    if record.kind in (Kind.ENDPOINT, Kind.MODEL) and record.id.instance_id is not None:
        assert record.id.instance_id == entry.lease


@pytest.mark.parametrize("entry", RECORDED)
def test_only_untagged_values_below_v1_are_noted(entry: Entry) -> None:
    record = read(entry)
    is_untagged = "type" not in json.loads(entry.value)
    is_old = record.dialect is Dialect.OLD
    assert record.note == (UNTAGGED if is_untagged and not is_old else None)


def test_a_card_tells_its_type_context_length_and_base_model() -> None:
    cards = [read(entry) for entry in RELEASES["1.6.1-tcp"].entries if b"/mdc/" in entry.key]
    base, adapter = (card for card in cards[:2] if isinstance(card, ModelCard))
    assert (base.model_type, base.worker_type, base.context_length, base.base_model) == (
        "Chat | Completions", "aggregated", 2048, None,
    )  # fmt: skip
    assert adapter.is_lora
    assert adapter.base_model == "acme/tiny-llm"


def test_a_source_tells_the_worker_that_the_program_named() -> None:
    sources = [read(e) for r in RELEASES.values() for e in r.entries if b"event_sources" in e.key]
    assert sources
    assert [s.worker_id for s in sources if isinstance(s, EventSource)] == [0] * len(sources)


@pytest.mark.parametrize("release", RELEASES)
async def test_all_that_dyntop_reads_has_every_record_of_a_release(release: str) -> None:
    keyspace = Keyspace()
    for entry in RELEASES[release].entries:
        keyspace.put(entry.key, entry.value)
    listed = await MemoryStore(keyspace).snapshot(EVERYTHING.prefixes)
    assert [entry.key for entry in listed.entries] == sorted(
        entry.key for entry in RELEASES[release].entries
    )
