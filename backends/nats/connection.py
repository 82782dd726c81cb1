"""One connection to NATS, made on demand, and again after it broke.

The client library is imported when the first connection is made. It neither logs nor prints, since
dyntop owns the screen.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from backends.aio.cancellation import Cancellations
from backends.nats.check import check_settings
from backends.nats.config import NatsConfig

if TYPE_CHECKING:
    from nats.aio.client import Client

DENIED = "permissions violation"
"""Part of the server's error when a user may not publish or subscribe to a subject."""

CLOSE_LIMIT = 0.5
"""Seconds for closing a connection."""

MOST_DENIALS = 100
"""Denials that are kept."""


class NatsConnection:
    """A client of one NATS. It never reconnects by itself: the next call to `client` does.

    `on_end` is called whenever a connection ended. `on_error` is called with each error outside of
    a call, as the library reports it: a dropped message, or a denial of the server (`is_denial`).
    """

    def __init__(
        self,
        config: NatsConfig,
        *,
        on_end: Callable[[], None] = lambda: None,
        on_error: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self.config = config
        self._on_end = on_end
        self._on_error = on_error
        self.denials: list[Exception] = []
        """Denials of the server. Clear it before a request."""
        self.failure: Exception | None = None
        """Why the last attempt to connect to one of the servers failed. None: none has."""
        self._client: Client | None = None
        self._one_at_a_time = asyncio.Lock()

    async def prepare(self) -> None:
        """Import the library. Call it before a deadline begins: on a busy machine the import takes
        longer than NATS is given to answer.
        """
        await asyncio.to_thread(_library)

    async def client(self) -> Client:
        """Return a connected client: the current one, or a new one to the first server that accepts
        it.

        Raises `Misconfigured`, and the library's errors (`nats.errors`, `OSError`,
        `ssl.SSLError`); `why_not` in `errors.py` words them. Sets no deadline: the caller does.
        """
        async with self._one_at_a_time:
            if self._client is not None and self._client.is_connected:
                return self._client
            await self._disconnect()
            self.failure = None
            make_client, tls = await asyncio.to_thread(_prepared, self.config)
            failure: Exception = ConnectionError("no server is named")
            cancellations = Cancellations()
            for server in self.config.servers:
                client = make_client()
                try:
                    await _connect(
                        client,
                        server,
                        self.config,
                        tls,
                        self._observe,
                        partial(self._ended, client),
                    )
                    cancellations.raise_if_any()
                    self._client = client
                    return client
                except Exception as error:
                    cancellations.raise_if_any()
                    failure = self.failure = error
                finally:
                    # An attempt that ran out of time must leave nothing open either.
                    if self._client is not client:
                        await _close(client)
            raise failure

    async def aclose(self) -> None:
        """End the connection. The next call to `client` makes another."""
        async with self._one_at_a_time:
            await self._disconnect()

    def _ended(self, client: Client) -> None:
        # The library may report this late, when there is another client already.
        if self._client is None or self._client is client:
            self._on_end()

    def _observe(self, error: Exception) -> None:
        if is_denial(error):
            self.denials.append(error)
            # Without requests nothing clears the list, so it is bounded.
            del self.denials[:-MOST_DENIALS]
        self._on_error(error)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


def is_denial(error: Exception) -> bool:
    """Return whether an error is the server's denial of an operation."""
    return DENIED in str(error).lower()


async def _close(client: Client) -> None:
    # After a failed TLS handshake the library waits for ever for a closed transport.
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_LIMIT):
            await client.close()


async def _connect(
    client: Client,
    server: str,
    config: NatsConfig,
    tls: ssl.SSLContext | None,
    on_error: Callable[[Exception], None],
    on_end: Callable[[], None],
) -> None:
    """Connect. Raises the library's errors, or why it could not connect.

    `on_error` is called with every error, now and later.
    """
    from nats.errors import NoServersError

    user = password = token = nkey = credentials = None
    if config.username is not None and config.password is not None:
        user, password = config.username, config.password
    elif config.token is not None:
        token = config.token
    elif config.nkey is not None:
        nkey = config.nkey
    else:
        credentials = config.credentials_file
    errors: list[Exception] = []

    async def observe(error: Exception) -> None:
        """Replaces the library's own callback, which logs."""
        errors[:] = [error]
        on_error(error)

    async def end() -> None:
        on_end()

    try:
        await client.connect(
            servers=[server if "://" in server else f"nats://{server}"],
            name="dyntop",
            # The library would reconnect without end; here the next call does. With 1 it tries a
            # server that refuses twice, with 0 until the time is over.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=observe,
            closed_cb=end,
            tls=tls,
            user=user,
            password=password,
            token=token,
            nkeys_seed_str=nkey,
            user_credentials=credentials,
        )
    except NoServersError as error:
        raise errors[0] if errors else error from None


def _library() -> type[Client]:
    """Import the library. Blocks for 0.2 s."""
    from backends.nats.client import NatsClient

    return NatsClient


def _prepared(config: NatsConfig) -> tuple[type[Client], ssl.SSLContext | None]:
    """Return the library, and the settings it needs. Blocks. Raises as `check_settings`."""
    return _library(), check_settings(config)
