"""The session of a store: created on demand, and again after it ended."""

from __future__ import annotations

import asyncio
import re
import ssl
from urllib.parse import urlsplit

from backends.nats.config import NatsConfig
from backends.nats.connection import NatsConnection, check_credentials, is_denial, tls_context
from backends.nats.errors import ESCAPES, Closed, has_escapes, translate
from backends.nats_kv.jetstream import HEARTBEAT, JetStreamSession
from backends.redact import path_or_mask
from backends.store import Cause, Misconfigured, NotAuthorised, StoreError, Unreachable

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
                await asyncio.to_thread(_check, self._config)
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


def _check(config: NatsConfig) -> None:
    """Check the settings. Blocks. Raises `Misconfigured` for settings that cannot work, without
    repeating a secret.
    """
    for server in config.servers:
        try:
            url = urlsplit(server if "://" in server else f"nats://{server}")
            usable = url.scheme in SCHEMES and url.hostname and url.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise Misconfigured("NATS_SERVER", "is not nats://host:port or tls://host:port")
    files = {
        "NATS_AUTH_CREDENTIALS_FILE": config.credentials_file,
        "NATS_TLS_CA_CERT_PATH": None if config.tls_insecure else config.ca_cert,
        "NATS_TLS_CLIENT_CERT_PATH": config.client_cert,
        "NATS_TLS_CLIENT_KEY_PATH": config.client_key,
    }
    for name, path in files.items():
        if path is not None:
            _check_readable(name, path)
    try:
        check_credentials(config)
    except ValueError:
        problem = "holds no JWT and seed of a NATS user"
        raise Misconfigured("NATS_AUTH_CREDENTIALS_FILE", problem) from None
    try:
        tls_context(config)
    except ssl.SSLError as error:
        if error.reason and "KEY" in error.reason:
            pair = "NATS_TLS_CLIENT_CERT_PATH and NATS_TLS_CLIENT_KEY_PATH"
            raise Misconfigured(pair, "do not match, or are not PEM") from None
        raise Misconfigured("NATS_TLS_…", "one of its files is not PEM") from None


def _check_readable(name: str, path: str) -> None:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise Misconfigured(
            name, f"{path_or_mask(path)} cannot be read ({reason.lower()})"
        ) from None
