"""Queries: whole names match, and what a store is asked for never loses a match."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backends.discovery.discovery import Discovery
from backends.dynamo import keys, queries
from backends.dynamo.ids import EventChannelId, Kind, RecordId
from backends.dynamo.keys import Dialect
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING, Query
from backends.dynamo.records import AnyRecord
from backends.memory import Keyspace, MemoryStore
from backends.store import Entry, Revision
from tests import corpus
from tests.support import strategies as some


def entry(key: bytes, value: bytes = b"{}") -> Entry:
    return Entry(key, value, Revision("1"))


def matching(query: Query, *stored: str) -> list[str]:
    """The keys that a query matches, of those stored, as a store would be asked for them."""
    found = [key.encode() for key in stored if key.encode().startswith(query.prefixes)]
    return [key.decode() for key in found if query.matches(read(entry(key)))]


INSTANCES = [
    "v1/instances/ns/comp/gen/1",
    "v1/instances/ns/comp/gen2/1",
    "v1/instances/ns/comp2/gen/1",
    "v1/instances/ns2/comp/gen/1",
    "v1/instances/ns.a/comp/gen/1",
    "v1/instances/n/comp/gen/1",
    "instances/ns/comp/gen:1",
    "instances/ns2/comp/gen",
]


def test_all_endpoints_are_all_of_both_buckets_and_no_models() -> None:
    assert matching(queries.all_endpoints(), *INSTANCES, "v1/mdc/ns/c/e/1") == INSTANCES


def test_a_namespace_is_a_whole_name() -> None:
    assert matching(queries.namespaced_endpoints("ns"), *INSTANCES) == [
        "v1/instances/ns/comp/gen/1",
        "v1/instances/ns/comp/gen2/1",
        "v1/instances/ns/comp2/gen/1",
        "instances/ns/comp/gen:1",
    ]


def test_a_component_is_a_whole_name() -> None:
    assert matching(queries.component_endpoints("ns", "comp"), *INSTANCES) == [
        "v1/instances/ns/comp/gen/1",
        "v1/instances/ns/comp/gen2/1",
        "instances/ns/comp/gen:1",
    ]


def test_an_endpoint_is_a_whole_name() -> None:
    assert matching(queries.endpoint("ns", "comp", "gen"), *INSTANCES) == [
        "v1/instances/ns/comp/gen/1",
        "instances/ns/comp/gen:1",
    ]


def test_a_nested_query_takes_in_the_namespaces_below_and_nothing_alike() -> None:
    nested = Query(frozenset({Kind.ENDPOINT}), "ns", nested=True)
    stored = [*INSTANCES, "v1/instances/ns.a.b/c/e/1", "v1/instances/ns-a/c/e/1"]
    assert matching(nested, *stored) == [
        "v1/instances/ns/comp/gen/1",
        "v1/instances/ns/comp/gen2/1",
        "v1/instances/ns/comp2/gen/1",
        "v1/instances/ns.a/comp/gen/1",
        "instances/ns/comp/gen:1",
        "v1/instances/ns.a.b/c/e/1",
    ]


def test_a_star_at_the_end_takes_all_components_endpoints_and_topics_that_begin_so() -> None:
    def written(component: str | None = None, endpoint: str | None = None) -> list[str]:
        kinds = frozenset({Kind.ENDPOINT})
        return matching(Query(kinds, None, component, endpoint, nested=True), *INSTANCES)

    assert written("comp*") == INSTANCES
    assert written("comp2*") == ["v1/instances/ns/comp2/gen/1"]
    assert written("com") == []
    assert written("*", "gen2*") == ["v1/instances/ns/comp/gen2/1"]
    channels = frozenset({Kind.EVENT_CHANNEL})
    begins = Query(channels, "ns", topic="kv-*", nested=True)
    assert matching(begins, *CHANNELS) == [CHANNELS[5]]
    # What names no component at all has none that begins so; the old empty one is a name.
    with_component = Query(channels, "ns", "*", nested=True)
    assert CHANNELS[0] in matching(with_component, *CHANNELS)
    assert CHANNELS[3] not in matching(with_component, *CHANNELS)


def test_a_library_s_query_takes_a_star_for_a_character() -> None:
    stored = ["v1/instances/ns/c*/e/1", "v1/instances/ns/c2/e/1"]
    query = Query(frozenset({Kind.ENDPOINT}), "ns", "c*")
    assert matching(query, *stored) == stored[:1]


def test_models_are_asked_for_by_the_same_names_and_adapters_come_with_them() -> None:
    stored = ["v1/mdc/ns/c/e/1", "v1/mdc/ns/c/e/1/lora", "v1/mdc/ns/c/e2/1", "v1/mdc/ns2/c/e/1"]
    assert matching(queries.all_models(), *stored) == stored
    assert matching(queries.namespaced_models("ns"), *stored) == stored[:3]
    assert matching(queries.component_models("ns", "c"), *stored) == stored[:3]
    assert matching(queries.endpoint_models("ns", "c", "e"), *stored) == stored[:2]


CHANNELS = [
    "v1/event_channels/ns//kv_metrics/1",
    "v1/event_channels/ns/comp/kv_metrics/1",
    "v1/event_channels/ns2//kv_metrics/1",
    "v1/event_channels/namespace/ns/topic/kv_metrics/1",
    "v1/event_channels/namespace/ns/component/comp/topic/kv_metrics/1",
    "v1/event_channels/namespace/ns/component/comp/endpoint/gen/topic/kv-events/1",
    "v1/event_channels/namespace/ns%2Ea/component/comp/topic/kv_metrics/1",
]


def test_channels_are_asked_for_in_both_dialects_at_once() -> None:
    assert matching(queries.event_channels(), *CHANNELS) == CHANNELS
    assert matching(queries.event_channels("ns"), *CHANNELS) == [*CHANNELS[:2], *CHANNELS[3:6]]
    assert matching(queries.event_channels("ns", "comp"), *CHANNELS) == [
        CHANNELS[1], CHANNELS[4], CHANNELS[5],
    ]  # fmt: skip
    assert matching(queries.event_channels("ns", "comp", "kv-events"), *CHANNELS) == [CHANNELS[5]]


def test_a_topic_can_be_asked_for_alone() -> None:
    assert matching(queries.event_channels(topic="kv-events"), *CHANNELS) == [CHANNELS[5]]
    assert matching(queries.event_channels("ns", topic="kv_metrics"), *CHANNELS) == [
        *CHANNELS[:2], *CHANNELS[3:5],
    ]  # fmt: skip


def test_an_empty_component_asks_for_the_old_channels_of_a_whole_namespace() -> None:
    assert matching(queries.event_channels("ns", ""), *CHANNELS) == [CHANNELS[0]]


def test_a_nested_namespace_is_found_through_its_percent_encoding() -> None:
    assert matching(queries.event_channels("ns.a"), *CHANNELS) == [CHANNELS[6]]
    nested = Query(frozenset({Kind.EVENT_CHANNEL}), "ns", nested=True)
    assert CHANNELS[6] in matching(nested, *CHANNELS)


def test_sources_are_asked_for_like_channels() -> None:
    sources = [key.replace("channels", "sources") for key in CHANNELS[3:]]
    assert matching(queries.event_sources(), *sources, *CHANNELS) == sources
    assert matching(queries.event_sources("ns", "comp", "kv-events"), *sources) == [sources[2]]


def test_everything_has_what_is_not_known_and_a_namespace_never_claims_it() -> None:
    stored = [*INSTANCES, *CHANNELS, "v1/claims/ns/x", "models/uuid", "mdc/slug"]
    assert matching(EVERYTHING, *stored) == stored
    assert "v1/claims/ns/x" not in matching(Query(frozenset(Kind), "ns"), *stored)


def test_nothing_but_dynamo_s_own_roots_is_ever_asked_for() -> None:
    assert EVERYTHING.prefixes == (b"v1/", b"instances/", b"models/", b"mdc/")


def test_a_query_for_one_namespace_reads_only_that_namespace_where_keys_tell_it() -> None:
    assert queries.namespaced_endpoints("ns").prefixes == (b"v1/instances/ns/", b"instances/ns/")


NAMES = st.none() | some.plain_names | st.text(max_size=4) | st.just("a\\xff")
QUERIES = st.builds(
    Query,
    st.frozensets(st.sampled_from(Kind), min_size=1),
    namespace=NAMES,
    component=st.none() | some.plain_names | st.just(""),
    endpoint=st.none() | some.plain_names,
    topic=st.none() | some.plain_names,
    nested=st.booleans(),
)


def _built(record_id: RecordId) -> bytes:
    return keys.spellings(record_id)[0]


STORED = st.dictionaries(
    st.one_of(
        some.raw_keys,
        some.instance_ids.map(_built),
        some.card_ids.map(_built),
        some.channel_ids.map(_built),
        some.old_channel_ids.map(lambda channel: keys.build(channel, Dialect.V1)),
    ),
    some.raw_values | some.old_model_bodies,
    max_size=12,
)


def is_oddly_encoded(record: AnyRecord) -> bool:
    """The one thing that a namespace's prefix may miss, and no Dynamo writes."""
    return "percent-encoded" in (record.malformed or "")


