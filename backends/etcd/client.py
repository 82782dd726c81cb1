"""Make calls to an etcd cluster: at one endpoint after another, with the user's token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import msgspec

from backends.etcd import rpc
from backends.etcd.config import Endpoint, EtcdConfig, read_tls
from backends.etcd.connection import Connection, Stream
from backends.etcd.errors import TokenRejected
from backends.etcd.raft_terms import Terms
from backends.etcd.rpc import AnswerT, Metadata, RequestT, RpcMethod
from backends.store import Cause, Refused, StoreError, Unreachable
from backends.store.limited_gather import limited_gather

HAS_LEADER = ("hasleader", "true")
"""Makes a member without a leader report that, and end its streams, instead of waiting."""

AUTH_IS_OFF = "authentication is not enabled"

LASTING_FIRST = (
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
"""Causes in the order in which one stands for all when endpoints fail differently: those that will
not pass by themselves come first.
"""


class _Token(msgspec.Struct):
    text: str = ""
    """Empty: no token is needed, because there is no user or authentication is off."""


class Client:
    """Makes each call at the current endpoint, and moves to the next one if that is unreachable.

    Every method raises only `StoreError`s. The constructor does no I/O.
    """

    def __init__(self, config: EtcdConfig) -> None:
        self._config = config
        self._endpoints = config.parsed_endpoints()
        self._in_use = 0
        self._connections: dict[Endpoint, Connection] = {}
        self._connecting = asyncio.Lock()
        self._token: _Token | None = None if config.username else _Token()
        self._authenticating = asyncio.Lock()
        self.terms = Terms()
        self.closed = False

    @property
    def user(self) -> str:
        """The configured user name. Empty: none, or the certificate names the user."""
        return self._config.username or ""

    async def login(self) -> bool:
        """Log in unless that was done. Return whether etcd asks this client for a user: false if
        none is set, or its authentication is off. Raises `StoreError`."""
        connection = await self._connection(is_last=True)
        return bool((await self._current_token(connection)).text)

    @property
    def address(self) -> str:
        return ",".join(str(endpoint) for endpoint in self._endpoints)

    async def call(
        self, method: RpcMethod[RequestT, AnswerT], request: RequestT, *, repeatable: bool = True
    ) -> AnswerT:
        """Make a call, trying each endpoint once.

        A call that is not `repeatable` is not repeated after it may have been carried out: then
        `Unreachable` (timeout or lost) leaves open whether it was.
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
        raise self._combined(failures)

    async def call_all(
        self, method: RpcMethod[RequestT, AnswerT], requests: Sequence[RequestT]
    ) -> AsyncGenerator[AnswerT, None]:
        """Make many small calls at once, and yield their answers in order, up to an error."""
        connection = await self._connection(is_last=len(self._endpoints) == 1)
        token = await self._current_token(connection)
        done = 0
        try:
            answers = connection.call_all(
                method, requests, timeout=self._config.request_timeout, metadata=_metadata(token)
            )
            async with aclosing(answers):
                async for answer in answers:
                    self.terms.observe(answer.header.raft_term, asyncio.get_running_loop().time())
                    done += 1
                    yield answer
            return
        except Unreachable as failure:
            await self.leave(connection, failure)
            if len(self._endpoints) == 1:
                raise
        except TokenRejected:
            pass
        # At another endpoint, or with another token.
        for outcome in await limited_gather(requests[done:], partial(self.call, method)):
            if isinstance(outcome, StoreError):
                raise outcome
            yield outcome

    async def call_on(
        self, connection: Connection, method: RpcMethod[RequestT, AnswerT], request: RequestT
    ) -> AnswerT:
        """Make a call at one endpoint only. Renews the token if the server rejects it."""
        answer = await self._call_on(connection, method, request)
        self.terms.observe(answer.header.raft_term, asyncio.get_running_loop().time())
        return answer

    async def _call_on(
        self, connection: Connection, method: RpcMethod[RequestT, AnswerT], request: RequestT
    ) -> AnswerT:
        timeout = self._config.request_timeout
        token = await self._current_token(connection)
        try:
            return await connection.call(
                method, request, timeout=timeout, metadata=_metadata(token)
            )
        except TokenRejected:
            if not self._config.username:
                raise
            # Another call may have renewed it meanwhile.
            if self._token is token:
                self._token = None
            token = await self._current_token(connection)
            return await connection.call(
                method, request, timeout=timeout, metadata=_metadata(token)
            )

    async def stream(
        self, method: RpcMethod[RequestT, AnswerT]
    ) -> tuple[Connection, Stream[RequestT, AnswerT]]:
        """Open a stream at the current endpoint. Return it with its connection.

        An unreachable endpoint or an expired token shows only when the stream is used, so make a
        call first.
        """
        connection = await self._connection(is_last=True)
        token = await self._current_token(connection)
        return connection, await connection.stream(method, _metadata(token))

    async def leave(self, connection: Connection, failure: Unreachable) -> None:
        """Make the next call at another endpoint. `call` does this itself; the owner of a stream
        must do it after a failure.
        """
        endpoint = connection.endpoint
        if self._endpoints[self._in_use] == endpoint:
            self._in_use = (self._in_use + 1) % len(self._endpoints)
        # A member that is slow or has no leader keeps its connection: other calls are in flight.
        if failure.cause in (Cause.TIMEOUT, Cause.NO_LEADER) and connection.has_answered:
            return
        if self._connections.get(endpoint) is connection:
            del self._connections[endpoint]
            await connection.aclose()

    async def aclose(self) -> None:
        """End all calls and connections. Can be called twice."""
        self.closed = True
        connections = list(self._connections.values())
        self._connections.clear()
        for connection in connections:
            await connection.aclose()

    async def _connection(self, *, is_last: bool) -> Connection:
        """Return the connection to the current endpoint. `is_last`: no other is tried if it
        fails.
        """
        async with self._connecting:
            endpoint = self._endpoints[self._in_use]
            if endpoint in self._connections:
                return self._connections[endpoint]
            # Read for each connection, so that certificates can be replaced while dyntop runs.
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
            # A user is set but authentication is off: continue, as Dynamo's own client does.
            if AUTH_IS_OFF in error.detail:
                return _Token()
            raise
        return _Token(answer.token)

    def _combined(self, failures: list[Unreachable]) -> Unreachable:
        failures.sort(key=lambda failure: LASTING_FIRST.index(failure.cause))
        worst = failures[0]
        if len(failures) == 1:
            return worst
        detail = "; ".join(str(failure) for failure in failures)
        error = Unreachable(self.address, worst.cause, detail)
        error.__cause__ = worst
        return error


def _metadata(token: _Token) -> Metadata:
    return (HAS_LEADER, ("token", token.text)) if token.text else (HAS_LEADER,)
