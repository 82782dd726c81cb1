"""One connection to NATS, made when it is first needed and again after it broke off.

The client library is imported when the first connection is made. It says nothing by itself: no
log line and no word on the screen that somebody else draws on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from backends.nats.config import NatsConfig

if TYPE_CHECKING:
    from nats.aio.client import Client

DENIED = "permissions violation"
"""In what the server says when a user publishes or subscribes where it may not."""

LONGEST_CREDENTIALS = 1 << 20
"""Bytes of a credentials file that are looked at."""

CLOSE_LIMIT = 0.5
"""Seconds to say goodbye."""

MOST_DENIALS = 100
"""That are kept."""


class NatsConnection:
    """A client of one NATS. Never connects again by itself: whoever needs it asks anew.

    `on_end` is called whenever a connection ended, for whatever reason; `on_error` with what goes
    wrong without anybody having asked, as the library has it: a message that was dropped, something
    that the server does not allow (`is_denial`).
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
        """What the server said it does not allow. Whoever asks clears it before."""
        self._client: Client | None = None
        self._one_at_a_time = asyncio.Lock()

    async def client(self) -> Client:
        """Connected: as it is, or anew, to the first of the servers that takes us.

        Raises whatever the library does (`nats.errors`, `OSError`, `ssl.SSLError`); `why_not` in
        `errors.py` says it in words. Sets no deadline: whoever asks has one.
        """
        async with self._one_at_a_time:
            if self._client is not None and self._client.is_connected:
                return self._client
            await self._disconnect()
            make_client, tls = await asyncio.to_thread(_prepared, self.config)
            failure: Exception = ConnectionError("no server is named")
            for server in self.config.servers:
                client = make_client()
                try:
                    await _connect(
                        client,
                        server,
                        self.config,
                        tls,
                        self._note,
                        partial(self._ended, client),
                    )
                    self._client = client
                    return client
                except Exception as error:
                    failure = error
                finally:
                    # Also of an attempt that ran out of time nothing may stay.
                    if self._client is not client:
                        await _close(client)
            raise failure

    async def aclose(self) -> None:
        """End the connection; the next who asks makes another."""
        async with self._one_at_a_time:
            await self._disconnect()

    def _ended(self, client: Client) -> None:
        # The library may be long in saying so, and by then there may be another.
        if self._client is None or self._client is client:
            self._on_end()

    def _note(self, error: Exception) -> None:
        if is_denial(error):
            self.denials.append(error)
            # Who never asks what was denied must not gather it for ever.
            del self.denials[:-MOST_DENIALS]
        self._on_error(error)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


def is_denial(error: Exception) -> bool:
    """Whether the server said by it that something is not allowed."""
    return DENIED in str(error).lower()


async def _close(client: Client) -> None:
    # After a TLS handshake that failed the library waits for ever for what is closed already.
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
    """Raises whatever the library does, or why it could not connect; `on_error` hears of all that
    goes wrong, then and later."""
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

    async def note(error: Exception) -> None:
        """In place of the library's own, which logs. Whoever asks is told anyway."""
        errors[:] = [error]
        on_error(error)

    async def end() -> None:
        on_end()

    try:
        await client.connect(
            servers=[server if "://" in server else f"nats://{server}"],
            name="dyntop",
            # The library would go on by itself and for ever; here the next question does. With 1
            # it tries a server that refuses twice, with 0 until the time is over.
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            error_cb=note,
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


def _prepared(config: NatsConfig) -> tuple[type[Client], ssl.SSLContext | None]:
    """The library and what it needs. Blocks: the import alone takes 0.2 s.

    Raises as `tls_context` and `check_credentials`.
    """
    check_credentials(config)
    from backends.nats.client import NatsClient

    return NatsClient, tls_context(config)


def check_credentials(config: NatsConfig) -> None:
    """Blocks. Raises `OSError` for a credentials file that cannot be read, and `ValueError` for one
    that holds none: at the end of such a file the library (2.16) goes on reading for ever."""
    if config.credentials_file is not None:
        with open(config.credentials_file, "rb") as file:
            text = file.read(LONGEST_CREDENTIALS)
        if not all(part in text for part in (b"BEGIN NATS USER JWT", b"BEGIN USER NKEY SEED")):
            raise ValueError("no credentials")


def tls_context(config: NatsConfig) -> ssl.SSLContext | None:
    """Blocks. Raises `OSError` for files that cannot be read, `ssl.SSLError` for what is in them.

    None: as the server wants it, and with the authorities that this machine trusts.
    """
    if config.ca_cert is None and config.client_cert is None:
        return None
    context = ssl.create_default_context(cafile=config.ca_cert)
    if config.client_cert is not None:
        context.load_cert_chain(config.client_cert, config.client_key)
    return context
