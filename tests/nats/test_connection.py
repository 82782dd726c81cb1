"""A connection that is given up while it is made, or closed while the library closes it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from backends.nats import connection as module
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection
from tests.support.nats_server import NatsServer


@pytest.mark.parametrize("failure", [None, ConnectionRefusedError()])
async def test_whoever_gives_it_up_is_heard_also_where_the_library_passes_over_it(
    shared_server: NatsServer, monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    connect, begun = module._connect, asyncio.Event()

    async def passes_over(*arguments: object) -> None:
        """As `asyncio.wait_for` does before Python 3.12 where both come in the same moment."""
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if failure is not None:
            raise failure
        await connect(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_connect", passes_over)
    connection = NatsConnection(NatsConfig((shared_server.url,)))
    connecting = asyncio.create_task(connection.client())
    await begun.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    # And so it is where a time limit ends it.
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await connection.client()
    assert connection._client is None


async def test_closing_waits_for_the_end_also_where_the_library_is_just_closing(
    shared_server: NatsServer,
) -> None:
    client = await NatsConnection(NatsConfig((shared_server.url,))).client()
    writer = client._transport._io_writer  # type: ignore[union-attr]
    # As its reading task does when it met an error: closed in name, and then it waits.
    library = asyncio.create_task(client._close(client.CLOSED))
    await asyncio.sleep(0)
    assert client.is_closed
    assert not writer.is_closing()
    await client.close()
    assert writer.transport.get_extra_info("socket").fileno() == -1
    await library


@pytest.mark.parametrize("steps", range(4))
async def test_closing_that_is_given_up_leaves_no_connection_open(
    shared_server: NatsServer, steps: int
) -> None:
    client = await NatsConnection(NatsConfig((shared_server.url,))).client()
    writer = client._transport._io_writer  # type: ignore[union-attr]
    closing = asyncio.create_task(client.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait((closing,))
    if not steps:
        # Cancelled before it began, it did nothing.
        await client.close()
    assert writer.is_closing()
