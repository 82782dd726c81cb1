"""What a server of the tests leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket

import pytest

from tests.support.listening import listening
from tests.support.ports import LOOPBACK


async def _read(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


def test_a_client_that_comes_while_the_server_ends_is_not_left_open() -> None:
    """What is left open is a warning, and so an error, when it is collected."""

    async def come_late(steps: int) -> socket.socket:
        """`steps` is how many turns of the loop the server has for it."""
        async with listening(_read) as port:
            await asyncio.sleep(0)
            client = socket.create_connection((LOOPBACK, port))
            for _ in range(steps):
                await asyncio.sleep(0)
        return client

    with contextlib.ExitStack() as clients:
        come = [clients.enter_context(asyncio.run(come_late(steps))) for steps in range(8)]
        gc.collect()
        for client in come:
            client.settimeout(60)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""


async def test_a_fault_of_what_serves_fails_the_test() -> None:
    async def fail(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        raise ValueError("a fault")

    async def ask() -> None:
        async with listening(fail) as port:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    with pytest.raises(ValueError, match="a fault"):
        await ask()
