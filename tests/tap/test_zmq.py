"""Listening to real ZMQ sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import zmq

from backends.aio.timer import LoopTimer
from backends.tap import Inbox, TapLink, decode, zmq_listener
from backends.tap.zmq_listener import ZmqTimes
from tests.support.listening import listening
from tests.support.moved_timer import MovedTimer
from tests.support.ports import LOOPBACK, free_ports
from tests.support.wire import frames, removed, stored
from tests.tap.conftest import Peer, running, until, until_connected, zmq_tap

Peers = Callable[[int], Peer]


OFTEN = ZmqTimes(ask_interval=0.05)


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
        assert tap.standing.link is TapLink.CONNECTED


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
            refuses = f"{LOOPBACK}:{port} refuses connections"
            await until(lambda: tap.standing.why == refuses)
            assert tap.standing.link is TapLink.CONNECTING
            publisher.bind(f"tcp://{LOOPBACK}:{port}")
            await until_connected(tap)
            assert tap.standing.why == ""
            publisher.close(linger=0)
            await until(lambda: tap.standing.link is TapLink.LOST)
            await until(lambda: tap.standing.why == refuses)
    finally:
        publisher.close(linger=0)
        context.term()


async def test_who_accepts_and_is_no_publisher_is_told_from_one_that_refuses() -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        port = mute.getsockname()[1]
        async with running(zmq_tap(port)) as tap:
            await until(lambda: "sends no ZMTP greeting" in tap.standing.why)
            assert tap.standing.link is TapLink.CONNECTING


async def test_a_zmq_socket_that_does_not_publish_does_not_let_a_subscriber_in(
    peers: Peers,
) -> None:
    async with running(zmq_tap(peers(zmq.PULL).port)) as tap:
        await until(lambda: "subscriber" in tap.standing.why or "complete" in tap.standing.why)
        assert tap.standing.link is TapLink.CONNECTING


async def test_a_name_that_does_not_resolve_is_said_and_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release, over = threading.Event(), threading.Event()

    def hangs(*_: object, **__: object) -> NoReturn:
        release.wait(60)
        over.set()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    async with running(zmq_tap(5557, host="no-such-host.invalid")) as tap:
        said = "no-such-host.invalid:5557 has a name that does not resolve here"
        await until(lambda: tap.standing.why == said)
    assert not over.is_set()
    release.set()


async def test_a_name_is_listened_to(peers: Peers) -> None:
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port, host="localhost")) as tap:
        await publisher.until_subscribed()
        publisher.send(frames([stored(1)]))
        await until(lambda: tap.statistics.messages == 1)


async def test_a_name_that_leads_elsewhere_is_followed(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ["127.0.0.2"]

    async def resolve(host: str, port: int) -> list[str]:
        assert host == "publisher.pod"
        return hosts

    monkeypatch.setattr(zmq_listener, "resolve", resolve)
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port, host="publisher.pod", times=OFTEN)) as tap:
        await until(lambda: tap.standing.why, "word that nobody is there")
        assert tap.standing.why.startswith(f"publisher.pod:{publisher.port} ")
        hosts[:] = ["127.0.0.2", LOOPBACK]
        await publisher.until_subscribed()
        await until_connected(tap)
        assert tap.standing.why == ""


@pytest.mark.parametrize("there", ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0"])
async def test_a_name_of_this_machine_is_not_followed_if_the_store_is_not_here(
    there: str, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return [there]

    monkeypatch.setattr(zmq_listener, "resolve", resolve)
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port, host="publisher.pod", here=False)) as tap:
        await until(lambda: "the store is not here" in tap.standing.why)
        assert tap.standing.link is TapLink.CONNECTING
        assert not publisher.socket.poll(0)


async def test_what_is_in_the_way_is_what_was_found_last() -> None:
    (port,) = free_ports(1)
    greeted: set[asyncio.StreamWriter] = set()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.add(writer)
        writer.write(b"\xff" + bytes(8) + b"\x7f")
        with contextlib.suppress(OSError):
            await reader.read()
        greeted.remove(writer)

    async with contextlib.AsyncExitStack() as stack:
        async with running(zmq_tap(port, times=OFTEN)) as tap:
            await until(lambda: "refuses connections" in tap.standing.why)
            await stack.enter_async_context(listening(greet, port=port))
            await until(lambda: "does not complete a connection" in tap.standing.why)
        await until(lambda: not greeted, "the end of all connections")


async def test_who_sends_messages_of_too_many_parts_is_not_listened_to_any_more(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port)) as tap:
        await publisher.until_subscribed()
        publisher.send([b"kv-events"] * zmq_listener.MOST_PARTS)
        await until(lambda: tap.statistics.messages == 1)
        read, recv = 0, zmq.Socket.recv

        def counting(self: zmq.Socket[bytes], *arguments: Any, **named: Any) -> Any:
            nonlocal read
            part = recv(self, *arguments, **named)
            read += self.type == zmq.SUB
            return part

        monkeypatch.setattr(zmq.Socket, "recv", counting)
        publisher.send([b"kv-events"] + [b""] * 100_000)
        await until(lambda: tap.standing.link is TapLink.IMPOSSIBLE)
        # To read them all would hold up everything else.
        assert read == zmq_listener.MOST_PARTS
        said = f"{LOOPBACK}:{publisher.port} sends messages of too many parts"
        assert tap.standing.why == said
        await until(lambda: publisher.socket.poll(0), "the end of the subscription")
        assert tap.statistics.messages == 1


async def test_a_message_that_is_far_too_large_is_not_taken_and_the_next_ones_are(
    peers: Peers,
) -> None:
    publisher = peers(zmq.XPUB)
    async with running(zmq_tap(publisher.port, times=OFTEN)) as tap:
        await publisher.until_subscribed()
        publisher.send([b"kv-events", bytes(zmq_listener.LARGEST + 1)])
        await until(lambda: tap.standing.link is TapLink.LOST)
        await until(lambda: publisher.socket.poll(0))
        assert publisher.socket.recv() == b"\x00kv-events"
        await publisher.until_subscribed()
        publisher.send(frames([stored(1)]))
        await until(lambda: tap.statistics.messages == 1)


async def test_a_silent_publisher_is_asked_whether_its_process_is_there(
    peers: Peers,
) -> None:
    publisher, timer = peers(zmq.XPUB), MovedTimer()
    async with running(zmq_tap(publisher.port, timer=timer)) as tap:
        await timer.until(lambda: tap.standing.answers)
        assert tap.standing.link is TapLink.CONNECTED
        assert tap.standing.why == ""
        await publisher.until_subscribed()
        publisher.send(frames([stored(1)]))
        await timer.until(lambda: tap.statistics.messages)
        assert not tap.standing.answers


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
    timer = _Creeping()
    tap = zmq_tap(publisher.port, ring=50, timer=timer)
    inbox = Inbox(most=100)
    tap.follow(inbox)
    number, large = 20_000, frames([stored(*range(2**63, 2**63 + 40_000))], sequence=20_000)
    async with running(tap):
        await publisher.until_subscribed()
        for sequence in range(number):
            publisher.send(frames([stored(1, 2, 3)], sequence=sequence))
        publisher.send(large)
        most = 0

        async def all_came() -> None:
            nonlocal most
            while (before := tap.statistics.messages) <= number:
                await asyncio.sleep(0)
                most = max(most, tap.statistics.messages - before)

        await asyncio.wait_for(all_came(), 120)
        # Others have their turn after each slice: a message takes a tenth of one here.
        assert 1 <= most <= 10
        assert tap.statistics.gaps == 0
        assert tap.statistics.dropped == number + 1 - 100
        assert len(inbox) == 100
        assert len(tap.recent) == 50
        last = tap.recent[-1].message
        assert last.size > 1_500_000
        assert len(last.body) < 100_000
        assert [message.sequence for message in await inbox.get()] == list(range(100))
        publisher.send(frames([stored(1)], sequence=number + 1))
        assert [message.sequence for message in await inbox.get()] == [number + 1]


class _Creeping(LoopTimer):
    """By which each look at it takes a tenth of a slice, and waiting takes no time."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> float:
        self._looks += 1
        return self._looks * zmq_listener.SLICE / 10

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


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
