"""One endpoint's gRPC channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic

from backends.etcd.config import Endpoint, TlsMaterial
from backends.etcd.errors import explain, translate
from backends.etcd.rpc import AnswerT, Metadata, RequestT, RpcMethod, grpc
from backends.store import Cause, StoreError, Unreachable

CHANNEL_OPTIONS = (
    # gRPC would use the proxy of `http_proxy` even for 127.0.0.1.
    ("grpc.enable_http_proxy", 0),
    # gRPC shares connections between channels of one process. After a failure a new one is needed.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # By default a name is resolved again only after 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # etcd ends connections that ping more often than every 5 s, or without a call.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    # In grpcio 1.85 `grpc.keepalive_timeout_ms` has no effect; this option has.
    ("grpc.http2.ping_timeout_ms", 5_000),
)


class Connection:
    """A channel to one endpoint, made without I/O. The first call connects.

    Every method raises only `StoreError`s. After a failure to connect make a new connection: this
    one would keep gRPC's own pauses between attempts.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        tls: TlsMaterial | None,
        dial_timeout: float,
        secrets: Sequence[str | None] = (),
    ) -> None:
        """`secrets` are removed from every error, also where the server repeats them."""
        self.endpoint = endpoint
        self.has_answered = False
        """Whether the server ever answered on this connection."""
        self._dial_timeout = dial_timeout
        self._secrets = secrets
        self._calls: dict[str, Any] = {}
        # Despite its name this option limits the time of one attempt to connect.
        connect_timeout = ("grpc.min_reconnect_backoff_ms", int(dial_timeout * 1000))
        options = (*CHANNEL_OPTIONS, connect_timeout)
        # gRPC's resolver speaks DNS. It takes addresses and /etc/hosts as well.
        target = f"dns:///{endpoint.target}"
        self._channel: grpc.aio.Channel | None
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target, options=options)
        else:
            credentials = grpc.ssl_channel_credentials(tls.ca, tls.key, tls.cert)
            self._channel = grpc.aio.secure_channel(target, credentials, options=options)

    async def call(
        self,
        method: RpcMethod[RequestT, AnswerT],
        request: RequestT,
        *,
        timeout: float,
        metadata: Metadata,
    ) -> AnswerT:
        """Make one request and return its answer; for a streaming method, the first answer.

        `timeout` is in seconds from when the connection is accepted.
        """
        if not self.has_answered:
            timeout += self._dial_timeout
        answer = await self._call(method, request, timeout, metadata)
        self.has_answered = True
        return answer

    async def _call(
        self,
        method: RpcMethod[RequestT, AnswerT],
        request: RequestT,
        timeout: float,
        metadata: Metadata,
    ) -> AnswerT:
        if method.stream:
            stream = await self.stream(method, metadata, timeout)
            try:
                await stream.write(request)
                return await stream.read()
            finally:
                stream.close()
        async with self.translated():
            answer: AnswerT = await self._bound(method)(request, timeout=timeout, metadata=metadata)
            return answer

    async def call_all(
        self,
        method: RpcMethod[RequestT, AnswerT],
        requests: Iterable[RequestT],
        *,
        timeout: float,
        metadata: Metadata,
    ) -> AsyncGenerator[AnswerT, None]:
        """Make all these requests at once, and yield their answers in order, up to an error.

        gRPC makes a task of each request. A task of ours for each would take a third more.
        """
        if not self.has_answered:
            timeout += self._dial_timeout
        calls: list[Any] = []
        try:
            async with self.translated():
                make = self._bound(method)
                calls += (make(one, timeout=timeout, metadata=metadata) for one in requests)
                for call in calls:
                    answer: AnswerT = await call
                    self.has_answered = True
                    yield answer
        finally:
            for call in calls:
                call.cancel()

    async def stream(
        self,
        method: RpcMethod[RequestT, AnswerT],
        metadata: Metadata,
        timeout: float | None = None,
    ) -> Stream[RequestT, AnswerT]:
        """Open a stream. It has no end unless there is a `timeout` (seconds)."""
        async with self.translated():
            return Stream(self, self._bound(method)(timeout=timeout, metadata=metadata))

    async def aclose(self) -> None:
        """End all calls on this connection. Their callers get `Unreachable`."""
        if self._channel is not None:
            # gRPC closes the socket only when the last reference to the channel is gone.
            channel, self._channel = self._channel, None
            self._calls.clear()
            await channel.close(None)

    def _bound(self, method: RpcMethod[RequestT, AnswerT]) -> Any:
        if self._channel is None:
            raise self.closed()
        if method.path not in self._calls:
            self._calls[method.path] = method.on(self._channel)
        return self._calls[method.path]

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Translate whatever gRPC raises inside into a `StoreError`."""
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise await explain(self.endpoint, error, self._secrets) from error
        except (grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            # Raised by a closed channel, and by a stream that has ended.
            raise self.closed() from error
        except asyncio.CancelledError as error:
            # gRPC cancels the calls of a closed channel. That is no cancellation of this task.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self.closed() from error

    def error_for(self, reason: str) -> StoreError:
        """Return the error for the reason with which the server ended a watch."""
        return translate(str(self.endpoint), None, reason, self._secrets)

    def closed(self) -> Unreachable:
        return Unreachable(str(self.endpoint), Cause.LOST, "the connection was closed")


class Stream(Generic[RequestT, AnswerT]):
    """A stream in both directions on a connection. Raises only `StoreError`s."""

    def __init__(self, connection: Connection, call: Any) -> None:
        self._connection = connection
        self._call = call

    async def write(self, request: RequestT) -> None:
        async with self._connection.translated():
            await self._call.write(request)

    async def read(self) -> AnswerT:
        """Read the next answer. Cancelling this ends the whole stream, as in gRPC."""
        async with self._connection.translated():
            return await self._next()

    async def answers(self) -> AsyncGenerator[AnswerT, None]:
        """Yield all answers from now on, cheaper than `read`. Ends only by an error."""
        async with self._connection.translated():
            while True:
                yield await self._next()

    async def _next(self) -> AnswerT:
        read: Any = await self._call.read()
        if read is grpc.aio.EOF:
            raise self._connection.closed()
        answer: AnswerT = read
        return answer

    def close(self) -> None:
        self._call.cancel()
