"""Removing many keys: few transactions, each key while it holds what was seen, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from backends.etcd import EtcdStore, rpc
from backends.etcd.client import Client
from backends.etcd.connection import Connection
from backends.etcd.delete import TXN_KEYS
from backends.store import (
    Cause,
    Entry,
    NotAuthorised,
    Outcome,
    Refused,
    Removal,
    Revision,
    Unreachable,
)
from backends.store.limited_gather import IN_FLIGHT
from tests.support.etcd_places import QUICK, Opener, Spy, stored, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK

Seen = dict[bytes, Entry]


@pytest.fixture
def narrow() -> Iterator[EtcdServer]:
    """An etcd that takes fewer operations in one transaction than it does by default."""
    with EtcdServer(*QUICK, "--max-txn-ops=10") as server:
        yield server


async def fill(store: EtcdStore, number: int = 300) -> Seen:
    keys = [b"v1/instances/prod/backend/generate/%x" % one for one in range(number)]
    entries = await asyncio.gather(*(put(store, key, b"1") for key in keys))
    return {entry.key: entry for entry in entries}


async def put(store: EtcdStore, key: bytes, value: bytes) -> Entry:
    """Give what is there then, without asking for it."""
    return Entry(key, value, await store.put(key, value), await store.instance_id())


def made_up(*keys: bytes, revision: str = "1") -> Seen:
    return {key: Entry(key, b"1", Revision(revision)) for key in keys}


def removed(*keys: bytes) -> dict[bytes, Outcome]:
    return dict.fromkeys(keys, Removal.REMOVED)


async def test_many_keys_go_in_few_transactions(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    store = open_store(etcd)
    seen = await fill(store)
    assert await store.delete(seen.values()) == removed(*seen)
    assert stored(etcd) == {}
    assert [len(sent.success) for sent in transactions] == [42] * 7 + [6]


async def test_a_changed_and_a_gone_key_do_not_stop_the_others(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    store = open_store(etcd)
    seen = await fill(store)
    keys = list(seen)
    changed, gone = keys[7], keys[200]
    await store.put(changed, b"2")
    etcd.etcdctl("del", gone.decode())
    outcomes = await store.delete(seen.values())
    assert outcomes == removed(*keys) | {changed: Removal.CHANGED, gone: Removal.GONE}
    assert stored(etcd) == {changed: b"2"}
    # What is left of each of the two goes in two halves.
    assert len(transactions) == 8 + 4


async def test_where_every_key_changed_nothing_is_removed_and_nothing_sent_again(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    store = open_store(etcd)
    seen = await fill(store)
    await fill(store)
    assert await store.delete(seen.values()) == dict.fromkeys(seen, Removal.CHANGED)
    assert len(stored(etcd)) == len(seen)
    assert len(transactions) == 8


async def test_made_up_revisions_and_the_empty_key_are_told_among_others(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store = open_store(etcd)
    seen = await fill(store, 3)
    one, other, third = seen
    targets = seen | made_up(other, revision="0") | made_up(b"v1/no", revision="x") | made_up(b"")
    assert await store.delete(targets.values()) == {
        one: Removal.REMOVED,
        other: Removal.CHANGED,
        third: Removal.REMOVED,
        b"v1/no": Removal.GONE,
        b"": Removal.GONE,
    }
    assert stored(etcd) == {other: b"1"}


async def test_a_server_that_takes_fewer_operations(
    open_store: Opener, narrow: EtcdServer, transactions: Spy
) -> None:
    store = open_store(narrow)
    seen = await fill(store)
    keys = list(seen)
    await store.put(keys[5], b"2")
    assert await store.delete(seen.values()) == removed(*keys) | {keys[5]: Removal.CHANGED}
    assert stored(narrow) == {keys[5]: b"2"}
    assert len(transactions) < len(keys)


async def test_long_keys_are_kept_within_what_a_request_may_weigh(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    store = open_store(etcd)
    keys = [b"v1/%d/" % number + b"x" * 100_000 for number in range(7)]
    # Over the limit that we set ourselves, and over the server's.
    alone, too_large = b"v1/a/" + b"x" * 300_000, b"v1/b/" + b"x" * 800_000
    seen = {key: await put(store, key, b"1") for key in [*keys, alone, too_large]}
    outcomes = await store.delete(seen.values())
    refusal = outcomes.pop(too_large)
    assert isinstance(refusal, Refused)
    assert "too large" in refusal.detail
    assert outcomes == removed(*keys, alone)
    assert [len(sent.success) for sent in transactions][:6] == [2, 2, 2, 1, 1, 1]


async def test_a_key_that_is_written_just_before_its_transaction_stays(
    open_store: Opener, etcd: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, writer = open_store(etcd), open_store(etcd)
    seen = await fill(store)
    written: Seen = {}
    call = Client.call

    async def meddled(
        client: Client,
        method: rpc.RpcMethod[Any, Any],
        request: rpc.Message,
        *,
        repeatable: bool = True,
    ) -> rpc.Message:
        # Small ones go through, or nothing would be removed at all.
        if method is rpc.TXN and len(request.success) > 8:
            key = request.compare[len(request.compare) // 3].key
            written[key] = await put(writer, key, b"2")
        return await call(client, method, request, repeatable=repeatable)

    monkeypatch.setattr(Client, "call", meddled)
    outcomes = await store.delete(seen.values())
    assert len(written) > 20
    assert outcomes == removed(*seen) | dict.fromkeys(written, Removal.CHANGED)
    assert mod_revisions(etcd) == revisions(written)


async def test_what_registers_again_while_keys_are_removed_is_there_afterwards(
    open_store: Opener, etcd: EtcdServer
) -> None:
    store, writer = open_store(etcd), open_store(etcd)
    for _ in range(5):
        seen = await fill(store)
        rewritten = list(seen)[::3]
        last: Seen = {}

        async def write(keys: list[bytes], last: Seen) -> None:
            for key in keys:
                last[key] = await put(writer, key, b"2")

        async with asyncio.TaskGroup() as group:
            for start in range(8):
                group.create_task(write(rewritten[start::8], last))
            outcomes = await store.delete(seen.values())
        # Each came after its removal or hindered it; both ways it is there, and was not gone.
        assert mod_revisions(etcd) == revisions(last)
        assert {outcomes[key] for key in rewritten} <= {Removal.REMOVED, Removal.CHANGED}
        assert all(outcomes[key] is Removal.REMOVED for key in seen.keys() - last.keys())


def revisions(seen: Seen) -> dict[bytes, Revision]:
    return {key: entry.revision for key, entry in seen.items()}


def mod_revisions(etcd: EtcdServer) -> dict[bytes, Revision]:
    """As etcdctl sees them."""
    return {key: Revision(str(entry.mod_revision)) for key, entry in etcd.entries("v1/").items()}


@pytest.mark.parametrize("cause", [Cause.LOST, Cause.TIMEOUT])
@pytest.mark.parametrize(("lost", "sent_in_all"), [(1, 8), (9, 24)], ids=["at once", "a half"])
async def test_an_answer_that_is_lost_is_told_and_its_keys_are_not_said_to_be_gone(
    open_store: Opener,
    etcd: EtcdServer,
    monkeypatch: pytest.MonkeyPatch,
    cause: Cause,
    lost: int,
    sent_in_all: int,
) -> None:
    # Another endpoint that could be asked again.
    store = open_store(etcd, f"http://localhost:{etcd.ports[0]}")
    seen = await fill(store)
    # One in each of the eight transactions, so that each is to go again in two halves.
    for key in list(seen)[::42]:
        await store.put(key, b"2")
    call = Connection.call
    sent: list[set[bytes]] = []

    async def losing(
        connection: Connection,
        method: rpc.RpcMethod[Any, Any],
        request: rpc.Message,
        *,
        timeout: float,
        metadata: rpc.Metadata,
    ) -> rpc.Message:
        sent.append({compare.key for compare in request.compare})
        number = len(sent)
        answer = await call(connection, method, request, timeout=timeout, metadata=metadata)
        if number == lost:
            raise Unreachable(LOOPBACK, cause)
        return answer

    monkeypatch.setattr(Connection, "call", losing)
    outcomes = await store.delete(seen.values())
    assert outcomes.keys() == seen.keys()
    assert all(isinstance(outcomes[key], Unreachable) for key in sent[lost - 1])
    assert Removal.GONE not in outcomes.values()
    # Neither its keys nor those that were yet to go again.
    assert len(sent) == sent_in_all
    left = stored(etcd)
    assert not [key for key in left if outcomes[key] is Removal.REMOVED]


async def test_where_the_server_does_not_answer_only_what_is_under_way_waits(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    store = open_store(etcd, request_timeout=1.0)
    # It is connected then; the limit of the first question is longer.
    assert await store.get([b"v1/a"]) == {}
    transactions.clear()
    batches = IN_FLIGHT + 4
    targets = made_up(*(b"v1/%d" % number for number in range(batches * TXN_KEYS)))
    etcd.pause()
    outcomes = await store.delete(targets.values())
    assert outcomes.keys() == targets.keys()
    assert all(isinstance(outcome, Unreachable) for outcome in outcomes.values())
    assert len(transactions) == IN_FLIGHT


async def test_a_user_who_is_none_is_told_without_taking_the_keys_apart(
    open_store: Opener, etcd: EtcdServer, transactions: Spy
) -> None:
    switch_auth_on(etcd)
    targets = made_up(*(b"v1/%d" % number for number in range(300)))
    for username, password in (("joe", "wrong"), (None, None)):
        transactions.clear()
        outcomes = await open_store(etcd, username=username, password=password).delete(
            targets.values()
        )
        assert outcomes.keys() == targets.keys()
        assert all(isinstance(outcome, NotAuthorised) for outcome in outcomes.values())
        assert len(transactions) == 8
