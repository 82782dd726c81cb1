"""Listens to ZMQ publishers, or to brokers in front of them: SUB sockets, and nothing is sent.

The sockets are read in slices of a few milliseconds, with pauses between them, by the event loop
itself. `zmq.asyncio` makes a future and several callbacks of each message, which at thousands a
second is most of what they cost, and nothing would bound a burst; a slice is 7 µs a message and
ends on time. What waits longer waits in libzmq, then in TCP, then at the publisher, which drops for
slow subscribers (its own limit is 100,000 messages in 1.2.1 to 1.6.1); that shows as a gap.

libzmq connects again and again and never says why it could not, so the address is asked for its
greeting besides: while there is no connection, and while there is one that is silent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from backends.probe import zmtp
from backends.probe.addresses import Address
from backends.probe.names import resolve
from backends.probe.types import Answer
from backends.tap.messages import KEPT, Message, of_zmq
from backends.tap.routes import ZmqRoute
from backends.tap.standing import STILL_ANSWERS, Link
from backends.tap.tap import Drop, Hear, Tell

if TYPE_CHECKING:
    import zmq

PAUSE = 0.02
"""Seconds between two slices: what is heard is shown a few times a second."""
SLICE = 0.005
"""Seconds that a slice takes at most."""

QUEUE = 2000
"""Messages that wait in libzmq, for each address."""
LARGEST = 64 << 20
"""Bytes of the largest message that libzmq takes; it ends the connection of who sends more."""
MOST_SEEN = 10_000
"""Messages that are known again when another broker passes them on, too."""

ASK_INTERVAL = 2.0
"""Seconds between two questions to an address that is not connected."""
SILENCE = 5.0
"""Seconds without a message after which, and then each so many, a connected one is asked."""
MOST_HOSTS = 4
"""Addresses of one name that are tried."""
TIME_LIMIT = 1.0
"""Seconds for a name to resolve, and for a greeting."""


class ZmqListener:
    """Listens to all the addresses of a route."""

    def __init__(self, route: ZmqRoute, clock: Callable[[], float], *, kept: int = KEPT) -> None:
        """`clock` gives POSIX seconds; `kept`: bytes of a message that are kept."""
        self._route = route
        self._clock = clock
        self._kept = kept
        # Brokers in front of the same publishers pass on the same messages.
        self._seen: dict[tuple[int, int], None] | None = {} if len(route.addresses) > 1 else None

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        library = await asyncio.to_thread(_library)
        lines = [_Line(library, address, self._route.topic) for address in self._route.addresses]
        context = library.Context()
        try:
            async with asyncio.TaskGroup() as tasks:
                for line in lines:
                    tasks.create_task(line.look_after(context))
                while True:
                    for line in lines:
                        line.follow()
                        self._read(line, hear)
                    tell(*_standing(lines))
                    await asyncio.sleep(PAUSE)
        finally:
            for line in lines:
                line.close()
            # Takes a millisecond: nothing waits to be sent, and names are looked up elsewhere.
            context.term()
        raise AssertionError("it ends by cancellation only")

    def _read(self, line: _Line, hear: Hear) -> None:
        """Take what has come, for at most as long as a slice is."""
        end = time.monotonic() + SLICE
        while time.monotonic() < end:
            frames = line.receive()
            if frames is None:
                return
            message = of_zmq(frames, self._clock(), self._kept)
            if not self._is_known(message):
                hear(message)

    def _is_known(self, message: Message) -> bool:
        if self._seen is None or message.publisher is None or message.sequence is None:
            return False
        identity = (message.publisher, message.sequence)
        if identity in self._seen:
            return True
        self._seen[identity] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return False


class _Line:
    """One address, the socket to it once its name is known, and what is known of its other end."""

    def __init__(self, library: ModuleType, address: Address, topic: bytes) -> None:
        self.connected = False
        self.was_connected = False
        self.why = ""
        """What is in the way; while it is connected and silent, what its process does."""
        self._zmq = library
        self._address = address
        self._topic = topic
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._heard_at = float("-inf")
        self._asked_at = float("-inf")

    def receive(self) -> list[bytes] | None:
        """The next message's frames. None: nothing has come, or it is not connected yet."""
        if self._socket is None:
            return None
        try:
            frames: list[bytes] = self._socket.recv_multipart(self._zmq.NOBLOCK)
        except self._zmq.Again:
            return None
        self._heard_at = time.monotonic()
        self.why = ""
        return frames

    def follow(self) -> None:
        """Learn what became of the connection."""
        library = self._zmq
        while self._monitor is not None:
            try:
                event = library.utils.monitor.recv_monitor_message(self._monitor, library.NOBLOCK)[
                    "event"
                ]
            except library.Again:
                return
            if event == library.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = self.was_connected = True
                self.why = ""
                # The silence begins now.
                self._heard_at = time.monotonic()
            elif event == library.EVENT_DISCONNECTED:
                self.connected, self._asked_at = False, float("-inf")
            elif event in (
                library.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                library.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                library.EVENT_HANDSHAKE_FAILED_AUTH,
            ):
                self.why = "does not let a subscriber in"

    async def look_after(self, context: zmq.Context[zmq.Socket[bytes]]) -> NoReturn:
        """Connect it once its name is known, and find out why nothing comes."""
        while True:
            if self._socket is None:
                host = await self._host()
                if host is not None:
                    self._connect(context, host)
            else:
                quiet_since = max(self._asked_at, self._heard_at if self.connected else 0.0)
                if time.monotonic() - quiet_since >= (SILENCE if self.connected else ASK_INTERVAL):
                    await self._ask()
            await asyncio.sleep(PAUSE * 5 if self._socket is not None else ASK_INTERVAL)

    def close(self) -> None:
        """End the connection at once."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=0)
        if self._monitor is not None:
            self._monitor.close(linger=0)

    async def _ask(self) -> None:
        """Whether its process answers, on a connection of its own."""
        connected, heard_at = self.connected, self._heard_at
        finding = await zmtp.ask(self._address, TIME_LIMIT)
        self._asked_at = time.monotonic()
        # What came meanwhile says more.
        if self.connected == connected and self._heard_at == heard_at:
            answers = finding.answer is Answer.ANSWERS
            if connected:
                self.why = STILL_ANSWERS if answers else finding.text
            elif not answers:
                self.why = finding.text
            elif not self.why:
                self.why = "does not complete a connection"

    async def _host(self) -> str | None:
        """The address to connect to. None: the name does not resolve, now.

        libzmq would look names up itself, and could not be ended while it does.
        """
        try:
            ipaddress.ip_address(self._address.host)
            return self._address.host
        except ValueError:
            pass
        try:
            async with asyncio.timeout(TIME_LIMIT):
                hosts = await resolve(self._address.host, self._address.port)
        except OSError:  # TimeoutError is one, too
            self.why = "has a name that does not resolve here"
            return None
        for host in hosts[:MOST_HOSTS]:
            finding = await zmtp.ask(Address(host, self._address.port), TIME_LIMIT)
            if finding.answer is Answer.ANSWERS:
                return host
        return hosts[0]

    def _connect(self, context: zmq.Context[zmq.Socket[bytes]], host: str) -> None:
        library = self._zmq
        self._socket = socket = context.socket(library.SUB)
        socket.setsockopt(library.LINGER, 0)
        socket.setsockopt(library.IPV6, int(":" in host))
        socket.setsockopt(library.RCVHWM, QUEUE)
        socket.setsockopt(library.MAXMSGSIZE, LARGEST)
        socket.setsockopt(library.RECONNECT_IVL, 200)
        socket.setsockopt(library.RECONNECT_IVL_MAX, 2000)
        # A machine that is gone says nothing; a quiet publisher neither.
        socket.setsockopt(library.TCP_KEEPALIVE, 1)
        socket.setsockopt(library.TCP_KEEPALIVE_IDLE, 15)
        socket.setsockopt(library.TCP_KEEPALIVE_INTVL, 5)
        socket.setsockopt(library.TCP_KEEPALIVE_CNT, 3)
        self._monitor = socket.get_monitor_socket()
        socket.setsockopt(library.SUBSCRIBE, self._topic)
        socket.connect(f"tcp://{Address(host, self._address.port)}")


def _standing(lines: Sequence[_Line]) -> tuple[Link, str]:
    """How it stands with all of them: connected, as soon as one is."""
    if any(line.connected for line in lines):
        link, told = Link.CONNECTED, [line for line in lines if line.connected]
    else:
        lost = any(line.was_connected for line in lines)
        link, told = Link.LOST if lost else Link.CONNECTING, list(lines)
    return link, next((line.why for line in told if line.why), "")


def _library() -> ModuleType:
    """Blocks: the import takes 0.1 s."""
    import zmq
    import zmq.utils.monitor

    return zmq
