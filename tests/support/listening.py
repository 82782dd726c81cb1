"""Servers of a few lines, for peers that no real program plays."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from tests.support.ports import LOOPBACK

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Speak with one client. Its connection ends with it."""


@contextlib.asynccontextmanager
async def listening(
    serve: Serve, host: str = LOOPBACK, port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Listen, with TLS where there is a context; gives the port. Clients are cut off at the end.

    A client may come in the very moment in which the server ends. `asyncio.start_server` leaves
    such a connection open (up to Python 3.12), and the garbage collector complains of it in
    whichever test runs by then. So every socket is held here from its first moment on.
    """
    loop = asyncio.get_running_loop()
    clients: dict[asyncio.Task[None], socket.socket] = {}

    def accept() -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            client, _ = listener.accept()
            client.setblocking(False)
            clients[loop.create_task(_served(client, serve, context))] = client

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        listener.setblocking(False)
        loop.add_reader(listener, accept)
        try:
            yield listener.getsockname()[1]
        finally:
            loop.remove_reader(listener)
            for task in clients:
                task.cancel()
            ended = await asyncio.gather(*clients, return_exceptions=True)
            for client in clients.values():
                client.close()
    for one in ended:
        if isinstance(one, Exception):
            raise one


async def _served(client: socket.socket, serve: Serve, context: ssl.SSLContext | None) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, client, ssl=context)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        finally:
            # Whoever is cut off may never read what is still to be sent.
            transport.abort()
            await writer.wait_closed()
