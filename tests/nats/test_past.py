"""What NATS still has of earlier moments is read as it was; what it lacks is said, not guessed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.kv import KeyValue

from backends.discovery.discovery import Discovery
from backends.discovery.past_records import compared, last_changes
from backends.dynamo.queries import EVERYTHING
from backends.nats.config import NatsConfig
from backends.nats_kv import past as past_module
from backends.nats_kv.store import NatsStore
from backends.store import Compacted, Entry, Forbidden, NoPast, NotYet, Put, Refused, Resync
from backends.store.past import PastChange
from tests.support.nats_places import BUCKET, STREAM, Opener, api, connected, make_as_dynamo
from tests.support.nats_server import NatsServer
from tests.support.watching import V1, watching

A, B, C = "prod/a", "prod/b", "prod/c"


def key(relative: str) -> bytes:
    return f"v1/instances/{relative}".encode()


def values(entries: tuple[Entry, ...]) -> dict[str, bytes]:
    return {one.key.decode().removeprefix("v1/instances/"): one.value for one in entries}


def in_short(changes: tuple[PastChange, ...]) -> list[tuple[str, bytes | None, bytes | None]]:
    """Each change's key, and its values before and after it."""
    return [
        (
            one.key.decode().removeprefix("v1/instances/"),
            None if one.previous is None else one.previous.value,
            None if one.entry is None else one.entry.value,
        )
        for one in changes
    ]


async def now(store: NatsStore) -> int:
    """The moment of the last change."""
    return await store.past.newest()


async def edit(client: Client, **changed: int) -> None:
    """Change a bucket's settings, as an operator does."""
    config = (await api(client, f"STREAM.INFO.{STREAM}"))["config"]
    await api(client, f"STREAM.UPDATE.{STREAM}", **(config | changed))


async def seen_one_by_one(store: NatsStore, bucket: KeyValue) -> list[Resync]:
    """What snapshots were after each of some changes of all sorts."""
    seen = [await store.snapshot(V1)]
    await bucket.put(A, b"1")
    seen.append(await store.snapshot(V1))
    await bucket.create(B, b"1")
    seen.append(await store.snapshot(V1))
    await bucket.put(A, b"2")
    seen.append(await store.snapshot(V1))
    await bucket.delete(A)
    seen.append(await store.snapshot(V1))
    await bucket.create(A, b"3")
    seen.append(await store.snapshot(V1))
    return seen


async def test_with_a_history_each_moment_is_read_as_it_was(
    store: NatsStore, client: Client
) -> None:
    seen = await seen_one_by_one(store, await make_as_dynamo(client, history=5))
    assert await store.past.oldest(V1) == int(seen[0].revision)
    for then in seen:
        assert await store.past.at(V1, int(then.revision)) == then
    # Between two changes, and after the last one, all was as after the one before.
    between = int(seen[2].revision) + 1
    assert (await store.past.at(V1, between)).entries == seen[2].entries
    assert (await store.past.at(V1, int(seen[-1].revision) + 1)).entries == seen[-1].entries
    assert values((await store.past.at([key(B)], between)).entries) == {B: b"1"}


async def test_every_change_comes_in_order_with_its_time_and_what_was_before(
    store: NatsStore, client: Client
) -> None:
    seen = await seen_one_by_one(store, await make_as_dynamo(client, history=5))
    moments = [int(one.revision) for one in seen]
    changes = await store.past.changes(V1, moments[0], moments[-1])
    assert in_short(changes) == [
        (A, None, b"1"),
        (B, None, b"1"),
        (A, b"1", b"2"),
        (A, b"2", None),
        (A, None, b"3"),
    ]
    assert [one.revision for one in changes] == moments[1:]
    assert [one.at for one in changes] == [one / 1_000_000 for one in moments[1:]]
    listed = [(await client.jetstream().get_msg(STREAM, seq=number)).time for number in range(1, 6)]
    for change, time in zip(changes, listed, strict=True):
        assert time is not None
        assert change.at is not None
        assert abs(time.timestamp() - change.at) < 0.001
    # The first is excluded, the last one is not.
    some = await store.past.changes([key(A)], moments[2], moments[4])
    assert in_short(some) == [(A, b"1", b"2"), (A, b"2", None)]
    assert await store.past.changes(V1, moments[-1], moments[-1]) == ()


