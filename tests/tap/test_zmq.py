"""Listening to real ZMQ sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from backends.tap import STILL_ANSWERS, Inbox, Link, decode, zmq_listener
from tests.servers import LOOPBACK, free_ports
from tests.tap.conftest import Peer, running, until, until_connected, zmq_tap
from tests.tap.wire import frames, removed, stored

Peers = Callable[[int], Peer]


async def test_what_a_publisher_sends_is_heard_in_order_and_decoded(peers: Peers) -> None:
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port)) as tap:
        await publisher.until_subscribed()
        publisher.send(frames([stored(1, 2, parent=10)], sequence=4))
        publisher.send(frames([stored(3)], sequence=5, topic="other"))
        publisher.send(frames([removed(1)], sequence=7))
        await until(lambda: tap.statistics.messages == 2)
        said = [decode(heard.message).summary for heard in tap.recent]
        assert said == ["stored 2 blocks, parent a", "removed 1 block"]
        assert tap.statistics.gaps == 2
        (heard,) = tap.statistics.publishers()
        assert (heard.id, heard.last, heard.messages) == (5, 7, 2)
        assert tap.standing.link is Link.CONNECTED


async def test_a_tap_that_ends_leaves_no_connection_and_no_thread(peers: Peers) -> None:
    publisher = peers(zmq.XPUB)
    tap = zmq_tap(publisher.port)
    async with running(tap):
        await publisher.until_subscribed()
        while_open = _zmq_threads()
    # To unsubscribe is the last that a subscriber does; a connection that broke off does the same.
    await until(lambda: publisher.socket.poll(0), "the end of the subscription")
    assert publisher.socket.recv() == b"\x00kv-events"
    assert _zmq_threads() < while_open


async def test_an_address_that_refuses_is_said_and_tried_until_somebody_listens(
    peers: Peers,
) -> None:
    (port,) = free_ports(1)
    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    try:
        async with running(zmq_tap(port)) as tap:
            await until(lambda: tap.standing.why == "refuses connections")
            assert tap.standing.link is Link.CONNECTING
            publisher.bind(f"tcp://{LOOPBACK}:{port}")
            await until_connected(tap)
            assert tap.standing.why == ""
            publisher.close(linger=0)
            await until(lambda: tap.standing.link is Link.LOST)
            await until(lambda: tap.standing.why == "refuses connections")
    finally:
        publisher.close(linger=0)
        context.term()


async def test_who_accepts_and_is_no_publisher_is_told_from_one_that_refuses() -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        port = mute.getsockname()[1]
        async with running(zmq_tap(port)) as tap:
            await until(lambda: "sends no ZMTP greeting" in tap.standing.why)
            assert tap.standing.link is Link.CONNECTING


async def test_a_zmq_socket_that_does_not_publish_does_not_let_a_subscriber_in(
    peers: Peers,
) -> None:
    async with running(zmq_tap(peers(zmq.PULL).port)) as tap:
        await until(lambda: "subscriber" in tap.standing.why or "complete" in tap.standing.why)
        assert tap.standing.link is Link.CONNECTING


async def test_a_name_that_does_not_resolve_is_said_and_does_not_hold_up_the_end() -> None:
    async with running(zmq_tap(5557, host="no-such-host.invalid")) as tap:
        await until(lambda: tap.standing.why == "has a name that does not resolve here")
        start = time.monotonic()
    assert time.monotonic() - start < 1.0


async def test_a_name_is_listened_to(peers: Peers) -> None:
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port, host="localhost")) as tap:
        await publisher.until_subscribed()
        publisher.send(frames([stored(1)]))
        await until(lambda: tap.statistics.messages == 1)


async def test_a_silent_publisher_is_asked_whether_its_process_is_there(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zmq_listener, "SILENCE", 0.2)
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port)) as tap:
        await publisher.until_subscribed()
        await until(lambda: tap.standing.why == STILL_ANSWERS)
        assert tap.standing.link is Link.CONNECTED
        monkeypatch.setattr(zmq_listener, "SILENCE", 60.0)
        publisher.send(frames([stored(1)]))
        await until(lambda: tap.standing.why == "")


async def test_a_broker_passes_on_what_all_its_publishers_send(peers: Peers) -> None:
    async with _Broker() as (xsub, xpub):
        context = zmq.Context()
        publisher = context.socket(zmq.PUB)
        try:
            publisher.connect(f"tcp://{LOOPBACK}:{xsub}")
            async with running(zmq_tap(xpub, topic="")) as tap:
                await until_connected(tap)
                # By a broker messages begin with the scope (1.6.1). Until it has told its
                # publishers of the subscription they send nothing.
                subject = "namespace.prod.component.backend.endpoint.generate.kv-events"
                sent = 0
                while not tap.statistics.messages:
                    publisher.send_multipart(frames([stored(1)], sequence=sent, topic=subject))
                    sent += 1
                    await asyncio.sleep(0.02)
                for number in range(sent, sent + 50):
                    publisher.send_multipart(frames([stored(1)], sequence=number, topic=subject))
                await until(lambda: tap.statistics.publishers()[0].last == sent + 49)
                assert tap.statistics.gaps == 0
                assert tap.recent[-1].message.topic == subject
        finally:
            publisher.close(linger=0)
            context.term()


async def test_what_two_brokers_pass_on_counts_once(peers: Peers) -> None:
    brokers = [peers(zmq.XPUB), peers(zmq.XPUB)]
    async with running(zmq_tap(*(broker.port for broker in brokers), topic="")) as tap:
        for broker in brokers:
            await broker.until_subscribed(b"")
        for broker in brokers:
            for number in range(20):
                broker.send(frames([stored(1)], sequence=number))
        brokers[1].send(frames([stored(1)], sequence=20))
        await until(lambda: tap.statistics.messages >= 21)
        assert tap.statistics.messages == 21
        assert tap.statistics.publishers()[0].last == 20
        assert (tap.statistics.gaps, tap.statistics.restarts) == (0, 0)


async def test_a_slow_reader_drops_with_a_count_and_holds_up_nobody(peers: Peers) -> None:
    publisher = peers(zmq.XPUB)
    tap = zmq_tap(publisher.port, ring=50)
    inbox = Inbox(most=100)
    tap.follow(inbox)
    number, large = 20_000, frames([stored(*range(2**63, 2**63 + 100_000))], sequence=20_000)
    async with running(tap):
        await publisher.until_subscribed()
        for sequence in range(number):
            publisher.send(frames([stored(1, 2, 3)], sequence=sequence))
        publisher.send(large)
        laps = 0
        while tap.statistics.messages <= number:
            before = time.monotonic()
            await asyncio.sleep(0)
            # Generous: a slice takes 5 ms, and these machines are shared.
            assert time.monotonic() - before < 0.5
            laps += 1
        assert laps > 20
        assert tap.statistics.gaps == 0
        assert tap.statistics.dropped == number + 1 - 100
        assert len(inbox) == 100
        assert len(tap.recent) == 50
        last = tap.recent[-1].message
        assert last.size > 2_000_000
        assert len(last.body) < 100_000
        assert [message.sequence for message in await inbox.get()] == list(range(100))
        publisher.send(frames([stored(1)], sequence=number + 1))
        assert [message.sequence for message in await inbox.get()] == [number + 1]


def _zmq_threads() -> int:
    """Threads of libzmq: it names them."""
    tasks = Path("/proc/self/task").iterdir()
    names = [(task / "comm").read_text() for task in tasks]
    return sum(name.startswith("ZMQbg") for name in names)


class _Broker:
    """A real proxy between XSUB and XPUB, in a thread."""

    async def __aenter__(self) -> tuple[int, int]:
        self._context = zmq.Context()
        front, back = self._context.socket(zmq.XSUB), self._context.socket(zmq.XPUB)
        ports = [end.bind_to_random_port(f"tcp://{LOOPBACK}") for end in (front, back)]

        def proxy() -> None:
            try:
                zmq.proxy(front, back)
            except zmq.ContextTerminated:
                front.close(linger=0)
                back.close(linger=0)

        self._thread = threading.Thread(target=proxy)
        self._thread.start()
        return ports[0], ports[1]

    async def __aexit__(self, *_: object) -> None:
        self._context.term()
        self._thread.join()