@settings(max_examples=50)
@given(STORED, QUERIES)
@example({b"v1/instances/ns": b"{}"}, Query(frozenset(Kind), "ns"))
@example({b"instances/ns": b"{}"}, Query(frozenset(Kind), "ns"))
@example({b"v1/instances/a\xff/b/c/1": b"{}"}, Query(frozenset(Kind), "a\\xff"))
@example({b"v1/instances/a.b/b/c/1": b"{}"}, Query(frozenset(Kind), "a", nested=True))
async def test_no_match_is_lost_by_reading_only_what_the_prefixes_name(
    stored: dict[bytes, bytes], query: Query
) -> None:
    expected = [
        record
        for record in map(read, _entries(stored))
        if query.matches(record) and not is_oddly_encoded(record)
    ]
    listed = await Discovery(_store(stored)).list(query)
    assert [r.key for r in listed if not is_oddly_encoded(r)] == [r.key for r in expected]


@given(some.scope_names, some.scope_names, st.booleans())
async def test_a_scoped_key_is_found_by_its_namespace_whatever_that_is_called(
    namespace: str, topic: str, nested: bool
) -> None:
    key = keys.build(
        EventChannelId(namespace=namespace, topic=topic, instance_id=1), Dialect.V1_SCOPED
    )
    query = Query(frozenset({Kind.EVENT_CHANNEL}), namespace, nested=nested)
    assert [record.key for record in await Discovery(_store({key: b""})).list(query)] == [key]


