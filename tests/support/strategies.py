"""Ids, keys and values as hypothesis makes them up: ordinary, odd, and nonsense."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from backends.dynamo import keys, naming
from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    ModelCardId,
)

u64 = st.integers(0, 2**64 - 1)

plain_names = st.sampled_from(
    ["ns", "ns2", "n", "ns.a", "ns.a.b", "nsa", "comp", "gen", "namespace"]
)
"""Few, and each close to another: prefixes of one another, nested, and one that is a label."""

odd_names = st.text(min_size=1, max_size=6).filter(lambda name: "/" not in name)
"""Any text that a segment of a key can hold."""

names = plain_names | odd_names

scope_names = st.text(min_size=1, max_size=8)
"""Scoped keys encode their names, so there a name may have anything, slashes too."""

instance_ids = st.builds(
    EndpointInstanceId, namespace=names, component=names, endpoint=names, instance_id=u64
)
static_ids = st.builds(
    EndpointInstanceId,
    namespace=names,
    component=names,
    endpoint=names.filter(lambda name: ":" not in name),
)
card_ids = st.builds(
    ModelCardId,
    namespace=names,
    component=names,
    endpoint=names,
    instance_id=u64,
    model_suffix=st.none() | names,
)
old_channel_ids = st.builds(
    EventChannelId,
    namespace=names,
    component=st.just("") | names,
    topic=names,
    instance_id=u64,
)
_scopes = st.one_of(
    st.fixed_dictionaries({"namespace": scope_names}),
    st.fixed_dictionaries({"namespace": scope_names, "component": scope_names}),
    st.fixed_dictionaries(
        {"namespace": scope_names, "component": scope_names, "endpoint": scope_names}
    ),
)
channel_ids = st.builds(
    lambda scope, topic, number: EventChannelId(topic=topic, instance_id=number, **scope),
    _scopes,
    scope_names,
    u64,
)
source_ids = st.builds(
    lambda scope, topic, number: EventSourceId(topic=topic, instance_id=number, **scope),
    _scopes,
    scope_names,
    u64,
)

buckets = st.sampled_from([bucket for found in keys.BUCKETS.values() for bucket in found])

_segments = st.one_of(
    plain_names.map(str.encode),
    st.sampled_from(
        [b"", b"1a", b"A", b"0f", b"x:1a", b"component", b"endpoint", b"topic", b"ns%2Ea"]
    ),
    st.binary(max_size=4),
)
raw_keys = st.one_of(
    st.builds(
        lambda bucket, rest: bucket + b"/".join(rest), buckets, st.lists(_segments, max_size=9)
    ),
    st.builds(bytes.__add__, buckets, st.binary(max_size=20)),
)
"""Keys below what dyntop reads, well-formed or not."""

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**64 - 2, 2**64 + 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)

_FIELDS = (
    "type", "namespace", "component", "endpoint", "instance_id", "publisher_id", "transport",
    "scope", "topic", "metadata", "card_json", "model_suffix", "display_name", "name", "lora",
)  # fmt: skip
_likely = st.one_of(
    st.sampled_from(["Endpoint", "Model", "EventChannel", "EventSource"]),
    plain_names,
    u64,
    st.sampled_from(
        [
            {"tcp": "host:1/x"},
            {"kind": "Zmq", "config": {"endpoint": "tcp://host:1"}},
            {"kind": "namespace", "name": "ns"},
            {"display_name": "acme/tiny"},
            {"namespace": "ns", "component": "comp", "name": "gen"},
        ]
    ),
    json_values,
)
bodies = st.dictionaries(st.sampled_from(_FIELDS), _likely, max_size=8).map(
    lambda body: json.dumps(body).encode()
)
raw_values = bodies | st.binary(max_size=30)
"""Values that are nearly what Dynamo writes, and bytes."""

old_model_bodies = st.builds(
    lambda namespace, component: json.dumps(
        {
            "name": "acme/tiny",
            "endpoint": {"namespace": namespace, "component": component, "name": "gen"},
        }
    ).encode(),
    plain_names,
    plain_names,
)
allowed_names = st.from_regex(naming.ALLOWED_NAME, fullmatch=True)
