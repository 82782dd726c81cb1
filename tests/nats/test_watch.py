"""A watch of the NATS store misses nothing, also of what goes without a word."""

from __future__ import annotations

from nats.aio.client import Client

from backends.nats_kv.store import NatsStore
from backends.store import Heartbeat, Put, Resync
from tests.support.nats_places import BUCKET, KEY, RELATIVE, STREAM, Opener, api, make_bucket
from tests.support.watching import watching

OTHER = b"v1/instances/prod/backend/generate/1b"


async def test_removal_and_purge_markers_are_deletes(client: Client, store: NatsStore) -> None:
    bucket = await make_bucket(client)
    await bucket.put(RELATIVE, b"1")
    await bucket.put(RELATIVE[:-1] + "b", b"2")
    async with watching(store) as view:
        await view.until_event(Resync)
        assert view.entries.keys() == {KEY, OTHER}
        await bucket.delete(RELATIVE)
        await view.until(lambda: view.entries.keys() == {OTHER})
        await bucket.purge(RELATIVE[:-1] + "b")
        await view.until(lambda: not view.entries)
        assert view.resyncs == 1


async def test_what_was_removed_before_is_not_there_at_the_start(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client)
    await bucket.put(RELATIVE, b"1")
    await bucket.delete(RELATIVE)
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        assert view.seen[0] == Resync((), str(await store.past.newest()))


async def test_a_bucket_that_is_made_later_is_found_and_one_that_goes_takes_its_keys(
    client: Client, store: NatsStore
) -> None:
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await (await make_bucket(client)).put(RELATIVE, b"1")
        await (await make_bucket(client, "test_v1_mdc")).put("test/b/e/1", b"2")
        await view.until(lambda: len(view.entries) == 2)
        await client.jetstream().delete_key_value(BUCKET)
        await view.until(lambda: view.entries.keys() == {b"v1/mdc/test/b/e/1"})
        assert view.resyncs == 1


async def test_a_bucket_that_was_deleted_and_made_again_is_read_again(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client)
    await bucket.put(RELATIVE, b"1")
    await bucket.put("prod/backend/generate/1b", b"1")
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        before = view.entries[KEY].revision
        await client.jetstream().delete_key_value(BUCKET)
        bucket = await make_bucket(client)
        await bucket.put(RELATIVE, b"1")
        await view.until(lambda: KEY in view.entries and view.entries[KEY].revision != before)
        await view.until(lambda: view.entries.keys() == {KEY})
        await bucket.put("prod/backend/generate/1b", b"2")
        await view.until(lambda: OTHER in view.entries)


async def test_a_purge_of_all_and_one_of_a_single_key_are_noticed(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client)
    for name in ("1a", "1b", "1c"):
        await bucket.put(f"prod/backend/generate/{name}", b"1")
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        await api(client, f"STREAM.PURGE.{STREAM}", filter=f"$KV.{BUCKET}.prod/backend/generate/1b")
        await view.until(lambda: len(view.entries) == 2)
        assert OTHER not in view.entries
        await api(client, f"STREAM.PURGE.{STREAM}")
        await view.until(lambda: not view.entries)
        await bucket.put(RELATIVE, b"2")
        await view.until(lambda: KEY in view.entries)


async def test_what_outlives_its_buckets_max_age_is_told_to_be_gone(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client, ttl=9)
    await bucket.put(RELATIVE, b"1")
    await bucket.put("prod/backend/generate/1b", b"1")
    async with watching(store) as view:
        await view.until(lambda: len(view.entries) == 2)
        # Written again, it lives on a little longer.
        await bucket.put("prod/backend/generate/1b", b"2")
        await view.until(lambda: not view.entries)
        assert view.resyncs == 1
        assert not view.losses


async def test_only_the_buckets_of_a_namespace_are_read(client: Client, open_store: Opener) -> None:
    await (await make_bucket(client)).put(RELATIVE, b"1")
    await (await make_bucket(client, "test_v1_instances")).put("test/b/e/1", b"1")
    prefixes = (b"v1/instances/prod/", b"v1/instances/prod.")
    async with watching(open_store(), prefixes) as view:
        await view.until_event(Heartbeat)
        assert view.entries.keys() == {KEY}
        assert (await api(client, "CONSUMER.NAMES.KV_test_v1_instances"))["total"] == 0
        assert (await api(client, f"CONSUMER.NAMES.{STREAM}"))["total"] == 1


async def test_thousands_of_changes_come_all_and_in_order(client: Client, store: NatsStore) -> None:
    await make_bucket(client)
    async with watching(store) as view:
        await view.until_event(Heartbeat)
        for number in range(3000):
            await client.publish(f"$KV.{BUCKET}.prod/b/e/{number:x}", b"%d" % number)
        await client.flush()
        await view.until(lambda: len(view.entries) == 3000)
        values = [int(event.entry.value) for event in view.seen if isinstance(event, Put)]
        assert values == list(range(3000))
        assert view.resyncs == 1
