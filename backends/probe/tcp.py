"""Connections that carry nothing: that one can be made proves the kernel, that it ends a death.

Tried on workers of Dynamo 1.6.1, on which both log nothing at all. Connecting and closing costs
the worker 60 to 90 µs each time. A connection that is held costs it nothing while it is idle, is
not closed, and does not delay a shutdown; that the worker was killed it tells within milliseconds.
Neither finds a worker that is stopped.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from backends.probe.addresses import Address
from backends.probe.dialling import connected, dial, found_by
from backends.probe.types import Answer, Finding

ACCEPTS = Finding(Answer.ACCEPTS, "accepts connections")

KEEPALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""Seconds, seconds and times: the peer's kernel is asked for a sign of life. Otherwise a host that
lost its power would seem to hold the connection for ever. Its processes do not notice."""


async def ask(address: Address, time_limit: float) -> Finding:
    """Connect, and close. Never raises; takes at most `time_limit` seconds."""

    async def connect() -> Finding:
        async with connected(address, time_limit):
            return ACCEPTS

    return await found_by(connect, time_limit, "does not accept connections")


class Idle(asyncio.Protocol):
    """A connection that is held and says nothing; `lost` is called once if the peer ends it."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._transport: asyncio.BaseTransport | None = None

    @property
    def is_open(self) -> bool:
        """Whether neither side has ended it."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):  # macOS has other names for some
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def data_received(self, data: bytes) -> None:
        # A request plane says nothing unasked, so this is something else: it is not listened to.
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._lost()

    def close(self) -> None:
        """End it; `lost` is not called any more."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


async def hold(
    address: Address, time_limit: float, lost: Callable[[], None]
) -> tuple[Finding, Idle | None]:
    """Connect, and keep the connection. Never raises; takes at most `time_limit` seconds.

    Without a connection the finding says why. `lost` may be called before this returns.
    """
    loop = asyncio.get_running_loop()
    held: list[Idle] = []

    async def open_to(host: str, port: int) -> Idle:
        _, idle = await loop.create_connection(lambda: Idle(lost), host, port)
        return idle

    async def connect() -> Finding:
        held.append(await dial(address, time_limit, open_to))
        return ACCEPTS

    finding = await found_by(connect, time_limit, "does not accept connections")
    return finding, held[0] if held else None
