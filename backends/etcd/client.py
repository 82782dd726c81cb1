"""Calls to a cluster: over its endpoints one after another, with the user's token."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from backends.etcd import rpc
from backends.etcd.config import Endpoint, EtcdConfig, read_tls
from backends.etcd.connection import Connection, Stream
from backends.etcd.errors import TokenRejected
from backends.etcd.rpc import Message, Metadata, Method
from backends.store import Cause, Refused, Unreachable

HAS_LEADER = ("hasleader", "true")
"""Asks a member that lost its leader to say so, and to end the streams, instead of waiting."""

AUTH_IS_OFF = "authentication is not enabled"

TELLING = (
    Cause.CERTIFICATE,
    Cause.TLS_EXPECTED,
    Cause.PLAIN_EXPECTED,
    Cause.NOT_THIS_STORE,
    Cause.NO_LEADER,
    Cause.TIMEOUT,
    Cause.LOST,
    Cause.REFUSED,
    Cause.NAME,
    Cause.MISSING,
)
"""Where endpoints fail for different reasons, the first of these stands for all: the ones that will
not pass by themselves come first."""


@dataclass(slots=True)
class _Token:
    text: str = ""
    """Empty: none is needed, because there is no user or authentication is off."""


class Client:
    """Makes each call at the endpoint in use and goes to the next one when that cannot be reached.

    Every method raises `StoreError`s only. The constructor does no I/O.
    """

    def __init__(self, config: EtcdConfig) -> None:
        self._config = config
        self._endpoints = config.parsed_endpoints()
        self._in_use = 0
        self._connections: dict[Endpoint, Connection] = {}
        self._connecting = asyncio.Lock()
        self._token: _Token | None = None if config.username else _Token()
        self._authenticating = asyncio.Lock()
        self.closed = False

    @property
    def user(self) -> str:
        """Whom we say that we are. Empty: nobody, or whom a certificate names."""
        return self._config.username or ""

    @property
    def address(self) -> str:
        return ",".join(str(endpoint) for endpoint in self._endpoints)

    async def call(self, method: Method, request: Message, *, repeatable: bool = True) -> Message:
        """Make a call, trying each endpoint once.

        A call that is not `repeatable` is not made again where it may have been carried out
        already: then `Unreachable` (timeout or lost) leaves open whether it was.
        """
        failures: list[Unreachable] = []
        for number, _ in enumerate(self._endpoints, 1):
            connection = await self._connection(is_last=number == len(self._endpoints))
            try:
                return await self.call_on(connection, method, request)
            except Unreachable as failure:
                failures.append(failure)
                await self.leave(connection, failure)
                if not repeatable and failure.cause in (Cause.TIMEOUT, Cause.LOST):
                    break
        raise self._most_telling(failures)

    async def call_on(self, connection: Connection, method: Method, request: Message) -> Message:
        """Make a call at one endpoint only; renews the token if the server refuses it."""
        timeout = self._config.request_timeout
        token = await self._current_token(connection)
        try:
            return await connection.call(
                method, request, timeout=timeout, metadata=_metadata(token)
            )
        except TokenRejected:
            if not self._config.username:
                raise
            # Unless somebody else has done so meanwhile.
            if self._token is token:
                self._token = None
            token = await self._current_token(connection)
            return await connection.call(
                method, request, timeout=timeout, metadata=_metadata(token)
            )

    async def stream(self, method: Method) -> tuple[Connection, Stream]:
        """Open a stream at the endpoint in use, and say which connection that is.

        That it cannot be reached, or that the token ran out, shows only when the stream is used:
        make a call first.
        """
        connection = await self._connection(is_last=True)
        token = await self._current_token(connection)
        return connection, await connection.stream(method, _metadata(token))

    async def leave(self, connection: Connection, failure: Unreachable) -> None:
        """Make the next call at another endpoint. Calls do so; who has a stream must say it."""
        endpoint = connection.endpoint
        if self._endpoints[self._in_use] == endpoint:
            self._in_use = (self._in_use + 1) % len(self._endpoints)
        # A member that is slow or has no leader keeps its connection: others' calls are under way.
        if failure.cause in (Cause.TIMEOUT, Cause.NO_LEADER) and connection.has_answered:
            return
        if self._connections.get(endpoint) is connection:
            del self._connections[endpoint]
            await connection.aclose()

    async def aclose(self) -> None:
        """End all calls and connections; can be called twice."""
        self.closed = True
        connections = list(self._connections.values())
        self._connections.clear()
        for connection in connections:
            await connection.aclose()

    async def _connection(self, *, is_last: bool) -> Connection:
        """To the endpoint in use. `is_last`: if it fails, no other is tried."""
        async with self._connecting:
            endpoint = self._endpoints[self._in_use]
            if endpoint in self._connections:
                return self._connections[endpoint]
            # Read anew each time, so that certificates can be replaced while we run.
            tls = await asyncio.to_thread(read_tls, self._config) if endpoint.tls else None
            if self.closed:
                raise Unreachable(self.address, Cause.LOST, "this store was closed")
            config = self._config
            limit = config.last_dial_timeout if is_last else config.dial_timeout
            connection = Connection(endpoint, tls, limit, (config.password,))
            self._connections[endpoint] = connection
            return connection

    async def _current_token(self, connection: Connection) -> _Token:
        async with self._authenticating:
            if self._token is None:
                self._token = await self._authenticate(connection)
            return self._token

    async def _authenticate(self, connection: Connection) -> _Token:
        request = rpc.AuthenticateRequest(
            name=self._config.username, password=self._config.password
        )
        timeout = self._config.request_timeout
        try:
            answer = await connection.call(
                rpc.AUTHENTICATE, request, timeout=timeout, metadata=(HAS_LEADER,)
            )
        except Refused as error:
            # A user is named but the server asks for none: as Dynamo's own client, go on.
            if AUTH_IS_OFF in error.detail:
                return _Token()
            raise
        return _Token(answer.token)

    def _most_telling(self, failures: list[Unreachable]) -> Unreachable:
        failures.sort(key=lambda failure: TELLING.index(failure.cause))
        worst = failures[0]
        if len(failures) == 1:
            return worst
        detail = "; ".join(str(failure) for failure in failures)
        error = Unreachable(self.address, worst.cause, detail)
        error.__cause__ = worst
        return error


def _metadata(token: _Token) -> Metadata:
    return (HAS_LEADER, ("token", token.text)) if token.text else (HAS_LEADER,)