async def test_with_dynamos_own_history_the_past_begins_with_the_last_removal_or_replacement(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client)
    made = await now(store)
    await bucket.create(A, b"1")
    await bucket.create(B, b"1")
    before = await store.snapshot(V1)
    # So far nothing was dropped.
    assert await store.past.oldest(V1) == made
    assert await store.past.at(V1, int(before.revision)) == before
    await bucket.delete(A)
    gone = await store.snapshot(V1)
    await bucket.create(C, b"1")
    last = await store.snapshot(V1)
    assert await store.past.oldest(V1) == int(gone.revision)
    assert await store.past.at(V1, int(gone.revision)) == gone
    assert await store.past.at(V1, int(last.revision)) == last
    with pytest.raises(Compacted) as told:
        await store.past.at(V1, int(before.revision))
    assert told.value.oldest == int(gone.revision)
    assert told.value.oldest_at == int(gone.revision) / 1_000_000
    assert f"{BUCKET} keeps one value of each key" in told.value.why
    assert in_short(await store.past.changes(V1, int(gone.revision), int(last.revision))) == [
        (C, None, b"1")
    ]
    with pytest.raises(Compacted):
        await store.past.changes(V1, int(gone.revision) - 1, int(last.revision))


async def test_a_put_without_a_condition_may_have_replaced_what_is_missing(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client)
    await bucket.create(A, b"1")
    await bucket.create(A + "2", b"1")
    await bucket.delete(A)
    await bucket.put(C, b"1")
    # As far as the server can tell, C may have been what was at the missing number.
    assert await store.past.oldest(V1) == await now(store)
    await bucket.create(B, b"1")
    then = await store.snapshot(V1)
    assert await store.past.oldest(V1) < int(then.revision)


async def test_after_the_history_was_raised_the_past_begins_then_and_not_before(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client)
    await bucket.put(A, b"1")
    there = await store.snapshot(V1)
    await bucket.put(B, b"1")
    await bucket.put(A, b"2")
    await edit(client, max_msgs_per_subject=64)
    # Fewer messages than the limit allows, but the limit was another when A was replaced.
    with pytest.raises(Compacted):
        await store.past.at(V1, int(there.revision))
    assert await store.past.oldest(V1) == await now(store)
    seen = [await store.snapshot(V1)]
    for act in (bucket.create(C, b"1"), bucket.delete(B), bucket.delete(A), bucket.delete(C)):
        await act
        seen.append(await store.snapshot(V1))
    assert await store.past.oldest(V1) == int(seen[0].revision)
    for then in seen:
        assert await store.past.at(V1, int(then.revision)) == then


async def test_a_key_with_fewer_messages_than_another_lost_none_to_the_limit(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, history=3)
    for number in range(4):
        await bucket.put(A, b"%d" % number)
    full = await store.snapshot(V1)
    # Without a condition, but one message, where three would be kept.
    await bucket.put(B, b"1")
    await bucket.put(B, b"2")
    last = await store.snapshot(V1)
    # What is left of A is its end: before, it was there in a way that is not known any more.
    oldest = await store.past.oldest(V1)
    second = (await client.jetstream().get_msg(STREAM, seq=2)).time
    assert second is not None
    assert abs(oldest / 1_000_000 - second.timestamp()) < 0.001
    assert await store.past.at(V1, int(full.revision)) == full
    between = await store.past.changes(V1, oldest, int(last.revision))
    assert in_short(between) == [
        (A, b"1", b"2"),
        (A, b"2", b"3"),
        (B, None, b"1"),
        (B, b"1", b"2"),
    ]
    await bucket.put(B, b"3")
    await bucket.put(B, b"4")
    # Now there may have been any number before the three that are kept.
    assert await store.past.oldest(V1) == int(last.revision)


async def test_what_was_purged_is_not_known_and_what_came_since_is(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, history=5)
    await bucket.create(A, b"1")
    await bucket.create(B, b"1")
    before = await store.snapshot(V1)
    await bucket.purge(A)
    purged = await store.snapshot(V1)
    await bucket.create(C, b"1")
    last = await store.snapshot(V1)
    with pytest.raises(Compacted) as told:
        await store.past.at(V1, int(before.revision))
    assert told.value.why == f"the bucket {BUCKET} dropped messages of before"
    assert told.value.oldest == int(purged.revision)
    for then in (purged, last):
        assert await store.past.at(V1, int(then.revision)) == then
    # As `nats kv compact` does it: the marker of a removed key goes, too.
    await api(client, f"STREAM.PURGE.{STREAM}", filter=f"$KV.{BUCKET}.{A}")
    assert await store.past.oldest(V1) == int(last.revision)
    await api(client, f"STREAM.PURGE.{STREAM}")
    with pytest.raises(NoPast, match=f"{BUCKET} has no message left"):
        await store.past.oldest(V1)


