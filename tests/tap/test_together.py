"""One tap on the channels of several workers, over real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable

import zmq

from backends.dynamo.records import EventChannel
from backends.nats.config import NatsConfig
from backends.tap import SeveralRoutes, Tap, TapLink, Taps, ZmqRoute
from backends.tap.zmq_listener import ZmqTimes
from tests.support.ports import LOOPBACK, free_ports
from tests.support.registered import channel, record
from tests.support.wire import frames, stored
from tests.tap.conftest import Peer, running, until

Peers = Callable[[int], Peer]


def tap_on(*channels: EventChannel) -> Tap:
    taps = Taps(
        NatsConfig(servers=(f"nats://{LOOPBACK}:1",)),
        here=True,
        clock=time.time,
        zmq_times=ZmqTimes(ask_interval=0.05),
    )
    return taps.open_all(channels)


def channel_at(
    publisher: int, port: int, topic: str = "kv-events", host: str = LOOPBACK
) -> EventChannel:
    found = record(channel(publisher, topic, port, host))
    assert isinstance(found, EventChannel)
    return found


async def test_all_publishers_of_a_topic_are_heard_by_one_listener_and_counted_apart(
    peers: Peers,
) -> None:
    first, second = peers(zmq.XPUB), peers(zmq.XPUB)
    (nobody,) = free_ports(1)
    tap = tap_on(channel_at(1, first.port), channel_at(2, second.port), channel_at(3, nobody))
    assert isinstance(tap.route, ZmqRoute)
    async with running(tap):
        for peer, publisher, times in ((first, 1, 2), (second, 2, 1)):
            await peer.until_subscribed()
            for sequence in range(times):
                peer.send(frames([stored(1)], publisher=publisher, sequence=sequence))
        # A publisher that counts from 0 again is no repeat of what another address passed on.
        first.send(frames([stored(1)], publisher=1, sequence=0))
        await until(lambda: tap.statistics.messages == 4)
        counted = {one.id: one.messages for one in tap.statistics.publishers()}
        assert counted == {1: 3, 2: 1}
        refuses = f"{LOOPBACK}:{nobody} refuses connections"
        await until(lambda: tap.standing.why == refuses, "the one that refuses")
        standing = tap.standing
        assert (standing.link, standing.connected, standing.of) == (TapLink.CONNECTED, 2, 3)
        assert standing.is_partial


async def test_channels_of_other_topics_have_listeners_of_their_own(peers: Peers) -> None:
    events, metrics = peers(zmq.XPUB), peers(zmq.XPUB)
    tap = tap_on(
        channel_at(1, events.port),
        channel_at(2, metrics.port, "kv_metrics"),
        channel_at(3, 5557, host="0.0.0.0"),
    )
    assert isinstance(tap.route, SeveralRoutes)
    async with running(tap):
        await events.until_subscribed()
        await metrics.until_subscribed(b"kv_metrics")
        events.send(frames([stored(1)], publisher=1))
        metrics.send(frames({"load": 1}, publisher=2, topic="kv_metrics"))
        await until(lambda: tap.statistics.messages == 2)
        await until(lambda: tap.standing.connected == 2)
        # What cannot be listened to keeps the others from nothing, and is said.
        assert tap.standing.of == 3
        assert "names no machine" in tap.standing.why
