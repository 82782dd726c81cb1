"""Listen to ZMQ publishers, or to brokers in front of them: SUB sockets, which send nothing.

The event loop itself reads the sockets in slices of a few milliseconds, with pauses in between.
`zmq.asyncio` would make a future and several callbacks of each message, which is most of the cost
at thousands a second, and would not bound a burst; a slice takes 7 µs a message and ends on time.
Further messages wait in libzmq, then in TCP, then at the publisher, which drops messages for slow
subscribers (its own limit is 100,000 in 1.2.1 to 1.6.1). Such drops are not reported: they show as
missed numbers, not as dropped messages.

libzmq reconnects by itself and never reports why a connection failed. So the address is probed for
its greeting as well: while there is no connection, and while there is a silent one.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import msgspec

from backends.aio.timer import LOOP, Timer
from backends.probe import zmtp
from backends.probe.addresses import Address
from backends.probe.dns import TooMany, resolve
from backends.probe.types import ProbeAnswer
from backends.tap.link import SILENCE, TapLink, TapState
from backends.tap.messages import KEPT, TapMessage, of_zmq
from backends.tap.routes import ZmqRoute, is_local
from backends.tap.tap import Drop, Receive, ReportState

if TYPE_CHECKING:
    import zmq

PAUSE = 0.02
"""Seconds between two slices if nothing was received: messages are shown a few times a second."""
SHORT_PAUSE = 0.01
"""Seconds between two slices if something was: few messages wait in libzmq."""
SLICE = 0.005
"""Seconds that a slice takes at most."""

# Bounds on what one peer can make libzmq hold. libzmq counts whole messages only: parts of a
# message are neither counted nor delivered before the last one arrived.
QUEUE = 200
"""Messages that wait in libzmq, for each address."""
LARGEST = 2 << 20
"""Bytes of the largest part that libzmq accepts. It ends the connection of a peer that sends
more.
"""
MOST_PARTS = 8
"""Parts of a message. Dynamo's have four. A peer that sends more is no longer listened to."""
MOST_SEEN = 10_000
"""Messages that are remembered, to recognise them when another broker passes them on, too."""

MOST_HOSTS = 4
"""IP addresses of one name that are tried."""
TIME_LIMIT = 1.0
"""Seconds for a name to resolve, and for a greeting."""


class ZmqTimes(msgspec.Struct, frozen=True):
    """When an address is probed."""

    silence: float = SILENCE
    """Seconds without a message, while it is connected."""
    ask_interval: float = 2.0
    """Seconds between two probes of an address without a connection."""


DEFAULT_TIMES = ZmqTimes()


class ZmqListener:
    """Listens to all addresses of a route."""

    def __init__(
        self,
        route: ZmqRoute,
        clock: Callable[[], float],
        *,
        here: bool,
        kept: int = KEPT,
        timer: Timer = LOOP,
        times: ZmqTimes = DEFAULT_TIMES,
    ) -> None:
        """`clock` returns POSIX seconds; `here`: a name may mean this machine; `kept`: bytes of a
        message that are kept; `timer` measures slices, pauses and silences.
        """
        self._route = route
        self._clock = clock
        self._here = here
        self._kept = kept
        self._timer = timer
        self._times = times
        # Brokers in front of the same publishers pass on the same messages.
        several = route.is_shared and len(route.addresses) > 1
        self._seen: dict[tuple[int, int], None] | None = {} if several else None

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        library = await asyncio.to_thread(_library)
        topic, here, timer, times = self._route.topic, self._here, self._timer, self._times
        peers = [
            _Peer(library, address, topic, here, timer, times) for address in self._route.addresses
        ]
        context = library.Context()
        try:
            async with asyncio.TaskGroup() as tasks:
                for peer in peers:
                    tasks.create_task(peer.look_after(context))
                while True:
                    some = False
                    for peer in peers:
                        peer.follow()
                        some |= self._read(peer, receive)
                    report(_state_of(peers, all_matter=not self._route.is_shared))
                    await self._timer.sleep(SHORT_PAUSE if some else PAUSE)
        finally:
            for peer in peers:
                peer.close()
            # Takes a millisecond: nothing waits to be sent, and libzmq resolves no names.
            context.term()
        raise AssertionError("it ends by cancellation only")

    def _read(self, peer: _Peer, receive: Receive) -> bool:
        """Read messages for at most one slice. Return whether there were any."""
        end, some = self._timer.now() + SLICE, False
        while self._timer.now() < end and (frames := peer.receive()) is not None:
            some = True
            message = of_zmq(frames, self._clock(), self._kept)
            if not self._is_known(message):
                receive(message)
        return some

    def _is_known(self, message: TapMessage) -> bool:
        if self._seen is None or message.publisher is None or message.sequence is None:
            return False
        identity = (message.publisher, message.sequence)
        if identity in self._seen:
            return True
        self._seen[identity] = None
        if len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return False


