"""A server that is not Dynamo's: its lease is not its instance id, and it takes new ones."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from backends.discovery.discovery import Added, Discovery, Removed, Resynced
from backends.discovery.history import EventType, History
from backends.dynamo.ids import Kind
from backends.dynamo.queries import EVERYTHING
from tests.support.etcd_places import Opener
from tests.support.etcd_server import EtcdServer
from tests.support.registered import KeyAndValue, card, instance

INSTANCE_ID = 0x1234567890ABC1


def grant(etcd: EtcdServer) -> str:
    return etcd.etcdctl("lease", "grant", "600").split()[1].decode()


def register(etcd: EtcdServer, lease: str, *records: KeyAndValue) -> None:
    for key, value in records:
        etcd.etcdctl("put", f"--lease={lease}", key.decode(), input=value)


async def test_the_same_keys_under_a_new_lease_are_changed_records_and_none_goes(
    open_store: Opener, etcd: EtcdServer
) -> None:
    keys = (instance(INSTANCE_ID), card(INSTANCE_ID))
    first = grant(etcd)
    register(etcd, first, *keys)
    second = grant(etcd)
    history = History()
    leases: dict[Kind, list[int | None]] = {Kind.ENDPOINT: [], Kind.MODEL: []}
    watch = Discovery(open_store(etcd)).watch(EVERYTHING)
    async with asyncio.timeout(60), aclosing(watch) as events:
        async for event in events:
            history.apply(event, 0.0)
            if isinstance(event, Resynced):
                register(etcd, second, *keys)
                # It runs out by itself, with nothing on it any more.
                etcd.etcdctl("lease", "revoke", first)
                register(etcd, second, instance(INSTANCE_ID, endpoint="last"))
            elif isinstance(event, Added | Removed):
                if event.record.id.endpoint == "last":
                    break
                leases[event.record.kind].append(event.record.lease)
    assert leases == {Kind.ENDPOINT: [int(second, 16)], Kind.MODEL: [int(second, 16)]}
    changed = [one.type for one in history if one.record is not None]
    assert changed == [EventType.CHANGED, EventType.CHANGED, EventType.ADDED]
