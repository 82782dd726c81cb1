"""An etcd that goes, comes back, forgets, refuses and is full: what a person sees of it.

Servers are started in the tests' own thread: they end with the one that started them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from backends.etcd import EtcdConfig, EtcdStore, rpc
from backends.etcd.client import Client
from tests.support.etcd_places import QUICK, stored, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.forwarders import Forwarder
from tests.support.ports import LOOPBACK
from tests.support.registered import card, instance
from tests.support.running import dyntop_meanwhile
from tests.support.seeing import begins, held, leading_to, lists, looking_at, put, shows, shows_loss
from tests.support.waiting import wait_for

GONE = "is etcd running there?"
PASSWORD = "secret"


@pytest.fixture(scope="module")
def etcd_of_module() -> Iterator[EtcdServer]:
    with EtcdServer(*QUICK, "--bcrypt-cost=4", "--auth-token-ttl=1") as server:
        yield server


@pytest.fixture
def etcd(etcd_of_module: EtcdServer) -> EtcdServer:
    """Running, with two instances."""
    if not etcd_of_module.running:
        etcd_of_module.start()
    etcd_of_module.etcdctl("del", "--prefix", "")
    put(etcd_of_module, instance(1), instance(2))
    return etcd_of_module


@pytest.fixture
async def forwarder(etcd: EtcdServer) -> AsyncIterator[Forwarder]:
    """In front of etcd, to be cut."""
    forwarder = Forwarder(etcd.ports[0])
    await forwarder.open()
    yield forwarder
    await forwarder.cut()


@pytest.fixture
def guarded(etcd: EtcdServer) -> Iterator[EtcdServer]:
    """Asks for users: `root` may do everything, `joe` has `v1/instances/` only."""
    put(etcd, card(1))
    switch_auth_on(etcd, PASSWORD)
    yield etcd
    etcd.client_flags = []
    etcd.wipe()


def as_user(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"ETCD_AUTH_USERNAME": name, "ETCD_AUTH_PASSWORD": password}


async def test_killed_and_started_again_with_its_data(etcd: EtcdServer) -> None:
    async with looking_at(etcd) as operator:
        await begins(operator, stored(etcd))
        etcd.kill()
        await shows_loss(operator, GONE, leading_to(etcd))
        # What was known stays on screen meanwhile.
        assert sorted(operator.rows("id")) == ["1", "2"]
        etcd.start()
        put(etcd, instance(3))
        etcd.etcdctl("del", instance(1)[0].decode())
        await shows(operator, stored(etcd), leading_to(etcd))


async def test_started_again_empty(etcd: EtcdServer) -> None:
    async with looking_at(etcd) as operator:
        await begins(operator, stored(etcd))
        revision = operator.dashboard.view.cluster.records[instance(2)[0]].revision
        etcd.wipe()
        put(etcd, instance(2))
        (entry,) = etcd.entries().values()
        assert entry.mod_revision < int(revision)
        await shows(operator, stored(etcd), leading_to(etcd))
        # What was seen before is another one than what is there, though it looks the same.
        await operator.until(lambda: operator.gone("id") == ["1"])


async def test_compacted_past_the_watch_while_cut_off(
    etcd: EtcdServer, forwarder: Forwarder
) -> None:
    through = f"http://{LOOPBACK}:{forwarder.port}"
    async with looking_at(through) as operator:
        await begins(operator, stored(etcd))
        await forwarder.cut()
        await shows_loss(operator, GONE, leading_to(through))
        etcd.etcdctl("del", instance(1)[0].decode())
        put(etcd, instance(3), instance(4))
        etcd.etcdctl("del", instance(4)[0].decode())
        newest = max(entry.mod_revision for entry in etcd.entries().values())
        etcd.etcdctl("compact", str(newest))
        await forwarder.open()
        await shows(operator, stored(etcd), leading_to(through))


async def test_a_token_that_ran_out_is_asked_for_again(
    guarded: EtcdServer, forwarder: Forwarder
) -> None:
    through = f"http://{LOOPBACK}:{forwarder.port}"
    password = PASSWORD
    async with looking_at(through, username="root", password=password) as operator:
        env = leading_to(through, **as_user("root"))
        await begins(operator, stored(guarded))
        # Nothing uses the token while it is cut off.
        await forwarder.cut()
        await shows_loss(operator, GONE, env)
        wait_for(lambda: "deleted a simple token" in guarded.recent_log(), "the token's end")
        put(guarded, instance(3))
        await forwarder.open()
        await shows(operator, stored(guarded), env)


async def test_a_wrong_password_is_told_and_the_right_one_is_enough(guarded: EtcdServer) -> None:
    password = "other"
    async with looking_at(guarded, username="root", password=password) as operator:
        env = leading_to(guarded, **as_user("root", "other"))
        await shows_loss(operator, "does not accept this user", env, code=4)
        assert "other" not in operator.text().replace("another", "")
        guarded.etcdctl("user", "passwd", "root", "--interactive=false", input=b"other")
        guarded.client_flags = ["--user", "root:other"]
        await shows(operator, stored(guarded), env)


async def test_of_a_store_that_may_be_read_in_part_that_part_is_shown_and_the_rest_named(
    guarded: EtcdServer,
) -> None:
    named = "no permission to read event channels (v1/event_channels/)"
    env = leading_to(guarded, **as_user("joe"))
    password = PASSWORD
    user = {"username": "joe", "password": password, "look_again": 0.0}
    async with looking_at(guarded, **user) as operator:
        part = dict([instance(1), instance(2)])
        await operator.until(lambda: held(operator) == part)
        await operator.until_shown("● connected", named)
        ended = await lists(env)
        assert ended.code == 4
        assert named in ended.one_sentence()
        assert [one["key"].encode() for one in ended.records] == sorted(part)
        # He is let read everything.
        guarded.etcdctl("role", "grant-permission", "some", "read", "", "--prefix=true")
        await operator.until_not_shown("no permission")
        await shows(operator, stored(guarded), env)


async def test_values_of_1_4_mb_and_an_answer_beyond_grpc_s_4_mb(etcd: EtcdServer) -> None:
    more = b',"more":"' + b"x" * 1_400_000 + b'"}'
    put(etcd, *((key, body[:-1] + more) for key, body in map(instance, range(3, 7))))
    async with looking_at(etcd) as operator:
        assert sum(map(len, stored(etcd).values())) > 5_000_000
        await shows(operator, stored(etcd), leading_to(etcd))
        put(etcd, instance(3))
        await shows(operator, stored(etcd), leading_to(etcd))


async def test_100_000_keys_are_read_once_each(etcd: EtcdServer) -> None:
    # A busy machine may take longer than a person would wait for one page of it.
    config = EtcdConfig(endpoints=[etcd.endpoint], request_timeout=60.0)
    client = Client(config)
    keys = [b"v1/instances/n/c/e/%x" % number for number in range(100_000)]
    for start in range(0, len(keys), 125):
        puts = [
            rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=b"{}"))
            for key in keys[start : start + 125]
        ]
        await client.call(rpc.TXN, rpc.TxnRequest(success=puts))
    await client.aclose()
    store = EtcdStore(config)
    found = [entry.key for entry in (await store.snapshot([b"v1/", b"mdc/"])).entries]
    await store.aclose()
    stored_keys = etcd.etcdctl("get", "--prefix", "", "--keys-only").split()
    assert found == stored_keys
    assert len(found) == len(keys) + 2
    listed = await dyntop_meanwhile("list", "-o", "name", env=leading_to(etcd))
    assert listed.code == 0, listed.err
    assert sorted(listed.out.split()) == stored_keys
    instances = [key for key in stored_keys if key.startswith(b"v1/instances/")]
    async with looking_at(etcd) as operator:
        await operator.until_shown(f"{len(instances):,} instances")
        assert sorted(held(operator)) == stored_keys
