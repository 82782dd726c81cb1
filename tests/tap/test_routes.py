"""Where a tap goes, and where it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backends.dynamo.records import EventChannel
from backends.dynamo.registration import EventChannelSpec
from backends.tap import NatsRoute, NoRoute, Taps, ZmqRoute, route_of
from backends.tap.routes import merged
from tests.support.registered import record


def channel(kind: str, config: dict[str, Any], topic: str = "kv-events") -> EventChannel:
    spec = EventChannelSpec(
        namespace="prod",
        component="backend",
        topic=topic,
        transport="Zmq",
        config={"endpoint": "x"},
    )
    key, value = spec.entry(0x11)
    body = json.loads(value) | {"transport": {"kind": kind, "config": config}}
    found = record((key, json.dumps(body).encode()))
    assert isinstance(found, EventChannel)
    return found


def zmq(endpoint: str) -> EventChannel:
    return channel("Zmq", {"endpoint": endpoint})


def test_over_nats_it_is_the_prefix_and_the_topic() -> None:
    route = route_of(channel("Nats", {"subject_prefix": "namespace.prod"}, "kv_metrics"), here=True)
    assert route == NatsRoute("namespace.prod.kv_metrics")


def test_several_channels_are_one_route_for_each_subject_topic_and_broker() -> None:
    subject = {"subject_prefix": "namespace.prod"}
    nats = [channel("Nats", subject, "kv_metrics"), channel("Nats", subject, "kv_metrics")]
    sockets = [zmq("tcp://10.0.0.1:5557"), zmq("tcp://10.0.0.2:5557"), zmq("tcp://10.0.0.1:5557")]
    broker = channel("ZmqBroker", {"xsub_endpoints": [], "xpub_endpoints": ["tcp://10.0.0.9:1"]})
    odd = zmq("ipc:///tmp/x")
    routes = merged(route_of(one, here=True) for one in (*nats, *sockets, broker, broker, odd))
    own, *others = routes
    assert str(own) == "tcp://10.0.0.1:5557, tcp://10.0.0.2:5557"
    assert not own.is_shared
    assert list(map(str, others)) == [
        "subject namespace.prod.kv_metrics",
        "tcp://10.0.0.9:1",
        "'ipc:///tmp/x' can be reached only on the machine of its publisher",
    ]


def test_over_zmq_it_is_the_publishers_address_and_its_topic() -> None:
    route = route_of(zmq("tcp://10.0.0.1:5557"), here=False)
    assert isinstance(route, ZmqRoute)
    assert str(route) == "tcp://10.0.0.1:5557"
    assert route.topic == b"kv-events"
    assert str(route_of(zmq("tcp://[fd00::1]:5557"), here=False)) == "tcp://[fd00::1]:5557"


def test_of_brokers_it_is_a_few_where_subscribers_go_and_all_topics() -> None:
    ends = [f"tcp://10.0.0.{n}:5556" for n in range(1, 9)]
    config = {"xsub_endpoints": ["tcp://10.0.0.1:5555"], "xpub_endpoints": ends}
    route = route_of(channel("ZmqBroker", config), here=False)
    assert isinstance(route, ZmqRoute)
    assert [str(address) for address in route.addresses] == [end[6:] for end in ends[:4]]
    assert route.topic == b""


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (zmq("ipc:///tmp/x"), "only on the machine of its publisher"),
        (zmq("inproc://x"), "only on the machine of its publisher"),
        (zmq("tcp://0.0.0.0:5557"), "names no machine"),
        (zmq("tcp://[::]:5557"), "names no machine"),
        (zmq("tcp://*:5557"), "names no machine"),
        (zmq("tcp://10.0.0.1"), "not an address to connect to"),
        (zmq("udp://10.0.0.1:1"), "not an address to connect to"),
        (zmq("tcp://user@host:1"), "not an address to connect to"),
        (zmq("tcp://127.0.0.1:5557"), "the store is not here"),
        (zmq("tcp://169.254.169.254:80"), "the store is not here"),
        (zmq("tcp://[fe80::1]:5557"), "link-local"),
        (zmq("tcp://[::ffff:169.254.169.254]:80"), "the store is not here"),
        (channel("Nats", {"subject_prefix": ">"}), "not the NATS subject"),
        (channel("Nats", {"subject_prefix": "a.*"}), "not the NATS subject"),
        (channel("Nats", {"subject_prefix": "a b"}), "not the NATS subject"),
        (channel("Nats", {"subject_prefix": "a\r\nPUB x 0"}), "not the NATS subject"),
        (channel("Carrier", {"pigeon": 1}), "which this dyntop does not know"),
    ],
)
def test_where_nobody_can_listen_a_sentence_says_why(odd: EventChannel, why: str) -> None:
    route = route_of(odd, here=False)
    assert isinstance(route, NoRoute)
    assert why in route.why


def test_a_loopback_address_is_taken_where_the_store_is_here() -> None:
    assert isinstance(route_of(zmq("tcp://127.0.0.1:5557"), here=True), ZmqRoute)


def test_without_a_nats_server_it_says_what_is_to_be_set() -> None:
    taps = Taps(None, here=True, clock=lambda: 0.0)
    tap = taps.open(channel("Nats", {"subject_prefix": "namespace.prod"}))
    assert "NATS_SERVER" in str(tap.route)
