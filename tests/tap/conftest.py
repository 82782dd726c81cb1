"""What tests of taps share: a tap that runs, and real publishers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import zmq

from backends.aio.timer import LOOP, Timer
from backends.probe.addresses import Address
from backends.tap import Tap, TapLink, ZmqRoute
from backends.tap.zmq_listener import DEFAULT_TIMES, ZmqListener, ZmqTimes
from tests.support.ports import LOOPBACK

DEADLINE = 60.0


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for a state."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what or 'the state'}"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(tap: Tap) -> AsyncIterator[Tap]:
    """The tap listens in the block, and has ended after it."""
    task = asyncio.create_task(tap.run())
    try:
        yield tap
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def zmq_tap(
    *ports: int,
    topic: str = "kv-events",
    ring: int = 200,
    host: str = LOOPBACK,
    here: bool = True,
    timer: Timer = LOOP,
    times: ZmqTimes = DEFAULT_TIMES,
) -> Tap:
    route = ZmqRoute(tuple(Address(host, port) for port in ports), topic.encode())
    listener = ZmqListener(route, time.time, here=here, timer=timer, times=times)
    return Tap(route, listener, time.time, ring=ring)


async def until_connected(tap: Tap) -> None:
    await until(lambda: tap.standing.link is TapLink.CONNECTED, "a connection")


class Peer:
    """A ZMQ socket on loopback, which forgets nothing that it sends."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], kind: int) -> None:
        self.socket = context.socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.port = self.socket.bind_to_random_port(f"tcp://{LOOPBACK}")

    def send(self, frames: list[bytes]) -> None:
        self.socket.send_multipart(frames)

    async def until_subscribed(self, topic: bytes = b"kv-events") -> None:
        """Of an XPUB socket: who connects is not heard from before that."""
        await until(lambda: self.socket.poll(0), "a subscription")
        assert self.socket.recv() == b"\x01" + topic


@pytest.fixture
def peers() -> Iterator[Callable[[int], Peer]]:
    context = zmq.Context()
    made: list[Peer] = []

    def make(kind: int) -> Peer:
        made.append(Peer(context, kind))
        return made[-1]

    yield make
    for peer in made:
        peer.socket.close(linger=0)
    context.term()
