"""Removing by hand and putting back, on a real etcd: bytes and leases come back exactly."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import NOT_DONE, NOT_KNOWN, Item
from backends.removal.removal_targets import RemovalTarget
from backends.removal.removals import Removals, RestoreResult
from backends.store import Entry, Unreachable
from tests.support import registered
from tests.support.etcd_places import Opener, stored, until
from tests.support.etcd_server import EtcdServer
from tests.support.removing import CHANGED, GONE, LEASE_GONE, PUT_BACK, REMOVED, THERE
from tests.support.watching import V1

NOON = 1795262400.0
"""2026-11-21, 12:00 UTC."""

INSTANCE, CARD = registered.instance(0x1A)[0], registered.card(0x1A)[0]
NOT_UTF_8 = b'\xff\x00{"cut off\n'


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "audit.jsonl", clock=lambda: NOON, user="kim", host="node-1")


@pytest.fixture
def acts(open_store: Opener, etcd: EtcdServer, audit: Audit) -> Removals:
    return Removals(Discovery(open_store(etcd)), audit)


def grant(etcd: EtcdServer) -> int:
    """A worker's lease, far from its end."""
    return int(etcd.etcdctl("lease", "grant", "600").split()[1], 16)


def revoke(etcd: EtcdServer, lease: int) -> None:
    etcd.etcdctl("lease", "revoke", f"{lease:x}")


def put(etcd: EtcdServer, key: bytes, value: bytes, lease: int = 0) -> None:
    etcd.etcdctl("put", key.decode(), f"--lease={lease:x}", input=value)


def there(etcd: EtcdServer) -> dict[bytes, tuple[bytes, int]]:
    """An independent reading: value and lease of each key, as etcdctl gives them. No lease is 0."""
    return {key: (entry.value, entry.lease) for key, entry in etcd.entries().items()}


async def seen(acts: Removals) -> list[RemovalTarget]:
    """All that is registered, as a person would say yes to it."""
    entries: tuple[Entry, ...] = (await acts.discovery.store.snapshot(V1)).entries
    return [RemovalTarget(read(entry), "stale", ("nothing listens",)) for entry in entries]


async def undone(acts: Removals) -> RestoreResult:
    restored = await acts.undo()
    assert restored is not None
    return restored


def items_in(audit: Audit) -> list[Item]:
    (act,) = audit.acts()
    return list(act.items)