@given(st.text(st.characters(), max_size=4))
def test_any_text_may_be_asked_for_as_a_namespace(namespace: str) -> None:
    assert Query(frozenset(Kind), namespace, nested=True).prefixes


@pytest.mark.parametrize("namespace", [chr(0xDCFF), chr(0xD800)], ids=ascii)
def test_a_namespace_that_is_no_text_matches_nothing_and_does_no_harm(namespace: str) -> None:
    query = Query(frozenset(Kind), namespace)
    assert query.prefixes
    assert not matching(query, *INSTANCES, *CHANNELS)


async def test_the_corpus_is_wholly_in_prod() -> None:
    stored = {e.key: e.value for release in corpus.load() for e in release.entries}
    listed = await Discovery(_store(stored)).list(Query(frozenset(Kind), "prod"))
    # The card of 0.5 is nobody's: neither key nor body names a namespace.
    assert stored.keys() - {record.key for record in listed} == {b"mdc/acme_tiny-llm"}


def _entries(stored: dict[bytes, bytes]) -> Iterable[Entry]:
    return (entry(key, stored[key]) for key in sorted(stored))


def _store(stored: dict[bytes, bytes]) -> MemoryStore:
    keyspace = Keyspace()
    for key, value in stored.items():
        keyspace.put(key, value)
    return MemoryStore(keyspace)


GENERATIONS = [
    "v1/instances/prod-7b13b437/backend/generate/1",
    "v1/instances/prod-9f8e7d6c.a/backend/generate/1",
    "v1/event_channels/namespace/prod-7b13b437/component/b/topic/t/1",
    "v1/event_channels/prod-7b13b437//kv_metrics/1",
    "v1/pool_members/prod-7b13b437/1a",
    "v1/prod-7b13b437/planner/state",
]


def test_a_beginning_takes_all_namespaces_that_begin_so() -> None:
    others = ["v1/instances/pro/backend/generate/1", "v1/claims/prod-1/x"]
    for start in ("prod-*", "p*", "*"):
        found = matching(Query(frozenset(Kind), start, nested=True), *GENERATIONS, *others)
        assert set(found) - set(others) == set(GENERATIONS), start
    assert matching(Query(frozenset(Kind), "prod-7*", nested=True), *GENERATIONS[1:2]) == []
    # In the queries of Dynamo a name is a name.
    assert matching(Query(frozenset(Kind), "prod-*"), *GENERATIONS) == []


def test_keys_of_planners_and_pools_are_in_their_namespace() -> None:
    stored = [
        *("v1/pool_members/prod/1a", "v1/pool_roles/prod/1a/role", "v1/prod/planner/a/b"),
        *("v1/pool_members/prod2/1a", "v1/prod2/planner/a", "v1/claims/prod/x", "v1/prod/x"),
    ]
    assert matching(Query(frozenset(Kind), "prod", nested=True), *stored) == stored[:3]
    assert matching(Query(frozenset(Kind), "prod"), *stored) == stored[:3]
    member = read(entry(stored[0].encode()))
    assert (member.id.namespace, member.id.instance_id) == ("prod", 0x1A)
    assert matching(EVERYTHING, *stored) == stored


def test_a_dotted_namespace_takes_what_dynamo_registers_for_it() -> None:
    """`DYN_NAMESPACE=a.b` registers namespace a, component b, endpoint backend_generate."""
    stored = [
        "v1/instances/a/b/backend_generate/1",
        "v1/mdc/a/b/backend_generate/1",
        "v1/event_channels/namespace/a/component/b/endpoint/backend_generate/topic/t/1",
        "v1/instances/a.b/backend/generate/1",
        "v1/instances/a.b.c/backend/generate/1",
        "v1/instances/a/b/c_backend_generate/1",
    ]
    others = ["v1/instances/a/bc/backend_generate/1", "v1/instances/a/backend/generate/1"]
    assert matching(Query(frozenset(Kind), "a.b", nested=True), *stored, *others) == stored
    deeper = Query(frozenset(Kind), "a.b.c", nested=True)
    assert matching(deeper, *stored, *others) == stored[4:]
    exact = Query(frozenset(Kind), "a.b")
    assert matching(exact, *stored, *others) == [stored[3]]
