"""A bucket is known in full only when all of it has come, however slowly that is."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from backends.nats.config import NatsConfig
from backends.nats_kv.jetstream import JetStreamSession
from backends.nats_kv.ordered_consumer import OrderedConsumer
from backends.nats_kv.sessions import Sessions
from tests.support.nats_places import BUCKET, make_bucket
from tests.support.nats_server import NatsServer
from tests.support.watching import DEADLINE, V1

KEYS = 500


async def ask_nothing(self: JetStreamSession, *rest: object) -> bool:
    raise AssertionError(rest)


async def test_a_server_that_waits_for_a_slow_reader_has_not_sent_everything(
    client: Client, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word that it is still there names the last message so far, as it does at the end."""
    await make_bucket(client)
    for number in range(KEYS):
        await client.publish(f"$KV.{BUCKET}.prod/b/e/{number:x}", b"x" * 50_000)
    await client.flush()
    await client.jetstream().publish(f"$KV.{BUCKET}.prod/b/e/0", b"x")
    sessions = Sessions(NatsConfig((server.url,)), heartbeat=0.2)
    try:
        session = await sessions.session()
        bucket = await session.bucket(BUCKET)
        assert bucket is not None
        waiting: asyncio.Queue[Msg] = asyncio.Queue()

        async def keep(consumer: OrderedConsumer, message: Msg) -> None:
            waiting.put_nowait(message)

        consumer = OrderedConsumer(session, bucket, V1)
        async with asyncio.timeout(DEADLINE):
            await consumer.open(keep)
            said = 0
            # Nobody answers its questions whether it may go on, so it stops, and says so.
            kept: list[Msg] = []
            while not said:
                kept.append(await waiting.get())
                said += (kept[-1].headers or {}).get("Nats-Last-Consumer") is not None
            assert len(kept) < KEYS
            with monkeypatch.context() as patched:
                # Over a slow connection the answer would be behind all that is on its way.
                patched.setattr(JetStreamSession, "is_delivered", ask_nothing)
                for message in kept:
                    await consumer.read(message)
                    assert not consumer.is_complete
            while not consumer.is_complete:
                await consumer.read(await waiting.get())
        assert consumer.done == KEYS
        await consumer.aclose()
    finally:
        await sessions.aclose()
