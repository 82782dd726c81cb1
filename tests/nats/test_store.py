"""What the NATS store promises beyond the contract, on a real nats-server."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.client import Client

from backends.nats_kv.store import NatsStore
from backends.store import Entry, KeyNotAllowed, PutBack, Refused, Removal, Revision
from tests.support.nats_places import (
    BUCKET,
    KEY,
    RELATIVE,
    STREAM,
    Opener,
    api,
    make_bucket,
    publish_raw,
)
from tests.support.nats_server import NatsServer
from tests.support.watching import DEADLINE, V1, watching

NOT_UTF_8 = b"v1/instances/./prod_v1_instances/\xff\xfe"
LATIN = "v1/instances/./prod_v1_instances/größe".encode()


async def test_what_a_worker_writes_with_a_plain_client_is_read(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client)
    number = await bucket.put(RELATIVE, b"{}")
    await (await make_bucket(client, "test_v1_mdc")).put("test/backend/generate/2", b"card")
    # What is none of Dynamo's is nobody's business.
    await (await make_bucket(client, "mine")).put("a/b", b"x")
    found = (await store.snapshot(V1)).entries
    assert [(entry.key, entry.value) for entry in found] == [
        (KEY, b"{}"),
        (b"v1/mdc/test/backend/generate/2", b"card"),
    ]
    assert found[0].revision.startswith(f"{number}@")


async def test_what_dyntop_registers_a_plain_client_reads_where_dynamo_looks(
    client: Client, store: NatsStore
) -> None:
    await store.put(KEY, b"1")
    await store.put(b"v1/event_channels/namespace/prod/topic/kv/7d", b"2")
    stream = client.jetstream()
    assert (await (await stream.key_value(BUCKET)).get(RELATIVE)).value == b"1"
    channels = await stream.key_value("prod_v1_event_channels")
    assert (await channels.get("namespace/prod/topic/kv/7d")).value == b"2"
    # Dynamo's discovery asks for no time to live.
    assert not (await channels.status()).ttl


@pytest.mark.parametrize(
    "key", [b"v1/event_channels/namespace/a%2Eb/topic/t/1", b"v1/instances/prod/\xff/e/1"]
)
async def test_a_key_that_nats_does_not_allow_is_refused_and_makes_no_bucket(
    client: Client, store: NatsStore, key: bytes
) -> None:
    with pytest.raises(KeyNotAllowed):
        await store.put(key, b"{}")
    assert (await api(client, "STREAM.NAMES"))["total"] == 0


async def test_what_is_in_a_stream_under_any_subject_is_shown_and_removed(
    server: NatsServer, client: Client, store: NatsStore
) -> None:
    await client.jetstream().add_stream(name=STREAM, subjects=[f"$KV.{BUCKET}.>", "foo.bar"])
    subjects = [b"$KV.prod_v1_instances." + name for name in (b"test/b/e/1", "größe".encode())]
    await publish_raw(server.ports[0], *subjects, b"foo.bar")
    entries = (await store.snapshot(V1)).entries
    assert {entry.key for entry in entries} == {
        b"v1/instances/../prod_v1_instances/foo.bar",
        b"v1/instances/./prod_v1_instances/test/b/e/1",
        LATIN,
    }
    targets = [entry.key for entry in entries]
    assert await store.get(targets) == {entry.key: entry for entry in entries}
    assert set((await store.delete(entries)).values()) == {Removal.REMOVED}
    assert (await store.snapshot(V1)).entries == ()
    for entry in entries:
        assert await store.put_back(entry) is PutBack.DONE
    assert {entry.key for entry in (await store.snapshot(V1)).entries} == set(targets)


async def test_what_is_no_text_and_has_headers_that_are_none_is_shown_and_stays(
    server: NatsServer, client: Client, store: NatsStore
) -> None:
    await make_bucket(client)
    port = server.ports[0]
    await publish_raw(port, b"$KV.prod_v1_instances.\xff\xfe")
    odd = b"NATS/1.0 \xff\xff\r\n\r\n"
    await publish_raw(port, b"$KV.prod_v1_instances.prod/odd/e/1", headers=odd)
    await publish_raw(
        port, b"$KV.prod_v1_instances.prod/odd/e/2", headers=b"NATS/1.0\r\n: \r\n\r\n"
    )
    # What a consumer itself would say, but stored by somebody.
    idle = b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 99\r\n\r\n"
    await publish_raw(port, b"$KV.prod_v1_instances.prod/odd/e/3", headers=idle)
    entries = (await store.snapshot(V1)).entries
    assert {entry.key for entry in entries} == {
        NOT_UTF_8,
        b"v1/instances/prod/odd/e/1",
        b"v1/instances/prod/odd/e/2",
        b"v1/instances/prod/odd/e/3",
    }
    found = await store.get([NOT_UTF_8])
    assert found[NOT_UTF_8].value == b"{}"
    (outcome,) = (await store.delete([found[NOT_UTF_8]])).values()
    assert isinstance(outcome, Refused)
    # The connection lives on.
    assert len((await store.snapshot(V1)).entries) == 4


async def test_a_stream_that_was_made_again_has_none_of_the_revisions_seen_before(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client)
    number = await bucket.put(RELATIVE, b"1")
    (seen,) = (await store.snapshot(V1)).entries
    await client.jetstream().delete_key_value(BUCKET)
    assert await store.delete([seen]) == {KEY: Removal.GONE}
    # Seen once on a busy machine: a stream that was made again did not begin with 1.
    for _ in range(10):
        bucket = await make_bucket(client)
        if (again := await bucket.put(RELATIVE, b"1")) == number:
            break
        await client.jetstream().delete_key_value(BUCKET)
    assert again == number
    assert await store.delete([seen]) == {KEY: Removal.CHANGED}
    assert (await bucket.get(RELATIVE)).value == b"1"


async def test_a_removal_is_a_marker_as_kv_clients_write_it(
    client: Client, store: NatsStore
) -> None:
    bucket = await make_bucket(client, history=5)
    await bucket.put(RELATIVE, b"1")
    await bucket.put(RELATIVE, b"2")
    (entry,) = (await store.snapshot(V1)).entries
    assert entry.value == b"2"
    assert await store.delete([entry]) == {KEY: Removal.REMOVED}
    marker = await client.jetstream().get_msg(STREAM, seq=3)
    assert marker.headers == {"KV-Operation": "DEL", "Nats-Expected-Last-Subject-Sequence": "2"}
    assert (await bucket.status()).values == 3
    assert await store.delete([entry]) == {KEY: Removal.GONE}
    assert await store.put_back(entry) is PutBack.DONE
    assert (await bucket.get(RELATIVE)).value == b"2"


async def test_of_two_who_remove_and_one_who_writes_each_is_told_the_truth(
    client: Client, open_store: Opener
) -> None:
    bucket = await make_bucket(client)
    one, other = open_store(), open_store()
    for number in range(10):
        await bucket.put(RELATIVE, b"%d" % number)
        seen = (await one.get([KEY]))[KEY]
        first, second, after = await asyncio.gather(
            one.delete([seen]), other.delete([seen]), bucket.put(RELATIVE, b"new")
        )
        outcomes = [first[KEY], second[KEY]]
        assert outcomes.count(Removal.REMOVED) <= 1
        assert set(outcomes) <= {Removal.REMOVED, Removal.CHANGED, Removal.GONE}
        # What was written by somebody else is never what goes.
        assert (await bucket.get(RELATIVE)).revision == after


async def test_a_bucket_that_is_gone_is_made_again_for_what_is_put_back(
    server: NatsServer, client: Client, store: NatsStore
) -> None:
    await make_bucket(client)
    await publish_raw(server.ports[0], b"$KV.prod_v1_instances.test/b/e/1")
    await (await client.jetstream().key_value(BUCKET)).put(RELATIVE, b"1")
    there = (await store.snapshot(V1)).entries
    await client.jetstream().delete_key_value(BUCKET)
    odd, usual = sorted(there, key=lambda entry: entry.key)
    with pytest.raises(Refused, match="no longer exists"):
        await store.put_back(odd)
    assert await store.put_back(usual) is PutBack.DONE
    assert (await store.get([KEY]))[KEY].value == b"1"


async def test_a_time_to_live_is_the_buckets_from_when_the_key_was_written(
    client: Client, store: NatsStore
) -> None:
    await (await make_bucket(client, ttl=60)).put(RELATIVE, b"1")
    await (await make_bucket(client, "prod_v1_mdc")).put(RELATIVE, b"card")
    entries = (await store.snapshot(V1)).entries
    lives = await store.time_to_live([*entries, Entry(b"v1/mdc/x", b"", Revision(""))])
    assert lives.keys() == {KEY}
    assert lives[KEY].granted == 60.0
    assert 50.0 < lives[KEY].remaining <= 60.0


async def test_own_keys_are_renewed_within_their_buckets_time_to_live_and_end_with_the_store(
    client: Client, open_store: Opener
) -> None:
    # So long that it does not end for want of time on a busy machine.
    bucket = await make_bucket(client, ttl=9)
    await bucket.put(RELATIVE + "0", b"1")
    store = open_store()
    revisions = {await store.put(KEY, b"1")}
    async with watching(store) as view:
        # Each time it is written anew, and good for the whole time again.
        while len(revisions) < 3:
            await view.until(
                lambda: KEY in view.entries and view.entries[KEY].revision not in revisions
            )
            revisions.add(view.entries[KEY].revision)
    assert (await store.get([KEY]))[KEY].value == b"1"
    await store.aclose()
    assert await open_store().get([KEY]) == {}


async def test_what_somebody_replaced_is_not_removed_at_the_end(
    client: Client, open_store: Opener
) -> None:
    store = open_store()
    await store.put(KEY, b"mine")
    await (await client.jetstream().key_value(BUCKET)).put(RELATIVE, b"theirs")
    await store.aclose()
    assert (await open_store().get([KEY]))[KEY].value == b"theirs"


async def test_ten_thousand_keys_are_read_without_a_question_for_each(
    client: Client, store: NatsStore
) -> None:
    await make_bucket(client)
    for number in range(10_000):
        await client.publish(f"$KV.{BUCKET}.prod/b/e/{number:x}", b"x" * 300)
    await client.flush()
    # What is asked on the same connection is answered after it was all stored.
    await client.jetstream().publish(f"$KV.{BUCKET}.prod/b/e/0", b"x" * 300)
    before = (await api(client, "INFO"))["api"]["total"]
    entries = (await store.snapshot(V1)).entries
    assert len(entries) == 10_000
    assert (await api(client, "INFO"))["api"]["total"] - before < 20
    # Many at once are found as quickly.
    assert len(await store.get([entry.key for entry in entries])) == 10_000


async def consumers(client: Client) -> int:
    found: int = (await api(client, f"CONSUMER.NAMES.{STREAM}"))["total"]
    return found


async def test_looking_leaves_no_consumer_behind(client: Client, store: NatsStore) -> None:
    await (await make_bucket(client)).put(RELATIVE, b"1")
    before = (await api(client, f"STREAM.INFO.{STREAM}"))["state"]["last_seq"]
    deleted = await client.subscribe(f"$JS.API.CONSUMER.DELETE.{STREAM}.>")
    await client.flush()
    await store.snapshot(V1)
    # By itself the server would forget it, too, but after five seconds and without being asked to.
    await deleted.next_msg(timeout=DEADLINE)
    async with asyncio.timeout(DEADLINE):
        while await consumers(client):
            await client.flush()
    assert (await api(client, f"STREAM.INFO.{STREAM}"))["state"]["last_seq"] == before


async def test_a_value_larger_than_a_message_may_be_is_refused(store: NatsStore) -> None:
    with pytest.raises(Refused, match="larger than one message"):
        await store.put(KEY, b"x" * (1 << 20) + b"x")
