"""Users, passwords, tokens and permissions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from backends.store import (
    Forbidden,
    Heartbeat,
    Lost,
    NotAuthorised,
    Removal,
    Resync,
    TimeToLive,
)
from tests.support.etcd_places import QUICK, Opener, Spy, stored, switch_auth_on
from tests.support.etcd_server import EtcdServer
from tests.support.seen import as_seen
from tests.support.watching import V1, watching

INSTANCES = (b"v1/instances/",)
MINE = b"v1/instances/a"
FOREIGN = b"v1/mdc/a"


@pytest.fixture
def etcd() -> Iterator[EtcdServer]:
    """An empty etcd; its passwords are quick to check."""
    with EtcdServer(*QUICK, "--bcrypt-cost=4") as server:
        yield server


@pytest.fixture
def guarded(etcd: EtcdServer) -> EtcdServer:
    """Asks for users: `root` may do everything, `joe` has `v1/instances/` only."""
    etcd.etcdctl("put", MINE.decode(), "1")
    etcd.etcdctl("put", FOREIGN.decode(), "1")
    switch_auth_on(etcd)
    return etcd


async def test_user_and_password(open_store: Opener, guarded: EtcdServer) -> None:
    store = open_store(guarded, username="root", password="secret")
    assert len((await store.snapshot(V1)).entries) == 2
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await store.put(MINE, b"2")
        await view.until(lambda: view.values[MINE] == b"2")


@pytest.mark.parametrize("user", ["root", "nobody"])
async def test_a_wrong_password_or_user(open_store: Opener, guarded: EtcdServer, user: str) -> None:
    store = open_store(guarded, username=user, password="wrong")
    with pytest.raises(NotAuthorised, match="invalid user ID or password"):
        await store.snapshot(V1)


async def test_no_user_where_one_is_asked_for(open_store: Opener, guarded: EtcdServer) -> None:
    with pytest.raises(NotAuthorised, match="ETCD_AUTH_USERNAME"):
        await open_store(guarded).snapshot(V1)


async def test_a_user_where_none_is_asked_for(open_store: Opener, etcd: EtcdServer) -> None:
    store = open_store(etcd, username="root", password="secret")
    await store.put(MINE, b"1")
    # It is asked for later.
    switch_auth_on(etcd)
    assert MINE in await store.get([MINE])


async def test_authentication_is_switched_off(open_store: Opener, guarded: EtcdServer) -> None:
    store = open_store(guarded, username="root", password="secret")
    await store.snapshot(V1)
    guarded.etcdctl("auth", "disable")
    assert MINE in await store.get([MINE])


async def test_a_token_that_is_not_known_any_more_is_renewed(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="root", password="secret")
    await store.put(b"v1/leased", b"")
    entries = [one for one in (await store.snapshot(V1)).entries if one.lease is not None]
    # Tokens live in the server's memory.
    await asyncio.to_thread(guarded.restart)
    assert await store.time_to_live(entries)
    answers = await asyncio.gather(*(store.get([MINE]) for _ in range(5)))
    assert all(MINE in answer for answer in answers)


async def test_a_token_from_before_a_change_of_permissions_is_renewed(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret")
    await store.snapshot(INSTANCES)
    guarded.etcdctl("role", "grant-permission", "some", "read", "v1/mdc/", "--prefix=true")
    assert FOREIGN in await store.get([FOREIGN])


async def test_a_password_that_is_changed_while_watching(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret")
    async with watching(store, INSTANCES) as view:
        await view.until_event(Resync)
        guarded.etcdctl("user", "passwd", "joe", "--interactive=false", input=b"other")
        await asyncio.to_thread(guarded.restart)
        await view.until(lambda: any(isinstance(error, NotAuthorised) for error in view.losses))
        guarded.etcdctl("user", "passwd", "joe", "--interactive=false", input=b"secret")
        await view.until_event(Resync)


async def test_what_may_be_read_is_and_what_may_not_is_named(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret")
    whole = await store.snapshot(INSTANCES)
    assert [entry.key for entry in whole.entries] == [MINE]
    assert not whole.unread
    part = await store.snapshot((*INSTANCES, b"v1/mdc/"))
    assert part.entries == whole.entries
    assert part.unread == "no permission to read model cards (v1/mdc/)"
    part = await store.snapshot((b"v1/", b"mdc/"))
    assert part.entries == whole.entries
    assert part.unread == (
        "no permission to read event channels (v1/event_channels/), event sources "
        "(v1/event_sources/), model cards (v1/mdc/), other keys (v1/), "
        "what Dynamo up to 0.5 registers (mdc/)"
    )
    with pytest.raises(Forbidden, match="permission denied: v1/mdc/"):
        await store.snapshot((b"v1/mdc/",))


async def test_a_watch_without_permission_goes_on_trying(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret")
    async with watching(store, (b"v1/mdc/",)) as view:
        lost: Lost = await view.until_event(Lost)
        assert isinstance(lost.error, NotAuthorised)
        guarded.etcdctl("role", "grant-permission", "some", "read", "v1/mdc/", "--prefix=true")
        await view.until_event(Resync)
        assert len(view.losses) == 1
        assert set(view.values) == {FOREIGN}


async def test_a_watch_of_a_part_says_so_and_shows_more_when_more_may_be_read(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret", look_again=0.0)
    async with watching(store, V1) as view:
        part: Resync = await view.until_event(Resync)
        assert part.unread == (
            "no permission to read event channels (v1/event_channels/), event sources "
            "(v1/event_sources/), model cards (v1/mdc/), other keys (v1/)"
        )
        assert set(view.values) == {MINE}
        assert await view.until_event(Heartbeat) == Heartbeat((part.unread,))
        await store.put(MINE, b"2")
        await view.until(lambda: view.values[MINE] == b"2")
        # One key beside another makes a range of its own.
        for more in ("grant-permission some read v1/mdc/a", "grant-permission some read v1/x"):
            guarded.etcdctl("role", *more.split())
        await view.until(lambda: set(view.values) == {MINE, FOREIGN})
        told = "model cards (v1/mdc/) but the key v1/mdc/a, other keys (v1/) but the key v1/x"
        await view.until(lambda: told in str(view.seen[-1]))
        guarded.etcdctl("role", "grant-permission", "some", "read", "v1/", "--prefix=true")
        await view.until(lambda: view.seen[-1] == Heartbeat())
        assert not view.losses


async def test_a_permission_to_write_alone_lets_nobody_read(
    open_store: Opener, guarded: EtcdServer
) -> None:
    guarded.etcdctl("role", "grant-permission", "some", "write", "v1/mdc/", "--prefix=true")
    store = open_store(guarded, username="joe", password="secret")
    assert [entry.key for entry in (await store.snapshot(V1)).entries] == [MINE]


async def test_a_key_that_may_not_be_removed_stays_and_does_not_stop_the_others(
    open_store: Opener, guarded: EtcdServer
) -> None:
    root = open_store(guarded, username="root", password="secret")
    seen = {entry.key: entry.revision for entry in (await root.snapshot(V1)).entries}
    joe = open_store(guarded, username="joe", password="secret")
    outcomes = await joe.delete(await as_seen(root, {FOREIGN: seen[FOREIGN], MINE: seen[MINE]}))
    assert isinstance(outcomes[FOREIGN], NotAuthorised)
    assert outcomes[MINE] is Removal.REMOVED
    assert [entry.key for entry in (await root.snapshot(V1)).entries] == [FOREIGN]
    assert await root.delete(await as_seen(root, {FOREIGN: seen[FOREIGN]})) == {
        FOREIGN: Removal.REMOVED
    }


async def test_forbidden_keys_among_many_stay_alone(
    open_store: Opener, guarded: EtcdServer, transactions: Spy
) -> None:
    root = open_store(guarded, username="root", password="secret")
    keys = [b"v1/instances/%d" % number for number in range(300)]
    forbidden = [b"v1/mdc/%d" % number for number in range(3)]
    # In the middle, one beside the other and one apart.
    keys[50:50], keys[250:250] = forbidden[:2], forbidden[2:]
    seen = {key: await root.put(key, b"1") for key in keys}
    joe = open_store(guarded, username="joe", password="secret")
    outcomes = await joe.delete(await as_seen(root, seen))
    for key in forbidden:
        error = outcomes.pop(key)
        assert isinstance(error, NotAuthorised)
        assert "permission denied" in error.detail
    assert outcomes == dict.fromkeys(seen.keys() - set(forbidden), Removal.REMOVED)
    assert set(stored(guarded)) == {MINE, FOREIGN, *forbidden}
    assert len(transactions) < 50


async def test_where_every_key_is_forbidden_each_says_so_and_stays(
    open_store: Opener, guarded: EtcdServer
) -> None:
    root = open_store(guarded, username="root", password="secret")
    seen = {key: await root.put(key, b"1") for key in (b"v1/mdc/%d" % n for n in range(130))}
    joe = open_store(guarded, username="joe", password="secret")
    outcomes = await joe.delete(await as_seen(root, seen))
    assert outcomes.keys() == seen.keys()
    assert all(isinstance(outcome, NotAuthorised) for outcome in outcomes.values())
    assert stored(guarded).keys() >= seen.keys()


async def test_a_user_with_few_permissions_has_a_lease_too(
    open_store: Opener, guarded: EtcdServer
) -> None:
    store = open_store(guarded, username="joe", password="secret")
    await store.put(MINE, b"2")
    entry = (await store.get([MINE]))[MINE]
    assert entry.lease == await store.instance_id()
    (lives,) = (await store.time_to_live([entry])).values()
    assert isinstance(lives, TimeToLive)
    assert lives.granted == 30
