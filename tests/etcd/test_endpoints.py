"""Several endpoints, names and addresses, and the proxy of the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backends.store import Cause, Resync, Unreachable
from tests.support.etcd_places import Member, Opener, cluster_of, until
from tests.support.etcd_server import EtcdServer
from tests.support.forwarders import Forwarder
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.watching import V1, watching


@pytest.fixture
def pair() -> Iterator[tuple[Member, Member]]:
    with cluster_of(2) as (member, other):
        yield member, other


async def test_the_first_endpoint_is_dead(open_store: Opener, etcd: EtcdServer) -> None:
    (dead,) = free_ports(1)
    store = open_store(f"http://{LOOPBACK}:{dead}", etcd)
    await store.put(b"v1/a", b"1")
    entries = (await store.snapshot(V1)).entries
    assert len(entries) == 1
    async with watching(store) as view:
        await view.until_event(Resync)
        assert not view.losses
    # Another store has not left the dead one yet.
    ttls = await open_store(f"http://{LOOPBACK}:{dead}", etcd).time_to_live(entries)
    assert ttls[b"v1/a"].granted


async def test_the_first_endpoint_is_something_else(open_store: Opener, etcd: EtcdServer) -> None:
    with NatsServer() as nats:
        store = open_store(f"http://{LOOPBACK}:{nats.ports[0]}", etcd)
        assert (await store.snapshot(V1)).entries == ()


async def test_no_endpoint_answers(open_store: Opener) -> None:
    one, other = free_ports(2)
    store = open_store(f"http://{LOOPBACK}:{one}", "http://no-such-host.invalid:2379")
    with pytest.raises(Unreachable) as caught:
        await store.snapshot(V1)
    assert caught.value.cause is Cause.REFUSED
    assert caught.value.address == store.address
    # Each one's own reason.
    assert f"refused: http://{LOOPBACK}:{one}" in caught.value.detail
    assert "name: http://no-such-host.invalid:2379" in caught.value.detail
    assert str(other) not in str(caught.value)


async def test_a_watch_moves_to_another_endpoint(open_store: Opener, etcd: EtcdServer) -> None:
    one, other = Forwarder(etcd.ports[0]), Forwarder(etcd.ports[0])
    await one.open()
    await other.open()
    store = open_store(f"http://{LOOPBACK}:{one.port}", f"http://{LOOPBACK}:{other.port}")
    async with watching(store) as view:
        await view.until_event(Resync)
        assert not other.connections
        await one.cut()
        await view.until_event(Resync)
        assert other.connections
        etcd.etcdctl("put", "v1/a", "1")
        await view.until(lambda: b"v1/a" in view.values)
    await store.aclose()
    await other.cut()


async def test_a_member_without_a_leader_is_told_and_left(
    open_store: Opener, pair: tuple[Member, Member], etcd: EtcdServer
) -> None:
    member, lost = pair
    store = open_store(member)
    async with watching(store) as view:
        await view.until_event(Resync)
        lost.kill()
        await view.until(lambda: Cause.NO_LEADER in view.causes)

    async def no_leader() -> bool:
        with pytest.raises(Unreachable) as caught:
            await store.snapshot(V1)
        return caught.value.cause is Cause.NO_LEADER

    await until(no_leader)
    # Another endpoint serves it; that it belongs to another cluster does not matter here.
    assert (await open_store(member, etcd).snapshot(V1)).entries == ()


async def test_an_ipv6_address(open_store: Opener, etcd: EtcdServer) -> None:
    forwarder = Forwarder(etcd.ports[0], "::1")
    try:
        await forwarder.open()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    store = open_store(f"http://[::1]:{forwarder.port}")
    assert (await store.snapshot(V1)).entries == ()
    await store.aclose()
    await forwarder.cut()


async def test_a_dns_name(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(f"http://localhost:{etcd.ports[0]}")
    assert (await store.snapshot(V1)).entries == ()


async def test_the_proxy_of_the_environment_is_not_used(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody,) = free_ports(1)
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{nobody}")
    for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert (await open_store(etcd).snapshot(V1)).entries == ()
