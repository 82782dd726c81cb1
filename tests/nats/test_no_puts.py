"""A bucket without room: said before anything is removed from it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from nats.aio.client import Client

from backends.nats_kv.delete import FULL
from backends.nats_kv.store import NatsStore
from backends.store import Heartbeat, Refused
from tests.support.nats_places import KEY, RELATIVE, make_bucket
from tests.support.watching import V1, watching

ELSEWHERE = b"v1/instances/test/backend/generate/1a"


async def test_a_full_bucket_is_told_for_its_own_keys_alone(
    client: Client, store: NatsStore
) -> None:
    await (await make_bucket(client, "test_v1_instances")).put("test/backend/generate/1a", b"{}")
    bucket = await make_bucket(client, max_bytes=4096)
    await bucket.put(RELATIVE, b"1")
    assert await store.no_puts() == ()
    async with watching(store, V1) as view:
        await view.until_event(Heartbeat)
        state = (await bucket.status()).stream_info.state
        await bucket.put("prod/large", b"x" * (4096 - state.bytes - FULL))
        await view.until(lambda: getattr(view.seen[-1], "no_puts", ()))
        (told,) = await store.no_puts()
        assert getattr(view.seen[-1], "no_puts", ()) == (told,)
    assert told.reason == "the bucket prod_v1_instances is full (max_bytes)"
    assert (told.concerns(KEY), told.concerns(ELSEWHERE)) == (True, False)


async def test_what_is_too_large_to_be_put_back_is_not_removed(
    client: Client, store: NatsStore
) -> None:
    # As large as a client may publish it, without the header that putting back needs.
    await (await make_bucket(client)).put(RELATIVE, b"x" * client.max_payload)
    (entry,) = (await store.snapshot(V1)).entries
    (outcome,) = (await store.delete([entry])).values()
    assert isinstance(outcome, Refused)
    assert "it could not be put back" in outcome.detail
    assert (await store.snapshot(V1)).entries == (entry,)
    # Nor does the server end the connection over what it would not take.
    with pytest.raises(Refused, match="larger than one message may be"):
        await store.put_back(replace(entry, key=ELSEWHERE))
