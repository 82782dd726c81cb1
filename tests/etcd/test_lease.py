"""This process's lease, and what the store says of others'."""

from __future__ import annotations

import asyncio

import pytest

from backends.store import Entry, Refused, Removal, Revision, TimeToLive
from tests.support.etcd_places import Opener, Renewals, stored, until
from tests.support.etcd_server import EtcdServer
from tests.support.seen import as_seen

KEY = b"v1/instances/prod/backend/generate/1"


async def test_the_instance_id_is_the_lease_of_what_is_put(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    await store.put(KEY, b"1")
    assert etcd.entries()[KEY].lease == await store.instance_id()


async def test_the_first_uses_at_the_same_time_share_one_lease(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    assert len(set(await asyncio.gather(*(store.instance_id() for _ in range(5))))) == 1
    assert b"found 1 leases" in etcd.etcdctl("lease", "list")


# Of leases so long none ends for want of time on a busy machine.


async def test_the_lease_of_the_key_is_renewed_again_and_again(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd, lease_ttl=12)
    await store.put(KEY, b"1")
    renewals = Renewals(etcd, await store.instance_id())

    async def renewed_twice() -> bool:
        return await asyncio.to_thread(renewals.look) >= 2

    await until(renewed_twice)
    assert stored(etcd) == {KEY: b"1"}


async def test_closing_leaves_the_lease_to_run_out(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd, lease_ttl=12)
    await store.put(KEY, b"1")
    lease = await store.instance_id()
    await store.aclose()
    assert f"{lease:x}".encode() in etcd.etcdctl("lease", "list")
    assert stored(etcd) == {KEY: b"1"}
    renewals = Renewals(etcd, lease)

    async def long_not_renewed() -> bool:
        # By then it would have been renewed more than once.
        return await asyncio.to_thread(lambda: renewals.left) < 4

    await until(long_not_renewed)


async def test_the_lease_survives_a_restart_of_the_server(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    await store.put(KEY, b"1")
    lease = await store.instance_id()
    await asyncio.to_thread(etcd.restart)
    await store.put(KEY, b"2")
    assert etcd.entries()[KEY].lease == lease


async def test_a_lease_that_ran_out_is_told(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd, lease_ttl=2)
    lease = await store.instance_id()
    await asyncio.to_thread(etcd.wipe)

    async def told() -> bool:
        try:
            await store.instance_id()
        except Refused:
            return True
        return False

    await until(told)
    with pytest.raises(Refused, match=f"the lease {lease:x} of this process expired"):
        await store.put(KEY, b"1")
    assert stored(etcd) == {}


async def test_a_lease_that_the_server_lost_is_refused_at_once(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    lease = await store.instance_id()
    etcd.etcdctl("lease", "revoke", f"{lease:x}")
    with pytest.raises(Refused, match="requested lease not found"):
        await store.put(KEY, b"1")


async def test_time_to_live(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    lease = etcd.etcdctl("lease", "grant", "100").split()[1].decode()
    etcd.etcdctl("put", "v1/a", "1", f"--lease={lease}")
    etcd.etcdctl("put", "v1/b", "1", f"--lease={lease}")
    etcd.etcdctl("put", "v1/for-ever", "1")
    entries = (await store.snapshot([b"v1/"])).entries
    assert [entry.lease for entry in entries] == [int(lease, 16), int(lease, 16), None]
    # Ids of Dynamo's other stores use all 64 bits.
    ended = Entry(b"v1/ended", b"", Revision("1"), lease=2**64 - 2)
    lives = await store.time_to_live([*entries, ended])
    assert set(lives) == {b"v1/a", b"v1/b", b"v1/ended"}
    assert lives[b"v1/ended"] == TimeToLive(None, -1.0)
    assert lives[b"v1/a"] == lives[b"v1/b"]
    assert lives[b"v1/a"].granted == 100
    assert 0 < lives[b"v1/a"].remaining <= 100


async def test_time_to_live_of_many_leases(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    entries = [Entry(b"v1/%d" % number, b"", Revision("1"), number) for number in range(1, 500)]
    lives = await store.time_to_live(entries)
    assert lives == {entry.key: TimeToLive(None, -1.0) for entry in entries}


async def test_revisions_that_etcd_never_gives(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd)
    await store.put(KEY, b"1")
    for made_up in ("0", "-1", "", "²", "٣", str(2**63), str(2**70), "1.0"):
        assert await store.delete(await as_seen(store, {KEY: Revision(made_up)})) == {
            KEY: Removal.CHANGED
        }
        assert await store.delete(await as_seen(store, {b"v1/no": Revision(made_up)})) == {
            b"v1/no": Removal.GONE
        }


async def test_what_is_too_large_is_refused(open_store: Opener, etcd: EtcdServer) -> None:
    with pytest.raises(Refused, match="request is too large"):
        await open_store(etcd).put(KEY, bytes(2_000_000))
