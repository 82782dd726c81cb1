"""Ways to a server on loopback that can be cut, or that are slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from tests.support.listening import listening
from tests.support.ports import LOOPBACK

LONGEST_HOLD = 60.0
"""Seconds within which what answers are let go for must come."""


class Forwarder:
    """Passes connections on to a port, until it is cut; then it listens no more."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        """`port` is where it passes them on to, `host` where it listens."""
        self._to = port
        self._host = host
        self._writers: set[asyncio.StreamWriter] = set()
        self._open = contextlib.AsyncExitStack()
        self.port = 0

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._writers) // 2

    async def open(self) -> None:
        """Listen, on the same port as the last time."""
        server = listening(self._pass_on, self._host, self.port)
        self.port = await self._open.enter_async_context(server)

    async def cut(self) -> None:
        """Break all connections and refuse new ones."""
        await self._open.aclose()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._to)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._copy(reader, there_writer))
                both.create_task(self._copy(there_reader, writer))
        finally:
            there_writer.transport.abort()
            with contextlib.suppress(OSError):
                await there_writer.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                while received := await reader.read(65536):
                    writer.write(received)
                    await writer.drain()
        finally:
            # Whichever side ended, the other one ends too.
            writer.transport.abort()
            self._writers.discard(writer)


class SlowForwarder(Forwarder):
    """Passes on at once what is asked, and late what is answered."""

    def __init__(self, port: int, delay: float, *, handshake: float = 0.0) -> None:
        """`handshake` is the delay, in seconds, of the first answer to a connection."""
        super().__init__(port)
        self._delay = delay
        self._handshake = handshake

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        loop = asyncio.get_running_loop()
        is_answer = writer.get_extra_info("peername")[1] != self._to
        delay = self._handshake if is_answer else 0.0
        try:
            while received := await reader.read(65536):
                loop.call_later(delay, self._pass, writer, received)
                delay = self._delay if is_answer else 0.0
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    def _pass(self, writer: asyncio.StreamWriter, received: bytes) -> None:
        writer.write(received)


class HeldForwarder(SlowForwarder):
    """Holds answers back until each is let go, for as long as it takes to look at what was shown
    before it: on a busy machine what is to last for 2 s may be over before the next look."""

    def __init__(self, port: int, *, handshake: float = 0.0) -> None:
        super().__init__(port, 0.0, handshake=handshake)
        self._held: deque[tuple[asyncio.StreamWriter, bytes]] = deque()

    async def until(self, condition: Callable[[], object]) -> None:
        """Let one answer go after the other until that is so."""
        async with asyncio.timeout(LONGEST_HOLD):
            while not condition():
                if self._held:
                    writer, received = self._held.popleft()
                    writer.write(received)
                await asyncio.sleep(0.02)

    def _pass(self, writer: asyncio.StreamWriter, received: bytes) -> None:
        if writer.get_extra_info("peername")[1] == self._to:
            writer.write(received)
        else:
            self._held.append((writer, received))
