"""The host in a record's address."""

from __future__ import annotations

import pytest
from msgspec import structs

from backends.dynamo.records import Transport
from backends.probe.hosts import host_of
from tests.support.registered import card, channel, instance, record, source


@pytest.mark.parametrize(
    ("kind", "address", "host"),
    [
        ("tcp", "10.0.0.7:9000", "10.0.0.7"),
        ("tcp", "10.0.0.7:9000/1f/generate", "10.0.0.7"),
        ("tcp", "gpu-07.cluster.local:9000", "gpu-07.cluster.local"),
        ("tcp", "[fd00::1]:9000/x", "fd00::1"),
        # No client can connect there, and it is at that host all the same.
        ("tcp", "10.0.0.1:0", "10.0.0.1"),
        ("tcp", "10.0.0.1", "10.0.0.1"),
        ("tcp", ":9000", None),
        ("tcp", "", None),
        ("tcp", "/", None),
        ("tcp", "[", None),
        ("tcp", "[]:1", None),
        ("http", "http://gpu-1:8000/x", "gpu-1"),
        ("http", "https://[fd00::1]", "fd00::1"),
        ("http", "gpu-1", None),
        ("http", "http://joe:s3cret@gpu-1:8000/x", "gpu-1"),
        ("nats_tcp", "prod_backend.generate-1", None),
        ("later", '{"a":"b:1"}', None),
    ],
)
def test_of_an_instance_it_stands_before_the_port(
    kind: str, address: str, host: str | None
) -> None:
    found = structs.replace(record(instance(1)), transport=Transport(kind, address))
    assert host_of(found) == host


@pytest.mark.parametrize(
    ("kind", "address", "host"),
    [
        ("Zmq", "tcp://gpu-1:5557", "gpu-1"),
        ("Zmq", "ipc:///tmp/x:1", None),
        ("Nats", "namespace.prod", None),
        # A broker is not the process that registered the channel.
        ("ZmqBroker", "tcp://gpu-1:5557", None),
    ],
)
def test_of_a_channel_it_is_its_publisher_s(kind: str, address: str, host: str | None) -> None:
    found = structs.replace(record(channel(0x51)), transport=Transport(kind, address))
    assert host_of(found) == host


def test_cards_and_sources_name_none() -> None:
    assert host_of(record(card(1))) is None
    assert host_of(record(source(0x51, 1))) is None
