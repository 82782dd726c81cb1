"""Listens to ZMQ publishers, or to brokers in front of them: SUB sockets, and nothing is sent.

The sockets are read in slices of a few milliseconds, with pauses between them, by the event loop
itself. `zmq.asyncio` makes a future and several callbacks of each message, which at thousands a
second is most of what they cost, and nothing would bound a burst; a slice is 7 µs a message and
ends on time. What waits longer waits in libzmq, then in TCP, then at the publisher, which drops for
slow subscribers (its own limit is 100,000 messages in 1.2.1 to 1.6.1). Nobody is told of that: it
shows as missed numbers, never as dropped.

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
from backends.probe.names import TooMany, resolve
from backends.probe.types import Answer
from backends.tap.messages import KEPT, Message, of_zmq
from backends.tap.routes import ZmqRoute, is_local
from backends.tap.standing import SILENCE, Link
from backends.tap.tap import Drop, Hear, Tell

if TYPE_CHECKING:
    import zmq

PAUSE = 0.02
"""Seconds between two slices if nothing came: what is heard is shown a few times a second."""
SHORT_PAUSE = 0.01
"""... and if something did: few messages wait in libzmq."""
SLICE = 0.005
"""Seconds that a slice takes at most."""

# What one peer can make libzmq hold, as far as libzmq can be told: it counts whole messages, and a
# message's parts are not counted, nor given out, before the last of them is there.
QUEUE = 200
"""Messages that wait in libzmq, for each address."""
LARGEST = 2 << 20
"""Bytes of the largest part that libzmq takes; it ends the connection of who sends more."""
MOST_PARTS = 8
"""Parts of a message; Dynamo's have four. Who sends more is not listened to any more."""
MOST_SEEN = 10_000
"""Messages that are known again when another broker passes them on, too."""

ASK_INTERVAL = 2.0
"""Seconds between two questions to an address that is not connected."""
MOST_HOSTS = 4
"""Addresses of one name that are tried."""
TIME_LIMIT = 1.0
"""Seconds for a name to resolve, and for a greeting."""


