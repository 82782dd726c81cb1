"""Keys and messages are each other's names, one to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.nats_kv.names import (
    KeyLocation,
    bucket_of,
    is_sendable,
    key_of,
    location_of,
    may_hold,
    why_not_writable,
)

PARTS = st.sampled_from(
    (
        *("prod", "test", "a", "_", "", ".", "..", "a.b", "a_b", "a%2Eb", "7d7b", "X"),
        *("namespace", "component", "topic", "v1", "_v1_", "instances", "mdc", "event_channels"),
        "prod_v1_instances",
    )
)
TEXT = st.lists(PARTS, min_size=1, max_size=6).map("/".join)
BUCKETS = st.builds(
    lambda parts: "_v1_".join(parts),
    st.lists(
        st.sampled_from(["prod", "a", "", "_", "a_v1", "instances", "event_channels", "Mdc", "v1"]),
        min_size=2,
        max_size=4,
    ),
)
NAMES = st.one_of(TEXT.map(str.encode), st.binary(max_size=12))
PLACES = st.builds(
    lambda bucket, name, inside: KeyLocation(
        bucket, b"$KV." + bucket.encode() + b"." + name if inside else name
    ),
    BUCKETS,
    NAMES,
    st.booleans(),
)


@given(PLACES)
def test_every_message_has_a_key_that_leads_back_to_it(location: KeyLocation) -> None:
    assert location_of(key_of(location)) == location


@given(PLACES, PLACES)
def test_no_two_messages_have_the_same_key(one: KeyLocation, other: KeyLocation) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(st.one_of(NAMES.map(lambda name: b"v1/" + name), NAMES))
def test_a_key_that_has_a_place_is_the_key_of_that_place(key: bytes) -> None:
    location = location_of(key)
    assert location is None or key_of(location) == key
    if why_not_writable(key) is None:
        assert location is not None
        assert is_sendable(location)


@given(PLACES, st.integers(min_value=0))
def test_a_bucket_is_read_for_every_prefix_of_what_it_holds(
    location: KeyLocation, length: int
) -> None:
    key = key_of(location)
    assert may_hold(location.bucket, [key[: length % (len(key) + 1)]])


@pytest.mark.parametrize(
    ("bucket", "name", "key"),
    [
        ("prod_v1_instances", "prod/b/generate/1a", "v1/instances/prod/b/generate/1a"),
        ("prod_v1_mdc", "prod/b/generate/1a/sql_v2", "v1/mdc/prod/b/generate/1a/sql_v2"),
        ("prod_v1_event_channels", "prod//kv/7d", "v1/event_channels/prod//kv/7d"),
        (
            "prod_v1_event_sources",
            "namespace/prod/component/b/topic/kv/7d",
            "v1/event_sources/namespace/prod/component/b/topic/kv/7d",
        ),
        ("namespace_v1_event_channels", "namespace/b/kv/7d", "v1/event_channels/namespace/b/kv/7d"),
        ("a_b_v1_instances", "a.b/c/e/1", "v1/instances/a.b/c/e/1"),
        ("a_b_v1_instances", "a_b/c/e/1", "v1/instances/a_b/c/e/1"),
        ("prod_v1_claims", "prod", "v1/claims/prod"),
        # Not where Dynamo would write it.
        ("prod_v1_instances", "test/b/e/1", "v1/instances/./prod_v1_instances/test/b/e/1"),
        ("prod_v1_instances", "./b", "v1/instances/./prod_v1_instances/./b"),
    ],
)
def test_what_dynamo_writes_has_the_key_that_it_has_in_every_store(
    bucket: str, name: str, key: str
) -> None:
    assert key_of(KeyLocation(bucket, f"$KV.{bucket}.{name}".encode())) == key.encode()


def test_a_message_under_a_foreign_subject_is_named_by_it() -> None:
    location = KeyLocation("prod_v1_instances", b"foo.bar")
    assert key_of(location) == b"v1/instances/../prod_v1_instances/foo.bar"


@pytest.mark.parametrize(
    ("stream", "bucket"),
    [
        ("KV_prod_v1_instances", "prod_v1_instances"),
        ("KV_mine", None),
        ("prod_v1_instances", None),
        ("OBJ_prod_v1_files", None),
    ],
)
def test_only_kv_buckets_of_dynamo_are_read(stream: str, bucket: str | None) -> None:
    assert bucket_of(stream) == bucket


def test_a_namespace_is_looked_for_only_where_it_can_be() -> None:
    prefixes = [b"v1/instances/prod/", b"v1/instances/prod.", b"v1/event_channels/namespace/prod/"]
    assert may_hold("prod_v1_instances", prefixes)
    assert may_hold("prod_child_v1_instances", prefixes)
    assert may_hold("prod_v1_event_channels", prefixes)
    assert not may_hold("test_v1_instances", prefixes)
    assert not may_hold("prod2_v1_instances", prefixes)
    assert not may_hold("prod_v1_mdc", prefixes)
    assert not may_hold("test_v1_event_channels", prefixes)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (b"v1/event_channels/namespace/a%2Eb/topic/t/1", "not '%'"),
        (b"v1/instances/a b/c/e/1", "not ' '"),
        ("v1/instances/größe/c/e/1".encode(), "not '\\xc3'"),
        (b"v1/instances/prod/c/e/1.", "no dot at either end"),
        (b"v1/instances/prod/c..d/e/1", "two in a row"),
        (b"v1/instances/./x", "mark keys"),
        (b"v1/instances/", "nothing follows"),
        (b"instances/prod/c/e:1", "begins with its bucket"),
        (b"v1/Instances/prod", "no NATS bucket"),
        (b"v1/instances/" + b"n" * 250 + b"/c/e/1", "longer than 255"),
    ],
)
def test_what_no_bucket_can_hold_is_refused_with_the_reason(key: bytes, reason: str) -> None:
    told = why_not_writable(key)
    assert told is not None
    assert reason in told
