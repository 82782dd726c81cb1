"""What is removed is what was seen, also where etcd was restored and its numbers are the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backends.etcd import EtcdStore, rpc
from backends.etcd.client import Client
from backends.store import Entry, Heartbeat, PutBack, Refused, Removal
from tests.support.etcd_places import QUICK, Opener, stored, until
from tests.support.etcd_server import EtcdServer
from tests.support.running import dyntop_meanwhile
from tests.support.watching import watching

KEY = b"v1/instances/prod/backend/generate/7d7ba00000000000"
LARGEST = 1_572_000
"""Bytes of a value that etcd takes, and not together with five copies of its key."""


async def seen(store: EtcdStore) -> Entry:
    return (await store.get([KEY]))[KEY]


async def test_a_value_too_large_to_be_compared_in_one_request_is_removed_and_put_back(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    await store.put(KEY, b"x" * LARGEST)
    entry = await seen(store)
    assert await store.delete([entry]) == {KEY: Removal.REMOVED}
    assert stored(etcd) == {}
    assert await store.put_back(entry) is PutBack.DONE
    assert stored(etcd) == {KEY: entry.value}


async def test_another_value_too_large_to_be_compared_stays(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    await store.put(KEY, b"x" * LARGEST)
    now = await seen(store)
    shown = Entry(KEY, b"y" * LARGEST, now.revision, now.lease)
    assert await store.delete([shown]) == {KEY: Removal.CHANGED}
    assert stored(etcd) == {KEY: now.value}


@pytest.mark.parametrize("other", [b"y" * LARGEST, b"small"], ids=["large", "small"])
async def test_what_came_under_the_same_revision_between_two_calls_is_put_back_at_once(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    store = open_store(etcd)
    await store.put(KEY, other)
    lease = (await seen(store)).lease
    shown = Entry(KEY, b"x" * LARGEST, (await seen(store)).revision, lease)
    call = Client.call

    async def as_before_the_restore(
        client: Client,
        method: rpc.RpcMethod[Any, Any],
        request: rpc.Message,
        *,
        repeatable: bool = True,
    ) -> rpc.Message:
        answer = await call(client, method, request, repeatable=repeatable)
        if method is rpc.RANGE:
            answer.kvs[0].value = shown.value
        return answer

    monkeypatch.setattr(Client, "call", as_before_the_restore)
    assert await store.delete([shown]) == {KEY: Removal.CHANGED}
    assert stored(etcd) == {KEY: other}


@pytest.mark.parametrize("large", [False, True], ids=["", "large"])
async def test_after_a_restore_the_same_bytes_under_another_lease_stay(
    open_store: Opener, etcd: EtcdServer, tmp_path: Path, large: bool
) -> None:
    value = b"x" * LARGEST if large else b"1"
    etcd.save(tmp_path / "snapshot")
    await open_store(etcd).put(KEY, value)
    shown = await seen(open_store(etcd))
    etcd.restore(tmp_path / "snapshot")
    await open_store(etcd).put(KEY, value)
    store = open_store(etcd)
    now = await seen(store)
    assert (now.revision, now.value) == (shown.revision, shown.value)
    assert now.lease != shown.lease
    assert await store.delete([shown]) == {KEY: Removal.CHANGED}
    assert stored(etcd) == {KEY: value}


async def test_many_large_values_go_in_requests_that_etcd_takes(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    keys = [b"v1/mdc/prod/backend/generate/%x" % number for number in range(60)]
    await asyncio.gather(*(store.put(key, b"x" * 50_000) for key in keys))
    entries = await store.get(keys)
    assert await store.delete(entries.values()) == dict.fromkeys(keys, Removal.REMOVED)
    assert stored(etcd) == {}


# Out of space.


async def fill(store: EtcdStore) -> None:
    """Until the database is larger than its quota, so that this etcd takes no transactions.

    It counts what it has written to the disk, which it does every tenth of a second.
    """
    for number in range(1000):
        await store.put(b"other/%d" % number, b"x" * 50_000)
        await asyncio.sleep(0.01)


async def test_an_alarm_that_forbids_puts_is_told_while_removing_still_works(
    open_store: Opener, tmp_path: Path
) -> None:
    with EtcdServer(*QUICK, "--quota-backend-bytes=1000000") as etcd:
        store = open_store(etcd)
        etcd.etcdctl("put", KEY.decode(), "1")
        async with watching(open_store(etcd)) as view:
            with pytest.raises(Refused, match="database space exceeded"):
                await store.put(b"other", b"x" * 990_000)

            async def is_raised() -> bool:
                return bool(await store.no_puts())

            await until(is_raised)
            (told,) = await store.no_puts()
            assert "out of space (alarm NOSPACE)" in told.reason
            await view.until_event(Heartbeat)
            await view.until(lambda: getattr(view.seen[-1], "no_puts", None) == (told,))
        env = {"ETCD_ENDPOINTS": etcd.endpoint, "XDG_STATE_HOME": str(tmp_path)}
        warning = "this cannot be undone now: etcd is out of space (alarm NOSPACE)"
        checked = await dyntop_meanwhile("check", env=env)
        assert "keys removed now cannot be put back: etcd is out of space" in checked.err
        for command in (
            ("drain", "7d7ba00000000000", "--dry-run"),
            ("unregister", KEY.decode(), "--dry-run"),
            ("unregister", "--stale", "--dry-run"),
            ("drain", "7d7ba00000000000", "--yes"),
        ):
            ended = await dyntop_meanwhile(*command, env=env)
            assert ended.code == 0, ended.err
            assert ended.err.count(warning) == 1, (command, ended.err)
        assert KEY not in stored(etcd)
        for arguments in (("--dry-run",), ()):
            back = await dyntop_meanwhile("restore", ended.act, *arguments, env=env)
            assert (back.code, back.out) == (1, b"")
            assert "etcd is out of space (alarm NOSPACE)" in back.err
            assert "not put back" in back.err


async def test_where_not_even_transactions_are_taken_keys_are_read_and_nothing_is_removed(
    open_store: Opener,
) -> None:
    with EtcdServer(*QUICK, "--quota-backend-bytes=1000000") as etcd:
        store = open_store(etcd)
        await store.put(KEY, b"1")
        with pytest.raises(Refused, match="database space exceeded"):
            await fill(store)
        entries = await store.get([KEY, b"v1/none"])
        assert [(key, entry.value) for key, entry in entries.items()] == [(KEY, b"1")]
        (outcome,) = (await store.delete(entries.values())).values()
        assert outcome is Removal.REMOVED or isinstance(outcome, Refused)
        assert (KEY in stored(etcd)) is isinstance(outcome, Refused)