class _Peer:
    """One address, with its socket once its name is resolved, and the state of the peer."""

    def __init__(
        self,
        library: ModuleType,
        address: Address,
        topic: bytes,
        here: bool,
        timer: Timer,
        times: ZmqTimes,
    ) -> None:
        self.connected = False
        self.was_connected = False
        self.ended = False
        """Whether it is no longer listened to."""
        self.why = ""
        """What prevents messages; while connected and silent, what is wrong with the process."""
        self.answers = False
        """Whether it is connected and silent, and the process answered a probe."""
        self._zmq = library
        self._address = address
        self._topic = topic
        self._here = here
        self._timer = timer
        self._times = times
        self._target = address
        """The address to connect to, with the name resolved."""
        self._unconnected_answers = 0
        """How often in a row it answered a probe without a connection."""
        self._rejected = False
        """Whether the peer's last answer was that it rejects subscribers."""
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._last_message_at = float("-inf")
        self._asked_at = float("-inf")

    def receive(self) -> list[bytes] | None:
        """Return the next message's frames. None: there is none, or no connection."""
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
        self._last_message_at = self._timer.now()
        self._report("")
        return frames

    def follow(self) -> None:
        """Read the socket's events, and update the state."""
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
                self._report("")
                # The silence begins now.
                self._last_message_at = self._timer.now()
            elif event == library.EVENT_DISCONNECTED:
                self.connected, self._asked_at = False, float("-inf")
                self._report("")
            elif event in (
                library.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                library.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                library.EVENT_HANDSHAKE_FAILED_AUTH,
            ):
                self._rejected = True

    async def look_after(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        """Connect once the name is resolved, and find out why nothing arrives. Returns when it is
        ended.
        """
        while not self.ended:
            if self._socket is None:
                if await self._resolve():
                    self._connect(context)
            elif self._is_quiet():
                answers = await self._ask()
                # A name may have another address now, but libzmq stays with the first. It also
                # gives up for good on a peer that sends too large parts, or does not speak ZMQ.
                anew = self._unconnected_answers > 1 if answers else self._has_name
                if anew and not self.connected:
                    self.close()
            resolved = self._socket is not None
            await self._timer.sleep(PAUSE * 5 if resolved else self._times.ask_interval)

    def _is_quiet(self) -> bool:
        """Return whether it is time to probe the process."""
        now = self._timer.now()
        if self.connected:
            return now - max(self._asked_at, self._last_message_at) >= self._times.silence
        return now - self._asked_at >= self._times.ask_interval

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

    def _report(self, what: str, *, answers: bool = False) -> None:
        self.why = f"{self._address} {what}" if what else ""
        self.answers = answers

    def _end(self, why: str) -> None:
        self.ended = True
        self.close()
        self._report(why)

    async def _ask(self) -> bool:
        """Probe the process on a separate connection. Return whether it answers."""
        connected, last_message_at = self.connected, self._last_message_at
        finding = await zmtp.ask(self._target, TIME_LIMIT)
        answers = finding.answer is ProbeAnswer.ANSWERS
        self._asked_at = self._timer.now()
        self._unconnected_answers = (
            self._unconnected_answers + 1 if answers and not self.connected else 0
        )
        # Events meanwhile are more recent than the probe.
        is_outdated = self.connected != connected or self._last_message_at != last_message_at
        if self.ended or is_outdated:
            return answers
        if not answers:
            self._rejected = False
            self._report(finding.text)
        elif connected:
            self._report("", answers=True)
        elif self._rejected:
            self._report("does not let a subscriber in")
        else:
            self._report(f"does not {'keep' if self.was_connected else 'complete'} a connection")
        return answers

    async def _resolve(self) -> bool:
        """Resolve the address's name. Return whether there is an address to connect to.

        libzmq could resolve names itself, but could not be ended meanwhile.
        """
        if not self._has_name:
            return True
        try:
            async with self._timer.timeout(TIME_LIMIT):
                hosts = await resolve(self._address.host, self._address.port)
        except TooMany:
            self._report("has a name that is not looked up now, since too many others hang")
            return False
        except OSError:  # includes TimeoutError
            self._report("has a name that does not resolve here")
            return False
        found = [self._address._replace(host=host) for host in hosts]
        allowed = [one for one in found if self._here or not is_local(one)][:MOST_HOSTS]
        if not allowed:
            self._report(
                "has a name that leads to this machine or its link, and the store is not here"
            )
            return False
        self._target = allowed[0]
        if len(allowed) > 1:
            for one in allowed:
                if (await zmtp.ask(one, TIME_LIMIT)).answer is ProbeAnswer.ANSWERS:
                    self._target = one
                    break
        return True

    def _connect(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        library, self._unconnected_answers = self._zmq, 0
        self._socket = socket = context.socket(library.SUB)
        socket.setsockopt(library.LINGER, 0)
        socket.setsockopt(library.IPV6, int(":" in self._target.host))
        socket.setsockopt(library.RCVHWM, QUEUE)
        socket.setsockopt(library.MAXMSGSIZE, LARGEST)
        socket.setsockopt(library.RECONNECT_IVL, 200)
        socket.setsockopt(library.RECONNECT_IVL_MAX, 2000)
        # A dead machine is silent, as is a quiet publisher: keep-alives tell them apart.
        socket.setsockopt(library.TCP_KEEPALIVE, 1)
        socket.setsockopt(library.TCP_KEEPALIVE_IDLE, 15)
        socket.setsockopt(library.TCP_KEEPALIVE_INTVL, 5)
        socket.setsockopt(library.TCP_KEEPALIVE_CNT, 3)
        self._monitor = socket.get_monitor_socket()
        socket.setsockopt(library.SUBSCRIBE, self._topic)
        socket.connect(f"tcp://{self._target}")


def _state_of(peers: Sequence[_Peer], *, all_matter: bool) -> TapState:
    """Return the state of all connections together: connected, as soon as one is; how many are, and
    of how many. `all_matter`: they are of publishers, and not of brokers in front of the same.
    """
    relevant = [peer for peer in peers if peer.connected]
    connected, of = (len(relevant), len(peers)) if all_matter and len(peers) > 1 else (0, 0)
    if relevant:
        link = TapLink.CONNECTED
        if connected < of:
            relevant = [peer for peer in peers if not peer.connected]
    elif all(peer.ended for peer in peers):
        link, relevant = TapLink.IMPOSSIBLE, list(peers)
    else:
        link = TapLink.LOST if any(peer.was_connected for peer in peers) else TapLink.CONNECTING
        relevant = [peer for peer in peers if not peer.ended]
    why = next((peer.why for peer in relevant if peer.why), "")
    answers = not why and any(peer.answers for peer in relevant)
    return TapState(link, why, answers, connected, of)


def _library() -> ModuleType:
    """Import the library. Blocks for 0.1 s."""
    import zmq
    import zmq.utils.monitor

    return zmq
