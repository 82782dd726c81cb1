"""Peers to ask: each on a free port of this machine's loopback, until the end of its block."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator

from backends.probe.addresses import Address
from tests.support.listening import Serve, listening
from tests.support.ports import LOOPBACK


class Peer:
    """A server that does to each connection what `behaviour` says, and then ends it."""

    def __init__(self, behaviour: Serve) -> None:
        self._behaviour = behaviour
        self.accepted = 0
        """Connections in all."""
        self.open = 0
        """Connections that neither side has ended."""
        self.port = 0

    @property
    def address(self) -> Address:
        return Address(LOOPBACK, self.port)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Peer]:
        async with listening(self._serve, port=self.port) as self.port:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open += 1
        try:
            await self._behaviour(reader, writer)
        finally:
            self.open -= 1


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing, as long as the other side stays."""
    while await reader.read(1024):
        pass


def saying(*chunks: bytes, pause: float = 0.0, hangs: bool = False, reads: bool = False) -> Serve:
    """Send these, with pauses of so many seconds between them; then stay, or end.

    With `reads`, first read what there is: what ends with something unread resets the connection.
    """

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.read(1024)
        for number, chunk in enumerate(chunks):
            if number:
                await asyncio.sleep(pause)
            writer.write(chunk)
            await writer.drain()
        if hangs:
            await silent(reader, writer)

    return say


@contextlib.contextmanager
def refusing() -> Iterator[Address]:
    """An address at which nothing listens, and which nobody else is given meanwhile."""
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        yield Address(LOOPBACK, bound.getsockname()[1])


@contextlib.contextmanager
def full() -> Iterator[Address]:
    """An address that neither accepts nor refuses: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((LOOPBACK, 0))
        listening.listen(0)
        # Linux lets one more in than is asked for.
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield Address(LOOPBACK, listening.getsockname()[1])


async def until(condition: Callable[[], object], what: str, timeout: float = 60.0) -> None:
    """Wait until `condition()` is true; fail after `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            while not condition():  # noqa: ASYNC110 - what is waited for has no events
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {timeout} s") from None
