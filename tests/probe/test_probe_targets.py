"""What of a record can be asked, whatever somebody wrote into it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.probe.addresses import Address, parse_address, why_unusable
from backends.probe.probe_targets import (
    MOST_BROKERS,
    address_of,
    is_loopback,
    is_usable,
    targets_of,
    unusable,
)
from backends.probe.types import ProbeMethod, ProbeTarget
from backends.store import Entry, Revision
from tests.corpus import Release, load

RELEASES = load()


def record(key: str, value: dict[str, Any]) -> AnyRecord:
    return read(Entry(key.encode(), json.dumps(value).encode(), Revision("1")))


def instance(transport: object) -> AnyRecord:
    names = {"namespace": "prod", "component": "backend", "endpoint": "generate"}
    value = {"type": "Endpoint", **names, "instance_id": 0x7D7B, "transport": transport}
    return record("v1/instances/prod/backend/generate/7d7b", value)


def channel(kind: str, **config: object) -> AnyRecord:
    endpoint = {"namespace": "prod", "component": "backend", "name": "generate"}
    scope = {"kind": "endpoint", "endpoint": endpoint}
    transport = {"kind": kind, "config": config}
    about = {"scope": scope, "topic": "kv-events", "instance_id": 1, "transport": transport}
    names = "namespace/prod/component/backend/endpoint/generate"
    key = f"v1/event_channels/{names}/topic/kv-events/1"
    return record(key, {"type": "EventChannel", **about})


def card(**fields: object) -> AnyRecord:
    names = {"namespace": "prod", "component": "backend", "endpoint": "generate"}
    card_json = {"display_name": "acme/tiny-llm", **fields}
    value = {"type": "Model", **names, "instance_id": 0x7D7B, "card_json": card_json}
    return record("v1/mdc/prod/backend/generate/7d7b", value)


def hosted(url: str) -> dict[str, dict[str, str]]:
    return {"hf_config_json": {"path": url, "checksum": "blake3:14b9"}}


@pytest.mark.parametrize(
    ("transport", "target"),
    [
        ({"tcp": "10.0.0.1:9000/7d7b/generate"}, ProbeTarget(ProbeMethod.TCP, "10.0.0.1:9000")),
        (
            {"tcp": "worker-0.workers:9000/7d7b/x"},
            ProbeTarget(ProbeMethod.TCP, "worker-0.workers:9000"),
        ),
        ({"tcp": "[fd00::1]:9000/7d7b/generate"}, ProbeTarget(ProbeMethod.TCP, "[fd00::1]:9000")),
        ({"tcp": "10.0.0.1:9000"}, ProbeTarget(ProbeMethod.TCP, "10.0.0.1:9000")),
        ({"http": "http://10.0.0.1:8888/v1/rpc/x"}, ProbeTarget(ProbeMethod.HTTP, "10.0.0.1:8888")),
        ({"http": "http://worker/v1/rpc/x"}, ProbeTarget(ProbeMethod.HTTP, "worker:80")),
        ({"http": "https://[fd00::1]/v1/rpc"}, ProbeTarget(ProbeMethod.HTTP, "[fd00::1]:443")),
        ({"nats_tcp": "prod_backend.x-7d7b"}, ProbeTarget(ProbeMethod.NATS, "prod_backend.x-7d7b")),
    ],
)
def test_an_instance_is_asked_where_its_transport_says(
    transport: object, target: ProbeTarget
) -> None:
    assert targets_of(instance(transport)) == (target,)


@pytest.mark.parametrize(
    "transport",
    [
        {"tcp": ""},
        {"tcp": "10.0.0.1"},
        {"tcp": "10.0.0.1:0/7d7b/generate"},
        {"tcp": "10.0.0.1:65536/7d7b/generate"},
        {"tcp": "10.0.0.1:+90/7d7b/generate"},
        {"tcp": "10.0.0.1:٩٠/7d7b/generate"},
        {"tcp": ":9000/7d7b/generate"},
        {"tcp": "fd00::1:9000/7d7b/generate"},
        {"tcp": "[10.0.0.1]:9000/7d7b/generate"},
        {"tcp": "[fd00::1:9000/7d7b/generate"},
        {"tcp": "user@host:9000/7d7b/generate"},
        {"tcp": "host name:9000/7d7b/generate"},
        {"tcp": "host\nname:9000/7d7b/generate"},
        {"tcp": "host..name:9000/7d7b/generate"},
        {"tcp": f"{'h' * 64}:9000/7d7b/generate"},
        {"tcp": f"{'h.' * 200}name:9000/7d7b/generate"},
        {"http": "ftp://10.0.0.1:8888/"},
        {"http": "http://"},
        {"http": "http://user:secret@10.0.0.1:8888/"},
        {"http": "http://[fd00::1/"},
        {"http": "10.0.0.1:8888"},
        {"nats_tcp": ""},
        {"nats_tcp": "prod_backend.*"},
        {"nats_tcp": ">"},
        {"nats_tcp": "prod backend.generate"},
        {"nats_tcp": "prod_backend.x\r\nPUB y 0"},
        {"quic": "10.0.0.1:9000"},
        {"tcp": None},
        "tcp",
        None,
    ],
)
def test_an_odd_transport_is_not_asked(transport: object) -> None:
    assert targets_of(instance(transport)) == ()


@pytest.mark.parametrize("kind", ["tcp", "http", "nats_tcp"])
@given(text=st.text(max_size=40) | st.from_regex(r"(https?|ftp)?(://)?[a-z0-9.\[\]:*]{0,12}(/x)?"))
@example("10.0.0.1:8888")
@example("10.0.0.1:8888/v1/rpc")
@example("ftp://10.0.0.1:8888/")
@example("prod_backend.*")
@example("")
def test_an_address_of_an_instance_is_asked_or_it_is_said_that_nobody_can_use_it(
    kind: str, text: str
) -> None:
    one = instance({kind: text})
    assert bool(targets_of(one)) is not bool(unusable(one))


@given(text=st.text(max_size=40) | st.from_regex(r"(tcp://)?[a-z0-9.:*]{0,12}"))
@example("10.0.0.1:5557")
@example("tcp://*:5557")
@example("")
def test_an_address_of_a_publisher_is_asked_or_it_is_said_that_nobody_can_use_it(text: str) -> None:
    one = channel("Zmq", endpoint=text)
    on_network = "://" not in text or text.startswith("tcp://")
    assert bool(targets_of(one)) + bool(unusable(one)) == on_network


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "0", "0x0", "0.0", "00.0"])
def test_nobody_is_asked_at_the_address_that_stands_for_any(host: str) -> None:
    assert targets_of(instance({"tcp": f"{host}:9000/7d7b/generate"})) == ()


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "1.2.3.4.5", "256.1.1.1"])
def test_a_number_that_is_no_plain_address_is_no_host(host: str) -> None:
    assert parse_address(f"{host}:9000") is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("224.0.0.1:9", "is a multicast address"),
        ("[ff02::1]:9", "is a multicast address"),
        ("[::ffff:224.0.0.1]:9", "is a multicast address"),
        ("255.255.255.255:9", "is the broadcast address"),
        ("[fe80::1]:9", "is link-local and names no interface"),
        ("fe80::1:9", "is IPv6 without brackets"),
    ],
)
def test_an_address_that_no_connection_can_be_made_to_is_named_and_not_asked(
    address: str, why: str
) -> None:
    assert parse_address(address) is None
    assert (why_unusable(address) or "").startswith(why)
    assert targets_of(instance({"tcp": f"{address}/7d7b/generate"})) == ()


@pytest.mark.parametrize("address", ["[fe80::1%eth0]:9", "169.254.1.1:9", "240.0.0.1:9"])
def test_an_odd_address_that_a_connection_can_be_made_to_is_asked(address: str) -> None:
    assert parse_address(address) is not None
    assert why_unusable(address) is None


def test_a_zmq_publisher_is_asked_for_its_greeting() -> None:
    assert targets_of(channel("Zmq", endpoint="tcp://10.0.0.1:5557")) == (
        ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5557"),
    )


@pytest.mark.parametrize(
    "endpoint",
    ["ipc:///tmp/x", "inproc://x", "tcp://*:5557", "tcp://0.0.0.0:5557", "10.0.0.1:5557", ""],
)
def test_a_publisher_that_is_not_on_the_network_is_not_asked(endpoint: str) -> None:
    assert targets_of(channel("Zmq", endpoint=endpoint)) == ()


def test_a_broker_is_asked_at_each_address_to_subscribe_at_once() -> None:
    endpoints = ["tcp://10.0.0.1:5557", "ipc://x", "tcp://10.0.0.2:5557", "tcp://10.0.0.1:5557"]
    record = channel("ZmqBroker", xsub_endpoints=["tcp://10.0.0.9:1"], xpub_endpoints=endpoints)
    assert targets_of(record) == (
        ProbeTarget(ProbeMethod.ZMTP, "10.0.0.1:5557"),
        ProbeTarget(ProbeMethod.ZMTP, "10.0.0.2:5557"),
    )


def test_one_record_cannot_make_dyntop_scan_a_network() -> None:
    many = [f"tcp://10.0.0.1:{port}" for port in range(1000, 2000)]
    record = channel("ZmqBroker", xsub_endpoints=[], xpub_endpoints=many)
    assert len(targets_of(record)) == MOST_BROKERS
    urls = {str(port): f"http://10.0.0.1:{port}/v1/metadata/x" for port in range(1000, 2000)}
    assert targets_of(card(model_info=urls)) == (
        ProbeTarget(ProbeMethod.HEALTH, "http://10.0.0.1:1000"),
    )


def test_a_channel_over_nats_is_not_asked() -> None:
    assert targets_of(channel("Nats", subject_prefix="namespace.prod")) == ()


@pytest.mark.parametrize("field", ["model_info", "tokenizer", "prompt_formatter", "gen_config"])
def test_a_card_reveals_the_system_server_that_hosts_its_files(field: str) -> None:
    url = "http://10.0.0.1:9345/v1/metadata/prod/backend/generate/acme_tiny-llm/_base/config.json"
    assert targets_of(card(**{field: hosted(url)})) == (
        ProbeTarget(ProbeMethod.HEALTH, "http://10.0.0.1:9345"),
    )


@pytest.mark.parametrize(
    "url",
    [
        "/models/acme/config.json",
        "hf://acme/tiny-llm/config.json",
        "http://10.0.0.1:9345/other/config.json",
        "http://10.0.0.1/v1/metadata/config.json",
        "http://0.0.0.0:9345/v1/metadata/config.json",
        "http://user@10.0.0.1:9345/v1/metadata/config.json",
        "http://10.0.0.1:9345\\/v1/metadata/config.json",
        "http://\u0000:9345/v1/metadata/config.json",
        "http://wörker:9345/v1/metadata/config.json",
        "see http://10.0.0.1:9345/v1/metadata/config.json",
    ],
)
def test_a_card_without_such_an_address_is_not_asked(url: str) -> None:
    assert targets_of(card(model_info=hosted(url))) == ()


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_of_every_release_the_request_plane_can_be_asked(release: Release) -> None:
    records = [read(entry) for entry in release.entries]
    methods = {target.method for record in records for target in targets_of(record)}
    expected = {ProbeMethod.NATS if "-nats" in release.name else ProbeMethod.TCP}
    zmq = {ProbeMethod.ZMTP} if release.name in ("1.4.2-tcp", "1.6.1-tcp") else set()
    assert methods == expected | zmq


def test_a_loopback_address_is_known_as_one() -> None:
    loopback = ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"]
    other = ["10.0.0.1:1", "[fd00::1]:1", "worker:1", "localhost.example.org:1"]
    assert all(is_loopback(ProbeTarget(ProbeMethod.TCP, text)) for text in loopback)
    assert not any(is_loopback(ProbeTarget(ProbeMethod.TCP, text)) for text in other)
    assert is_loopback(ProbeTarget(ProbeMethod.HEALTH, "http://LOCALHOST.:9345"))
    assert not is_loopback(ProbeTarget(ProbeMethod.NATS, "localhost:1"))


@given(st.text())
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    for transport in ({"tcp": text}, {"http": text}, {"http": f"http://{text}"}):
        for target in targets_of(instance(transport)):
            assert address_of(target) == parse_address(target.address)
            assert address_of(target) is not None
    for target in targets_of(channel("Zmq", endpoint=f"tcp://{text}")):
        assert address_of(target) is not None
    assert isinstance(targets_of(card(model_info=hosted(f"http://{text}/v1/metadata/x"))), tuple)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_an_address_is_written_as_it_is_read(ip: object, port: int) -> None:
    address = Address(str(ip), port)
    assert parse_address(str(address)) in (address, None)


_octets = st.one_of(st.integers(0, 300).map(str), st.sampled_from(["", "01", "00", "1e1"]))
_ports = st.one_of(st.integers(0, 70_000).map(str), st.sampled_from(["", "080", "9000\n", "x"]))
_addresses = st.one_of(
    st.text(max_size=20),
    st.builds(
        lambda octets, port, rest: f"{'.'.join(octets)}:{port}{rest}",
        st.lists(_octets, min_size=3, max_size=5),
        _ports,
        st.sampled_from(["", "/1/generate", "\n", ":1", " "]),
    ),
)


@given(st.sampled_from(["tcp", "http", "nats_tcp", "later"]), _addresses)
def test_an_instance_is_usable_if_its_address_has_no_fault(kind: str, address: str) -> None:
    found = instance({kind: address})
    assert isinstance(found, EndpointInstance)
    assert is_usable(found) is not bool(unusable(found))
