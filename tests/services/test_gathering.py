"""Answers that come faster than they can be read: none of them is taken for a silence."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import nats
from nats.aio.msg import Msg

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from backends.nats.scatter_gather import GatherLimits, gather
from tests.support.moved_timer import MovedTimer
from tests.support.nats_server import NatsServer

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
            await connection.client()  # what that takes is not of the limits below
            yield connection
        finally:
            await connection.aclose()
            await client.close()


class Taken:
    """Takes answers in, each in so many seconds in which nothing else happens."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.taken: list[bytes] = []
        self._seconds = seconds

    def take(self, data: bytes) -> bool:
        time.sleep(self._seconds)
        self.taken.append(data)
        return False


class TimePasses(Taken):
    """While it takes the first answers in, the deadline passes: once all of them are here."""

    def __init__(self, connection: NatsConnection, seconds: float) -> None:
        super().__init__()
        self.timer = MovedTimer()
        self._connection = connection
        self._passes = seconds

    def take(self, data: bytes) -> bool:
        super().take(data)
        client = self._connection._client
        assert client is not None
        waiting = sum(one.pending_msgs for one in client._subs.values())
        if len(self.taken) + waiting == MANY:
            self.timer.skip(self._passes)
            self._passes = 0.0
        return False


async def test_what_came_in_time_is_read_also_after_the_deadline() -> None:
    async with answering() as connection:
        slow = TimePasses(connection, 1.5)
        assert await gather(connection, ["question"], slow.take, 1.0, timer=slow.timer) == 0
    assert len(slow.taken) == MANY


LONGER = (1.0, 8.0)
"""By how much longer everything takes: on a busy machine the first limit may pass before anything
comes."""


async def test_what_is_not_read_then_is_counted() -> None:
    for longer in LONGER:
        limits = GatherLimits(behind=0.5 * longer)
        slow, unread = Taken(0.15 * longer), 0
        async with answering() as connection:
            with contextlib.suppress(TimeoutError):
                unread = await gather(
                    connection, ["question"], slow.take, 1.0 * longer, limits=limits
                )
        if 0 < len(slow.taken) == MANY - unread:
            break
    assert 0 < len(slow.taken) < MANY
    assert unread == MANY - len(slow.taken)


async def test_what_the_client_drops_is_counted() -> None:
    narrow = GatherLimits(most_waiting=2)
    for longer in LONGER:
        slow = Taken()
        async with answering() as connection:
            unread = await gather(connection, ["question"], slow.take, 2.0 * longer, limits=narrow)
        if unread == MANY - len(slow.taken):
            break
    # Those of one byte pass, one at a time.
    assert unread == MANY - len(slow.taken) >= 10
