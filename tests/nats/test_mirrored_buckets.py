"""Buckets that are mirrors, or have sources: read as a KV client reads them, and not written."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest
from nats.aio.client import Client

from backends.nats_kv.responses import read_bucket
from backends.nats_kv.watch import ORIGIN_SILENT, _silent
from backends.store import PutBack, Refused, Removal
from tests.support.nats_places import BUCKET, STREAM, Opener, api, connected, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.running import dyntop
from tests.support.watching import V1, watching

ORIGIN = "origin"
RELATIVE = [f"prod/backend/generate/{number}" for number in range(1, 5)]
TRANSFORMED = {
    "name": f"KV_{ORIGIN}",
    "subject_transforms": [{"src": f"$KV.{ORIGIN}.>", "dest": f"$KV.{BUCKET}.>"}],
}
KEEPS_SUBJECTS = {"name": f"KV_{ORIGIN}"}
MIRRORS = pytest.mark.parametrize(
    "mirror", [TRANSFORMED, KEEPS_SUBJECTS], ids=["transformed", "as is"]
)


async def make_mirror(client: Client, mirror: dict[str, Any]) -> None:
    """In place of whatever stream is there, of an origin with four keys."""
    names = (await api(client, "STREAM.NAMES"))["streams"] or []
    if f"KV_{ORIGIN}" not in names:
        origin = await make_bucket(client, ORIGIN)
        for key in RELATIVE:
            await origin.put(key, b"{}")
    if STREAM in names:
        await api(client, f"STREAM.DELETE.{STREAM}")
    config = {"max_msgs_per_subject": 1, "allow_direct": True, "mirror_direct": True}
    await api(client, f"STREAM.CREATE.{STREAM}", name=STREAM, mirror=mirror, **config)


async def until_filled(client: Client, messages: int) -> None:
    while (await _messages(client)) < messages:  # noqa: ASYNC110 - the server fills it
        await asyncio.sleep(0.02)


async def _messages(client: Client) -> int:
    found: int = (await api(client, f"STREAM.INFO.{STREAM}"))["state"]["messages"]
    return found


def keys(*relative: str) -> set[bytes]:
    return {f"v1/instances/{key}".encode() for key in relative}


@MIRRORS
async def test_a_mirror_under_an_open_watch_is_read_and_followed(
    server: NatsServer, open_store: Opener, mirror: dict[str, Any]
) -> None:
    async with connected(server.url) as client:
        bucket = await make_bucket(client)
        await bucket.put("prod/backend/generate/old", b"{}")
        async with watching(open_store()) as view:
            await view.until(lambda: set(view.entries) == keys("prod/backend/generate/old"))
            await make_mirror(client, mirror)
            await view.until(lambda: set(view.entries) == keys(*RELATIVE))
            origin = await client.jetstream().key_value(ORIGIN)
            await origin.delete(RELATIVE[0])
            await origin.put("prod/backend/generate/9", b"{}")
            now = {*RELATIVE[1:], "prod/backend/generate/9"}
            await view.until(lambda: set(view.entries) == keys(*now))
        # As the client library has it.
        mirrored = await client.jetstream().key_value(BUCKET)
        if mirror is TRANSFORMED:
            assert set(await mirrored.keys()) == now
    store = open_store()
    entries = (await store.snapshot(V1)).entries
    assert {entry.key for entry in entries} == keys(*now)
    assert await store.get(keys(*now)) == {entry.key: entry for entry in entries}


@MIRRORS
async def test_into_a_mirror_nothing_is_written_and_its_origin_is_named(
    server: NatsServer, open_store: Opener, mirror: dict[str, Any]
) -> None:
    async with connected(server.url) as client:
        await make_mirror(client, mirror)
        store = open_store()
        async with watching(store) as view:
            await view.until(lambda: set(view.entries) == keys(*RELATIVE))
        entries = (await store.snapshot(V1)).entries
        one = entries[0]
        says = f"the bucket {BUCKET} is a mirror of {ORIGIN}, and read-only"
        outcomes = await store.delete([one])
        assert isinstance(refusal := outcomes[one.key], Refused)
        assert refusal.detail == says
        with pytest.raises(Refused, match=says):
            await store.put(b"v1/instances/prod/backend/generate/7", b"{}")
        origin = await client.jetstream().key_value(ORIGIN)
        await origin.delete(RELATIVE[0])
        async with watching(store) as view:
            await view.until(lambda: set(view.entries) == keys(*RELATIVE[1:]))
        with pytest.raises(Refused, match=says):
            await store.put_back(one)
        # Nor into its origin by mistake.
        assert set(await origin.keys()) == set(RELATIVE[1:])


async def test_a_bucket_that_has_sources_is_read_and_written(
    server: NatsServer, open_store: Opener
) -> None:
    async with connected(server.url) as client:
        origin = await make_bucket(client, ORIGIN)
        await origin.put(RELATIVE[0], b"{}")
        config = {"max_msgs_per_subject": 1, "allow_direct": True, "sources": [TRANSFORMED]}
        subjects = [f"$KV.{BUCKET}.>"]
        await api(client, f"STREAM.CREATE.{STREAM}", name=STREAM, subjects=subjects, **config)
        store = open_store()
        async with watching(store) as view:
            await view.until(lambda: set(view.entries) == keys(RELATIVE[0]))
            (entry,) = view.entries.values()
            assert (await store.delete([entry]))[entry.key] is Removal.REMOVED
            await view.until(lambda: not view.entries)
            assert await store.put_back(entry) is PutBack.DONE
            await view.until(lambda: set(view.entries) == keys(RELATIVE[0]))


async def test_list_prints_what_is_in_a_mirror(server: NatsServer) -> None:
    async with connected(server.url) as client:
        await make_mirror(client, TRANSFORMED)
        # It is filled by and by.
        await until_filled(client, len(RELATIVE))
        store_flags = ("--backend", "nats", "--nats", server.url)
        ended = dyntop(*store_flags, "list", "-o", "json")
        assert ended.code == 0
        assert {one["key"].encode() for one in ended.records} == keys(*RELATIVE)


def stream(active: int) -> dict[str, Any]:
    told = {
        "config": {"name": STREAM, "mirror": TRANSFORMED},
        "created": "2026-01-01T00:00:00Z",
        "state": {"messages": 0, "first_seq": 1, "last_seq": 0},
        "mirror": {"name": f"KV_{ORIGIN}", "lag": 0, "active": active},
    }
    read: dict[str, Any] = json.loads(json.dumps(told))
    return read


def test_a_mirror_that_hears_nothing_of_its_origin_is_named() -> None:
    heard, silent, never = (
        read_bucket(stream(active)) for active in (10**9, int((ORIGIN_SILENT + 1) * 1e9), -1)
    )
    assert heard is not None
    assert silent is not None
    assert never is not None
    assert never.silent == math.inf
    assert _silent([heard]) == ()
    for one in (silent, never):
        (text,) = _silent([heard, one])
        assert f"{BUCKET} (of {ORIGIN})" in text
