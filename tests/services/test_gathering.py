"""Answers that come faster than they can be read: none of them is taken for a silence."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import nats
import pytest
from nats.aio.msg import Msg

from backends.nats import gathering
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.gathering import gather
from tests.servers import NatsServer

MANY = 20


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[NatsConnection]:
    """To one who is answered many times."""
    with NatsServer() as server:
        client = await nats.connect(server.url, allow_reconnect=False)
        connection = NatsConnection(NatsConfig((server.url,)))

        async def reply(message: Msg) -> None:
            for number in range(MANY):
                await client.publish(message.reply, b"%d" % number)

        try:
            await client.subscribe("question", cb=reply)
            await client.flush()
            yield connection
        finally:
            await connection.aclose()
            await client.close()


class Slow:
    """Takes answers in, each in so many seconds in which nothing else happens."""

    def __init__(self, seconds: float) -> None:
        self.taken: list[bytes] = []
        self._seconds = seconds

    def take(self, data: bytes) -> bool:
        time.sleep(self._seconds)
        self.taken.append(data)
        return False


async def test_what_came_in_time_is_read_also_after_the_deadline() -> None:
    slow = Slow(0.02)
    async with answering() as connection:
        assert await gather(connection, ["question"], slow.take, 0.2) == 0
    assert len(slow.taken) == MANY


async def test_what_is_not_read_then_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "BEHIND", 0.1)
    slow = Slow(0.04)
    async with answering() as connection:
        unread = await gather(connection, ["question"], slow.take, 0.2)
    assert 0 < len(slow.taken) < MANY
    assert unread == MANY - len(slow.taken)


async def test_what_the_client_drops_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_WAITING", 2)
    slow = Slow(0.0)
    async with answering() as connection:
        unread = await gather(connection, ["question"], slow.take, 0.2)
    # Those of one byte pass, one at a time.
    assert unread == MANY - len(slow.taken) >= 10
