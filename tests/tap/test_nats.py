"""Listening to a real NATS server."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from backends.aio.backoff import Backoff
from backends.aio.timer import LOOP, Timer
from backends.nats.config import NatsConfig
from backends.tap import NatsRoute, Tap, TapLink, decode, nats_listener
from backends.tap.nats_listener import NatsListener
from tests.support.moved_timer import MovedTimer
from tests.support.nats_server import NatsServer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.wire import envelope, removed, stored
from tests.tap.conftest import running, until, until_connected

SUBJECT = "namespace.prod.component.backend.endpoint.generate.kv-events"


class Monitored(NatsServer):
    """One that can be asked what it is asked for."""

    def __init__(self, *extra: str) -> None:
        (self.view,) = free_ports(1)
        super().__init__("--http_port", str(self.view), *extra)

    def connections(self) -> list[dict[str, Any]]:
        """Of dyntop."""
        url = f"http://{LOOPBACK}:{self.view}/connz?subs=1"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = json.load(answer)["connections"]
        return [one for one in found if one.get("name") == "dyntop"]

    def consumers(self) -> int:
        url = f"http://{LOOPBACK}:{self.view}/jsz"
        with urllib.request.urlopen(url, timeout=10) as answer:
            consumers: int = json.load(answer)["consumers"]
        return consumers


@pytest.fixture(scope="module")
def server() -> Iterator[Monitored]:
    with Monitored() as server:
        yield server


@pytest.fixture
async def publisher(server: Monitored) -> AsyncIterator[Client]:
    client = await nats.connect(server.url, allow_reconnect=False)
    yield client
    await client.close()


def nats_tap(
    url: str,
    subject: str = SUBJECT,
    *,
    timer: Timer = LOOP,
    most_bytes: int = nats_listener.MOST_BYTES,
    **settings: Any,
) -> Tap:
    route = NatsRoute(subject)
    config = NatsConfig(servers=(url,), **settings)
    listener = NatsListener(route, config, time.time, most_bytes=most_bytes, timer=timer)
    return Tap(route, listener, time.time)


async def test_what_is_published_is_heard_counted_and_decoded(
    server: Monitored, publisher: Client
) -> None:
    async with running(nats_tap(server.url)) as tap:
        await until_connected(tap)
        for number in range(500):
            await publisher.publish(SUBJECT, envelope([stored(1, 2)], sequence=number))
        await publisher.publish(SUBJECT, envelope([removed(1)], publisher=6, sequence=4))
        await publisher.publish(SUBJECT + ".deeper", envelope([removed(1)]))
        await publisher.flush()
        await until(lambda: tap.statistics.messages == 501)
        assert (tap.statistics.gaps, tap.statistics.dropped) == (0, 0)
        assert [(one.id, one.messages) for one in tap.statistics.publishers()] == [(5, 500), (6, 1)]
        assert decode(tap.recent[-1].message).summary == "removed 1 block"


async def test_it_only_subscribes_and_nothing_is_left_when_it_ends(server: Monitored) -> None:
    async with running(nats_tap(server.url)) as tap:
        await until_connected(tap)
        (connection,) = await asyncio.to_thread(server.connections)
        assert connection["subscriptions_list"] == [SUBJECT]
        assert connection["in_msgs"] == 0
        assert await asyncio.to_thread(server.consumers) == 0
    await until(lambda: not server.connections())


async def test_a_server_that_stops_is_said_and_one_that_is_back_is_listened_to() -> None:
    with NatsServer() as server:
        async with running(nats_tap(server.url)) as tap:
            await until_connected(tap)
            await asyncio.to_thread(server.stop)
            await until(lambda: tap.standing.link is TapLink.LOST)
            await until(lambda: tap.standing.why == "NATS refuses connections")
            await asyncio.to_thread(server.start)
            await until_connected(tap)
            client = await nats.connect(server.url, allow_reconnect=False)
            await client.publish(SUBJECT, envelope([stored(1)]))
            await client.flush()
            await client.close()
            await until(lambda: tap.statistics.messages == 1)


def test_who_is_refused_asks_ever_more_rarely() -> None:
    refusals = Backoff(nats_listener.REFUSED_RETRY, nats_listener.LONGEST_RETRY)
    assert [refusals.pause() for _ in range(6)] == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]


async def test_a_user_that_may_not_subscribe_is_told_so_and_asks_again_after_a_pause(
    tmp_path_factory: Any,
) -> None:
    config = tmp_path_factory.mktemp("nats") / "nats.conf"
    joe = '{user: joe, password: secret, permissions: {subscribe: "other"}}'
    config.write_text(f"authorization {{ timeout: 60, users: [{joe}] }}")
    with NatsServer("--config", str(config)) as server:
        said = "Subscription Violation"
        timer = MovedTimer()
        tap = nats_tap(server.url, timer=timer, username="joe", password="secret")
        async with running(tap):
            await until(lambda: "does not let this user subscribe" in tap.standing.why)
            assert tap.standing.link is TapLink.CONNECTING
            await _pauses(timer, server, said)
        said = "authentication error"
        wrong = nats_tap(server.url, timer=timer, username="joe", password="guess")
        async with running(wrong):
            await until(lambda: wrong.standing.why)
            assert "guess" not in wrong.standing.why
            await _pauses(timer, server, said)


async def _pauses(timer: MovedTimer, server: NatsServer, refusal: str) -> None:
    """The listener was refused once, and is refused again only after its pause."""
    # It closes the connection before it pauses.
    await until(lambda: nats_listener.REFUSED_RETRY in timer.waits, "the pause")
    await timer.advance(nats_listener.REFUSED_RETRY - 1)
    assert server.recent_log().count(refusal) == 1
    await timer.advance(1)
    await until(lambda: 2 * nats_listener.REFUSED_RETRY in timer.waits, "a longer pause")
    assert server.recent_log().count(refusal) == 2


async def test_what_the_library_throws_away_is_counted(
    server: Monitored, publisher: Client
) -> None:
    async with running(nats_tap(server.url, most_bytes=10_000)) as tap:
        await until_connected(tap)
        for number in range(20):
            await publisher.publish(SUBJECT, envelope("x" * 4000, sequence=number))
        await publisher.publish(SUBJECT, envelope("x" * 20_000, sequence=20))
        await publisher.flush()
        await until(lambda: tap.statistics.messages + tap.statistics.dropped == 21)
        assert tap.statistics.dropped > 0
