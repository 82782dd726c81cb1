"""Probe TCP without sending anything: an accepted connection proves that the kernel runs, and its
end shows a death.

Tried on workers of Dynamo 1.6.1, which log neither. Connecting and closing costs the worker 60 to
90 µs each time. A held connection costs it nothing while idle, is not closed by it, does not delay
its shutdown, and shows within milliseconds that it was killed. Neither detects a worker that is
stopped (SIGSTOP).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from backends.probe.addresses import Address
from backends.probe.connect import Attempt, connected, dial, run_attempt
from backends.probe.types import Finding, ProbeAnswer

ACCEPTS = Finding(ProbeAnswer.ACCEPTS, "accepts connections")

KEEPALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""Seconds, seconds and times: the peer's kernel must answer keep-alive packets. Otherwise a host
that lost its power would seem to hold the connection for ever. Its processes do not notice them.
"""


async def ask(address: Address, time_limit: float) -> Finding:
    """Connect and close. Never raises. Takes at most `time_limit` seconds."""

    async def connect(attempt: Attempt) -> Finding:
        async with connected(address, time_limit, attempt):
            return ACCEPTS

    return await run_attempt(connect, time_limit, "does not end them")


class IdleConnection(asyncio.Protocol):
    """A held connection that sends nothing. `lost` is called once if the peer ends it."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._transport: asyncio.BaseTransport | None = None
        self.finding = ACCEPTS
        """The finding when it was made."""

    @property
    def is_open(self) -> bool:
        """Return whether neither side has ended it."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):  # macOS has other names for some
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def data_received(self, data: bytes) -> None:
        # A request plane sends nothing unasked, so this is another program: close.
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._lost()

    def close(self) -> None:
        """End it. `lost` is not called after this."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


async def hold(
    address: Address, time_limit: float, lost: Callable[[], None]
) -> tuple[Finding, IdleConnection | None]:
    """Connect and keep the connection. Never raises. Takes at most `time_limit` seconds.

    Without a connection the finding has the reason. `lost` may be called before this returns.
    """
    loop = asyncio.get_running_loop()
    held: list[IdleConnection] = []

    async def open_to(host: str, port: int) -> IdleConnection:
        _, idle = await loop.create_connection(lambda: IdleConnection(lost), host, port)
        return idle

    async def connect(attempt: Attempt) -> Finding:
        held.append(await dial(address, time_limit, open_to, attempt))
        return ACCEPTS

    finding = await run_attempt(connect, time_limit, "does not end them")
    if not held:
        return finding, None
    held[0].finding = finding
    return finding, held[0]