@pytest.mark.parametrize("limit", [{"max_age": 2**62}, {"allow_msg_ttl": True}])
async def test_where_keys_may_run_out_nothing_is_known_once_anything_is_missing(
    limit: dict[str, Any], store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, **limit)
    await bucket.create(A, b"1")
    await bucket.create(B, b"1")
    whole = await store.snapshot(V1)
    assert await store.past.at(V1, int(whole.revision)) == whole
    await bucket.put(A, b"2")
    for asked in (
        store.past.oldest(V1),
        store.past.at(V1, await now(store)),
        store.past.changes(V1, 1, 2),
        store.past.recent(V1, await now(store), 5),
    ):
        with pytest.raises(NoPast) as told:
            await asked
        assert f"{BUCKET} has messages run out" in told.value.why


async def test_a_key_that_ran_out_under_a_marker_is_not_known_any_more(
    store: NatsStore, client: Client
) -> None:
    await make_as_dynamo(client, history=5, subject_delete_marker_ttl=10**9, allow_msg_ttl=True)
    stream = client.jetstream()
    await stream.publish(f"$KV.{BUCKET}.{B}", b"1", headers={"Nats-TTL": "600s"})
    assert values((await store.past.at(V1, await now(store))).entries) == {B: b"1"}
    async with watching(store) as view:
        await view.until_event(Resync)
        await stream.publish(f"$KV.{BUCKET}.{A}", b"1", headers={"Nats-TTL": "1s"})
        await view.until_event(Put)
        await view.until(lambda: key(A) not in view.entries)
    with pytest.raises(NoPast):
        await store.past.oldest(V1)


@pytest.mark.parametrize("config", [{"max_msgs": 2, "discard": "old"}, {"deny_delete": False}])
async def test_where_others_than_a_limit_of_each_key_drop_only_what_is_now_is_known(
    config: dict[str, Any], store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, history=5, **config)
    for name in (A, B, C):
        await bucket.create(name, b"1")
    await api(client, f"STREAM.PURGE.{STREAM}", seq=2)
    await bucket.create(A + "2", b"1")
    last = await store.snapshot(V1)
    assert await store.past.oldest(V1) == int(last.revision)
    assert await store.past.at(V1, int(last.revision)) == last


async def test_a_mirror_that_began_late_does_not_pass_for_all(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, history=5)
    await bucket.create(A, b"1")
    await bucket.create(B, b"1")
    await api(
        client,
        "STREAM.CREATE.KV_copy_v1_instances",
        name="KV_copy_v1_instances",
        storage="file",
        max_msgs_per_subject=5,
        deny_delete=True,
        mirror={"name": STREAM, "opt_start_seq": 2},
    )
    prefixes = (b"v1/instances/./copy_v1_instances/",)
    async with watching(store, prefixes) as view:
        await view.until(lambda: bool(view.entries))
    last = await store.snapshot(prefixes)
    assert len(last.entries) == 1
    oldest = await store.past.oldest(prefixes)
    assert oldest >= int(last.revision)
    assert (await store.past.at(prefixes, oldest)).entries == last.entries


async def test_of_several_buckets_a_moment_is_common_and_the_shortest_past_counts(
    store: NatsStore, client: Client
) -> None:
    instances = await make_as_dynamo(client, history=5)
    cards = await make_as_dynamo(client, "prod_v1_mdc")
    seen = [await store.snapshot(V1)]
    for act in (
        instances.create(A, b"1"),
        cards.create(A, b"card"),
        instances.delete(A),
        cards.delete(A),
        instances.create(B, b"2"),
    ):
        await act
        seen.append(await store.snapshot(V1))
    *_, before, last = (int(one.revision) for one in seen)
    assert await store.past.oldest(V1) == before
    assert in_short(await store.past.changes(V1, before, last)) == [(B, None, b"2")]
    # The instances by themselves go back to when their bucket was made.
    some = [b"v1/instances/"]
    assert await store.past.oldest(some) < int(seen[0].revision)
    for then in seen:
        held = tuple(one for one in then.entries if one.key.startswith(b"v1/instances/"))
        assert (await store.past.at(some, int(then.revision))).entries == held
    everything = await store.past.changes(some, int(seen[0].revision), last)
    assert in_short(everything) == [(A, None, b"1"), (A, b"1", None), (B, None, b"2")]


