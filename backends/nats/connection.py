"""One connection to NATS, made when it is first needed and again after it broke off.

The client library is imported when the first connection is made. It says nothing by itself: no
log line and no word on the screen that somebody else draws on.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from backends.nats.config import NatsConfig

if TYPE_CHECKING:
    from nats.aio.client import Client

DENIED = "permissions violation"
"""In what the server says when a user publishes or subscribes where it may not."""


class NatsConnection:
    """A client of one NATS. Never connects again by itself: whoever needs it asks anew."""

    def __init__(
        self, config: NatsConfig, *, on_error: Callable[[Exception], None] | None = None
    ) -> None:
        """`on_error` is told what goes wrong without anybody having asked, as the library has it:
        a message that was dropped, something that is denied."""
        self.config = config
        self._on_error = on_error
        self.denials: list[Exception] = []
        """What the server said it does not allow. Whoever asks clears it before."""
        self._client: Client | None = None
        self._one_at_a_time = asyncio.Lock()

    async def client(self) -> Client:
        """Connected: as it is, or anew, to the first of the servers that takes us.

        Raises whatever the library does (`nats.errors`, `OSError`, `ssl.SSLError`); `why_not` says
        it in words. Sets no deadline: whoever asks has one.
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
                    await _connect(client, server, self.config, tls, self._note)
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

    def _note(self, error: Exception) -> None:
        if DENIED in str(error).lower():
            self.denials.append(error)
        if self._on_error is not None:
            self._on_error(error)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await _close(client)


def why_not(error: Exception) -> str:
    """Why NATS could not be used, as a clause: `NATS refuses connections`.

    Without the library's own text, which may repeat a URL and the password in it.
    """
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is not installed"
    if isinstance(error, TimeoutError):
        return "NATS does not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "NATS refuses connections"
    return f"NATS cannot be used ({type(error).__name__})"


async def _close(client: Client) -> None:
    with contextlib.suppress(Exception):
        await client.close()


async def _connect(
    client: Client,
    server: str,
    config: NatsConfig,
    tls: ssl.SSLContext | None,
    tell: Callable[[Exception], None],
) -> None:
    """Raises whatever the library does, or why it could not connect; `tell` hears of all that goes
    wrong, then and later."""
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
        tell(error)

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
    """The library and what it needs. Blocks: the import alone takes 0.2 s. Raises as `_tls`."""
    from nats.aio.client import Client

    return Client, _tls(config)


def _tls(config: NatsConfig) -> ssl.SSLContext | None:
    """Blocks. Raises `OSError` for files that cannot be read, `ssl.SSLError` for what is in them.

    None: as the server wants it, and with the authorities that this machine trusts.
    """
    if config.ca_cert is None and config.client_cert is None:
        return None
    context = ssl.create_default_context(cafile=config.ca_cert)
    if config.client_cert is not None:
        context.load_cert_chain(config.client_cert, config.client_key)
    return context