async def test_undo_gives_a_removed_key_its_bytes_and_its_lease_again(
    etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    lease = grant(etcd)
    put(etcd, INSTANCE, registered.instance(0x1A)[1], lease)
    put(etcd, CARD, NOT_UTF_8)
    before = there(etcd)
    assert before[CARD] == (NOT_UTF_8, 0)
    done = await acts.remove("drain", await seen(acts))
    assert done.outcomes == {INSTANCE: REMOVED, CARD: REMOVED}
    assert there(etcd) == {}
    assert (await undone(acts)).outcomes == {INSTANCE: PUT_BACK, CARD: PUT_BACK}
    assert there(etcd) == before
    assert [(item.outcome, item.restored) for item in items_in(audit)] == [
        ("removed", "put back")
    ] * 2
    # It hangs on the lease, and does not only name it.
    revoke(etcd, lease)
    assert stored(etcd) == {CARD: NOT_UTF_8}


async def test_a_later_run_restores_from_the_audit_alone(
    open_store: Opener, etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    put(etcd, INSTANCE, registered.instance(0x1A)[1], grant(etcd))
    put(etcd, CARD, NOT_UTF_8, grant(etcd))
    before = there(etcd)
    done = await acts.remove("clean up", await seen(acts))
    assert done.id is not None
    later = Removals(
        Discovery(open_store(etcd)), Audit(audit.path, clock=lambda: NOON, user="", host="")
    )
    (first, second) = items_in(audit)
    one = await later.restore(f"{done.id}.{second.number}")
    assert one.outcomes == {second.entry.key: PUT_BACK}
    assert there(etcd) == {second.entry.key: before[second.entry.key]}
    both = await later.restore(done.id)
    assert both.outcomes == {first.entry.key: PUT_BACK, second.entry.key: THERE}
    assert there(etcd) == before


async def test_a_lease_that_was_revoked_meanwhile_is_told_and_holds_no_other_key_up(
    etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    ended = grant(etcd)
    put(etcd, INSTANCE, b"{}", ended)
    put(etcd, CARD, b"{}", grant(etcd))
    before = there(etcd)
    done = await acts.remove("unregister", await seen(acts))
    revoke(etcd, ended)
    assert (await undone(acts)).outcomes == {INSTANCE: LEASE_GONE, CARD: PUT_BACK}
    assert there(etcd) == {CARD: before[CARD]}
    assert {item.entry.key: item.restored for item in items_in(audit)} == {
        INSTANCE: "lease gone",
        CARD: "put back",
    }
    assert acts.last() is None
    # Asked for by its id, it is as gone as before.
    assert done.id is not None
    again = await acts.restore(done.id)
    assert again.outcomes == {INSTANCE: LEASE_GONE, CARD: THERE}
    assert there(etcd) == {CARD: before[CARD]}


async def test_a_key_that_came_back_is_never_overwritten(
    etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    put(etcd, INSTANCE, b"older", grant(etcd))
    done = await acts.remove("unregister", await seen(acts))
    put(etcd, INSTANCE, b"newer", grant(etcd))
    came_back = etcd.entries()
    assert (await undone(acts)).outcomes == {INSTANCE: THERE}
    assert done.id is not None
    assert (await acts.restore(done.id)).outcomes == {INSTANCE: THERE}
    # Its revision too: nothing was written.
    assert etcd.entries() == came_back
    assert [item.restored for item in items_in(audit)] == ["there"]


async def test_what_changed_after_it_was_seen_is_neither_removed_nor_put_back(
    etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    put(etcd, INSTANCE, b"older")
    put(etcd, CARD, b"older")
    shown = await seen(acts)
    put(etcd, INSTANCE, b"newer")
    etcd.etcdctl("del", CARD.decode())
    done = await acts.remove("clean up", shown)
    assert done.outcomes == {INSTANCE: CHANGED, CARD: GONE}
    assert await acts.undo() is None
    assert done.id is not None
    assert (await acts.restore(done.id)).outcomes == {}
    assert stored(etcd) == {INSTANCE: b"newer"}
    assert {item.entry.key: item.outcome for item in items_in(audit)} == {
        INSTANCE: "changed",
        CARD: "gone",
    }


async def test_an_act_of_many_keys_comes_back_whole(
    open_store: Opener, etcd: EtcdServer, acts: Removals
) -> None:
    worker = open_store(etcd)
    await asyncio.gather(*(worker.put(*registered.instance(number)) for number in range(1, 301)))
    before = there(etcd)
    assert {lease for _, lease in before.values()} == {await worker.instance_id()}
    await acts.remove("clean up", await seen(acts))
    assert there(etcd) == {}
    assert (await undone(acts)).outcomes == dict.fromkeys(before, PUT_BACK)
    assert there(etcd) == before


async def test_what_could_not_be_put_back_while_etcd_was_down_is_when_it_is_up_again(
    etcd: EtcdServer, acts: Removals, audit: Audit
) -> None:
    put(etcd, INSTANCE, b"{}", grant(etcd))
    before = there(etcd)
    await acts.remove("unregister", await seen(acts))
    await asyncio.to_thread(etcd.stop)
    assert isinstance((await undone(acts)).outcomes[INSTANCE].error, Unreachable)
    # Whether the connection was known to be broken when etcd was asked is a matter of chance.
    assert [item.restored for item in items_in(audit)] in ([NOT_DONE], [NOT_KNOWN])
    await asyncio.to_thread(etcd.start)

    async def nothing_left() -> bool:
        await acts.undo()
        return acts.last() is None

    await until(nothing_left)
    assert there(etcd) == before
    assert [item.restored for item in items_in(audit)] == ["put back"]