async def test_before_a_bucket_was_made_another_of_its_name_may_have_been_there(
    store: NatsStore, client: Client
) -> None:
    bucket = await make_as_dynamo(client, history=5)
    await bucket.create(A, b"1")
    there = await store.snapshot(V1)
    await client.jetstream().delete_key_value(BUCKET)
    with pytest.raises(NoPast, match="no bucket of Dynamo's here"):
        await store.past.newest()
    await make_as_dynamo(client, "other_v1_instances")
    with pytest.raises(NoPast, match="no bucket here holds such keys"):
        await store.past.at([key("prod/")], int(there.revision))
    await make_as_dynamo(client, history=5)
    with pytest.raises(Compacted) as told:
        await store.past.at(V1, int(there.revision))
    assert told.value.why == f"the bucket {BUCKET} was made then"


async def test_what_is_still_to_come_is_said(store: NatsStore, client: Client) -> None:
    bucket = await make_as_dynamo(client, history=5)
    await bucket.create(A, b"1")
    last = await now(store)
    for asked in (store.past.at(V1, 2**62), store.past.changes(V1, last, 2**62)):
        with pytest.raises(NotYet) as told:
            await asked
        assert (told.value.revision, told.value.newest) == (2**62, last)
    with pytest.raises(ValueError, match="no revision is 0"):
        await store.past.at(V1, 0)


async def test_the_last_changes_are_those_that_are_known(store: NatsStore, client: Client) -> None:
    discovery = Discovery(store)
    bucket = await make_as_dynamo(client, "prod_v1_claims")
    for number in range(6):
        await bucket.create(f"{number}", b"1")
    last = await now(store)

    async def found(most: int) -> list[bytes]:
        changes = await last_changes(discovery, EVERYTHING, last, most)
        return [change.latest.key for change in changes]

    assert await found(500) == [b"v1/claims/./prod_v1_claims/%d" % one for one in range(6)]
    assert await found(2) == [b"v1/claims/./prod_v1_claims/%d" % one for one in (4, 5)]
    first = (await discovery.past.changes(V1, await store.past.oldest(V1), last))[0].revision
    before, after = await discovery.list(EVERYTHING, first), await discovery.list(EVERYTHING)
    assert len(compared(before, after)) == 5
    await bucket.delete("0")
    last = await now(store)
    assert await found(500) == []


async def test_a_user_who_may_not_read_a_bucket_is_told_so(
    open_store: Opener, tmp_path: Path
) -> None:
    """The past takes the permissions that the present takes, and no others."""
    file = tmp_path / "nats.conf"
    file.write_text(
        """authorization { timeout: 60, users: [
        { user: joe, password: x },
        { user: reader, password: x, permissions: { subscribe: "_INBOX.>", publish: [
            "$JS.API.STREAM.LIST", "$JS.API.CONSUMER.CREATE.KV_prod_v1_instances",
            "$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.DELETE.>", "$JS.FC.>" ] } }] }"""
    )
    with NatsServer("--config", str(file)) as server:
        async with connected(server.url, user="joe", password="x") as client:
            await (await make_as_dynamo(client, history=5)).create(A, b"1")
            await (await make_as_dynamo(client, "prod_v1_mdc")).create(A, b"1")
        config = NatsConfig(servers=(server.url,), username="reader", password="x")
        store = open_store(config)
        some = [b"v1/instances/"]
        last = await store.snapshot(some)
        assert await store.past.at(some, int(last.revision)) == last
        with pytest.raises(Forbidden, match="kv_prod_v1_mdc"):
            await store.snapshot(V1)
        with pytest.raises(Forbidden, match="kv_prod_v1_mdc"):
            await open_store(config).past.oldest(V1)


async def test_more_than_may_be_read_is_refused_before_it_is_read(
    store: NatsStore, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = await make_as_dynamo(client, history=5)
    await bucket.create(A, b"1")
    await bucket.put(A, b"2")
    monkeypatch.setattr(past_module, "MOST_MESSAGES", 1)
    with pytest.raises(Refused, match="these buckets have 2 with 0 MiB: name a namespace"):
        await store.past.oldest(V1)


async def test_thousands_of_messages_are_all_read_while_others_come(
    store: NatsStore, client: Client
) -> None:
    await make_as_dynamo(client, history=5)
    for number in range(3000):
        await client.publish(f"$KV.{BUCKET}.prod/{number % 1000}", b"x" * 2000)
    # All are stored once the last one is acknowledged.
    await client.jetstream().publish(f"$KV.{BUCKET}.prod/0", b"x")
    then = await store.snapshot(V1)
    assert len(then.entries) == 1000

    async def disturb() -> None:
        for number in range(2000):
            await client.publish(f"$KV.{BUCKET}.prod/{number}", b"y")
        await client.flush()

    _, found = await asyncio.gather(disturb(), store.past.at(V1, int(then.revision)))
    assert found.entries == then.entries