class ZmqListener:
    """Listens to all the addresses of a route."""

    def __init__(
        self, route: ZmqRoute, clock: Callable[[], float], *, here: bool, kept: int = KEPT
    ) -> None:
        """`clock` gives POSIX seconds; `here`: a name may mean this machine; `kept`: bytes of a
        message that are kept."""
        self._route = route
        self._clock = clock
        self._here = here
        self._kept = kept
        # Brokers in front of the same publishers pass on the same messages.
        self._seen: dict[tuple[int, int], None] | None = {} if len(route.addresses) > 1 else None

    async def run(self, hear: Hear, tell: Tell, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        library = await asyncio.to_thread(_library)
        topic, here = self._route.topic, self._here
        lines = [_Line(library, address, topic, here) for address in self._route.addresses]
        context = library.Context()
        try:
            async with asyncio.TaskGroup() as tasks:
                for line in lines:
                    tasks.create_task(line.look_after(context))
                while True:
                    some = False
                    for line in lines:
                        line.follow()
                        some |= self._read(line, hear)
                    tell(*_standing(lines))
                    await asyncio.sleep(SHORT_PAUSE if some else PAUSE)
        finally:
            for line in lines:
                line.close()
            # Takes a millisecond: nothing waits to be sent, and names are looked up elsewhere.
            context.term()
        raise AssertionError("it ends by cancellation only")

    def _read(self, line: _Line, hear: Hear) -> bool:
        """Take what has come, for at most as long as a slice is. Whether something has."""
        end, some = time.monotonic() + SLICE, False
        while time.monotonic() < end and (frames := line.receive()) is not None:
            some = True
            message = of_zmq(frames, self._clock(), self._kept)
            if not self._is_known(message):
                hear(message)
        return some

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

    def __init__(self, library: ModuleType, address: Address, topic: bytes, here: bool) -> None:
        self.connected = False
        self.was_connected = False
        self.ended = False
        """Whether it will not be listened to any more."""
        self.why = ""
        """What is in the way; while it is connected and silent, what its process does instead."""
        self.answers = False
        """Whether it is connected and silent, and its process answers."""
        self._zmq = library
        self._address = address
        self._topic = topic
        self._here = here
        self._there = address
        """Where it connects to: with the address of its name."""
        self._unmet = 0
        """How often in a row it answered and was not connected."""
        self._rejected = False
        """Whether the other end's last word was that it lets no subscriber in."""
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._heard_at = float("-inf")
        self._asked_at = float("-inf")

    def receive(self) -> list[bytes] | None:
        """The next message's frames. None: nothing has come, or it is not connected."""
        if self._socket is None:
            return None
        frames: list[bytes] = []
        try:
            while not frames or self._socket.getsockopt(self._zmq.RCVMORE):
                if len(frames) == MOST_PARTS:
                    self._end("sends messages of too many parts")
                    return None
                frames.append(self._socket.recv(self._zmq.NOBLOCK))
        except self._zmq.Again:
            return None
        self._heard_at = time.monotonic()
        self._say("")
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
                self._rejected = False
                self._say("")
                # The silence begins now.
                self._heard_at = time.monotonic()
            elif event == library.EVENT_DISCONNECTED:
                self.connected, self._asked_at = False, float("-inf")
                self._say("")
            elif event in (
                library.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                library.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                library.EVENT_HANDSHAKE_FAILED_AUTH,
            ):
                self._rejected = True

    async def look_after(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Connect it once its name is known, and find out why nothing comes. Returns at its end."""
        while not self.ended:
            if self._socket is None:
                if await self._found():
                    self._connect(context)
            elif self._is_quiet():
                answers = await self._ask()
                # A name may have another address by now, and libzmq would stay with the first.
                # And it gives up for good on who sends what is too large, or not of ZMQ.
                anew = self._unmet > 1 if answers else self._has_name
                if anew and not self.connected:
                    self.close()
            await asyncio.sleep(PAUSE * 5 if self._socket is not None else ASK_INTERVAL)

    def _is_quiet(self) -> bool:
        """Whether it is time to ask its process."""
        now = time.monotonic()
        if self.connected:
            return now - max(self._asked_at, self._heard_at) >= SILENCE
        return now - self._asked_at >= ASK_INTERVAL

    def close(self) -> None:
        """End the connection at once."""
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=0)
        if self._monitor is not None:
            self._monitor.close(linger=0)
        self._socket = self._monitor = None
        self.connected = False

    @property
    def _has_name(self) -> bool:
        try:
            ipaddress.ip_address(self._address.host)
        except ValueError:
            return True
        return False

    def _say(self, what: str, *, answers: bool = False) -> None:
        self.why = f"{self._address} {what}" if what else ""
        self.answers = answers

    def _end(self, why: str) -> None:
        self.ended = True
        self.close()
        self._say(why)

    async def _ask(self) -> bool:
        """Whether its process answers, on a connection of its own."""
        connected, heard_at = self.connected, self._heard_at
        finding = await zmtp.ask(self._there, TIME_LIMIT)
        answers = finding.answer is Answer.ANSWERS
        self._asked_at = time.monotonic()
        self._unmet = self._unmet + 1 if answers and not self.connected else 0
        # What came meanwhile says more.
        if self.ended or self.connected != connected or self._heard_at != heard_at:
            return answers
        if not answers:
            self._rejected = False
            self._say(finding.text)
        elif connected:
            self._say("", answers=True)
        elif self._rejected:
            self._say("does not let a subscriber in")
        else:
            self._say(f"does not {'keep' if self.was_connected else 'complete'} a connection")
        return answers

    async def _found(self) -> bool:
        """Whether there is an address to connect to, now.

        libzmq would look names up itself, and could not be ended while it does.
        """
        if not self._has_name:
            return True
        try:
            async with asyncio.timeout(TIME_LIMIT):
                hosts = await resolve(self._address.host, self._address.port)
        except TooMany:
            self._say("has a name that is not looked up now, since too many others hang")
            return False
        except OSError:  # TimeoutError is one, too
            self._say("has a name that does not resolve here")
            return False
        found = [self._address._replace(host=host) for host in hosts]
        allowed = [one for one in found if self._here or not is_local(one)][:MOST_HOSTS]
        if not allowed:
            self._say(
                "has a name that leads to this machine or its link, and the store is not here"
            )
            return False
        self._there = allowed[0]
        if len(allowed) > 1:
            for one in allowed:
                if (await zmtp.ask(one, TIME_LIMIT)).answer is Answer.ANSWERS:
                    self._there = one
                    break
        return True

    def _connect(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        library, self._unmet = self._zmq, 0
        self._socket = socket = context.socket(library.SUB)
        socket.setsockopt(library.LINGER, 0)
        socket.setsockopt(library.IPV6, int(":" in self._there.host))
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
        socket.connect(f"tcp://{self._there}")


def _standing(lines: Sequence[_Line]) -> tuple[Link, str, bool]:
    """How it stands with all of them: connected, as soon as one is."""
    told = [line for line in lines if line.connected]
    if told:
        link = Link.CONNECTED
    elif all(line.ended for line in lines):
        link, told = Link.IMPOSSIBLE, list(lines)
    else:
        link = Link.LOST if any(line.was_connected for line in lines) else Link.CONNECTING
        told = [line for line in lines if not line.ended]
    why = next((line.why for line in told if line.why), "")
    return link, why, not why and any(line.answers for line in told)


def _library() -> ModuleType:
    """Blocks: the import takes 0.1 s."""
    import zmq
    import zmq.utils.monitor

    return zmq
