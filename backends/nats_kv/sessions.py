"""The session of a store: created on demand, and again after it ended."""

from __future__ import annotations

import asyncio
import re

from backends.nats.check import check_settings
from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection, is_denial
from backends.nats.errors import ESCAPES, Closed, has_escapes, translate
from backends.nats_kv.jetstream import HEARTBEAT, JetStreamSession
from backends.store import Cause, NotAuthorised, StoreError, Unreachable

CONNECT_LIMIT = 5.0
"""Seconds to connect, for each server: they are tried one after the other."""

SCHEMES = ("nats", "tls")

_HOST = re.compile(r"([\w.-]+|\[[\w:.%]+\])(:\d+)?")


class Sessions:
    """Creates and keeps the one session of a store. Close it with `aclose`."""

    def __init__(self, config: NatsConfig, *, heartbeat: float = HEARTBEAT) -> None:
        """`heartbeat` as in `JetStreamSession`."""
        self._heartbeat = heartbeat
        self.address = address_of(config)
        self._config = config
        self._session: JetStreamSession | None = None
        self._connection = NatsConnection(config, on_end=self._end, on_error=self._on_error)
        self._one_at_a_time = asyncio.Lock()
        self._is_checked = False
        self.is_closed = False

    async def session(self) -> JetStreamSession:
        """Return a usable session. Raises `StoreError`."""
        async with self._one_at_a_time:
            if self.is_closed:
                raise Closed(self.address)
            if self._session is not None and self._session.is_usable:
                return self._session
            # Requests that are still pending there fail.
            self._end()
            if not self._is_checked:
                await asyncio.to_thread(check_settings, self._config)
                self._is_checked = True
            await self._connection.prepare()
            try:
                async with asyncio.timeout(CONNECT_LIMIT * len(self._config.servers)):
                    client = await self._connection.client()
                    self._session = JetStreamSession(
                        client,
                        self.address,
                        self._config.secrets,
                        heartbeat=self._heartbeat,
                    )
                    await self._session.start()
            except Exception as error:
                raise self._failure(error) from error
            return self._session

    async def give_up(self, session: JetStreamSession) -> None:
        """End a session that does not answer, unless it was replaced already."""
        async with self._one_at_a_time:
            if self._session is session:
                await self._disconnect()

    async def aclose(self) -> None:
        async with self._one_at_a_time:
            self.is_closed = True
            await self._disconnect()

    async def _disconnect(self) -> None:
        self._end()
        self._session = None
        await self._connection.aclose()

    def _end(self) -> None:
        if self._session is not None:
            self._session.end()

    def _on_error(self, error: Exception) -> None:
        if self._session is not None and is_denial(error):
            self._session.deny(error)

    def _failure(self, error: Exception) -> StoreError:
        failure = translate(self.address, error, self._config.secrets)
        if isinstance(failure, Unreachable) and failure.cause is Cause.LOST:
            # With TLS 1.3 the client's certificate is checked after the handshake, and the server's
            # alert may be lost with the connection.
            if self._config.client_cert is not None:
                detail = "the server closed the connection, perhaps because it rejected ours"
                return Unreachable(self.address, Cause.CERTIFICATE, detail)
            if _wants_tls(self._config):
                detail = "the server closed the connection, perhaps because it requires one"
                return Unreachable(self.address, Cause.CERTIFICATE, detail)
        if isinstance(failure, NotAuthorised) and not _has_credentials(self._config):
            return NotAuthorised(self.address, "the server requires a user, and none is set")
        if isinstance(failure, NotAuthorised) and has_escapes(self._config):
            return NotAuthorised(self.address, f"{failure.detail}; {ESCAPES}")
        return failure


def address_of(config: NatsConfig) -> str:
    """Return all servers, separated by commas, without the credentials in their URLs."""
    any_secret = any("@" in server for server in config.servers)
    return ",".join(_shown(server, any_secret=any_secret) for server in config.servers)


def _shown(server: str, *, any_secret: bool) -> str:
    url = server if "://" in server else f"nats://{server}"
    scheme, _, rest = url.partition("://")
    # A password may hold a slash that should have been written as %2F.
    host = rest.rpartition("@")[2].partition("/")[0]
    # A password with a comma splits a server's URL, and then this is a piece of it.
    if any_secret and not (scheme in SCHEMES and ("@" in rest or _HOST.fullmatch(host))):
        return "…"
    return f"{scheme}://{host}"


def _has_credentials(config: NatsConfig) -> bool:
    named = (config.username, config.token, config.nkey, config.credentials_file)
    return any(named) or any("@" in server for server in config.servers)


def _wants_tls(config: NatsConfig) -> bool:
    return config.ca_cert is not None or any(one.startswith("tls:") for one in config.servers)
