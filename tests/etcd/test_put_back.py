"""Putting back what was removed: under the same lease, in one step, never over anything."""

from __future__ import annotations

from typing import Any

import pytest

from backends.etcd import rpc
from backends.etcd.connection import Connection
from backends.store import (
    Cause,
    Entry,
    KeyNotAllowed,
    NotAuthorised,
    PutBack,
    Revision,
    Unreachable,
)
from tests.support.etcd_places import Opener, stored, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK
from tests.support.watching import V1

KEY = b"v1/instances/a"


async def test_what_had_no_lease_has_none_again(open_store: Opener, etcd: EtcdServer) -> None:
    etcd.etcdctl("put", KEY.decode(), "1")
    store = open_store(etcd)
    (entry,) = (await store.snapshot(V1)).entries
    await store.delete([entry])
    assert await store.put_back(entry) is PutBack.DONE
    assert etcd.entries()[KEY].lease == 0
    # This process has not been given a lease either.
    assert b"found 0 leases" in etcd.etcdctl("lease", "list")


async def test_it_goes_again_when_its_lease_ends(open_store: Opener, etcd: EtcdServer) -> None:
    worker, store = open_store(etcd), open_store(etcd)
    await worker.put(KEY, b"1")
    lease = await worker.instance_id()
    (entry,) = (await store.snapshot(V1)).entries
    await store.delete([entry])
    assert await store.put_back(entry) is PutBack.DONE
    etcd.etcdctl("lease", "revoke", f"{lease:x}")
    assert stored(etcd) == {}


# An id that uses all 64 bits is a negative number to etcd.
@pytest.mark.parametrize("lease", [1, 2**63 - 1, 2**64 - 2])
async def test_a_lease_that_never_was(open_store: Opener, etcd: EtcdServer, lease: int) -> None:
    entry = Entry(KEY, b"1", Revision("1"), lease)
    assert await open_store(etcd).put_back(entry) is PutBack.LEASE_GONE
    assert stored(etcd) == {}
    etcd.etcdctl("put", KEY.decode(), "2")
    assert await open_store(etcd).put_back(entry) is PutBack.THERE
    assert stored(etcd) == {KEY: b"2"}


async def test_a_key_that_etcd_cannot_have(open_store: Opener, etcd: EtcdServer) -> None:
    with pytest.raises(KeyNotAllowed):
        await open_store(etcd).put_back(Entry(b"", b"1", Revision("1")))


async def test_a_user_who_must_not_write_puts_nothing_back(
    open_store: Opener, etcd: EtcdServer
) -> None:
    switch_auth_on(etcd)
    joe = open_store(etcd, username="joe", password="secret")
    with pytest.raises(NotAuthorised):
        await joe.put_back(Entry(b"v1/mdc/a", b"1", Revision("1")))
    assert stored(etcd) == {}


async def test_an_answer_that_is_lost_is_told_and_nothing_is_sent_twice(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another endpoint that could be asked again.
    store = open_store(etcd, f"http://localhost:{etcd.ports[0]}")
    call = Connection.call
    sent: list[rpc.Message] = []

    async def losing(
        connection: Connection,
        method: rpc.RpcMethod[Any, Any],
        request: rpc.Message,
        *,
        timeout: float,
        metadata: rpc.Metadata,
    ) -> rpc.Message:
        await call(connection, method, request, timeout=timeout, metadata=metadata)
        sent.append(request)
        raise Unreachable(LOOPBACK, Cause.LOST)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "call", losing)
        with pytest.raises(Unreachable):
            await store.put_back(Entry(KEY, b"1", Revision("1")))
    assert len(sent) == 1
    assert stored(etcd) == {KEY: b"1"}
    assert await store.put_back(Entry(KEY, b"1", Revision("1"))) is PutBack.THERE
