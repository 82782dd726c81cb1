"""Requests to one API server: JSON in and out, streams of lines, and errors of stores."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

from backends.kubernetes import errors
from backends.kubernetes.access import Access, load
from backends.kubernetes.config import KubernetesConfig
from backends.kubernetes.decode import parsed
from backends.store import Cause, Refused, StoreError, Unreachable

_log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds without a byte after which a request is given up."""
LONGEST_REQUEST = 60.0
"""Seconds for a whole answer. A page of a list has megabytes, and a line may be slow."""
CONNECT_TIMEOUT = 5.0
LONGEST_LINE = 16 << 20
"""Bytes of one event of a watch. An object has at most 1.5 MB (etcd's limit of a request)."""
BUFFER = 1 << 20
"""Bytes that are read ahead of a slow reader."""
BUSY_TRIES = 3
"""How often a request is repeated that the server asks to send later."""
LONGEST_WAIT = 30.0
"""Seconds that are waited at most when the server asks to come back later."""
KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
"""A watch whose connection is gone without a word is noticed after 30 seconds: `kubectl` pings
within HTTP/2 as often."""
USER_AGENT = "dyntop"
JSON_PATCH = "application/json-patch+json"
"""The content type of a JSON patch (RFC 6902)."""

Params = Sequence[tuple[str, str]]


class HttpAnswer(msgspec.Struct, frozen=True):
    """An HTTP status and the JSON that came with it."""

    status: int
    body: Any
    """None: the answer is not JSON."""
    date: str = ""
    """The header `Date`, by the server's clock. Empty: there is none."""

    @property
    def ok(self) -> bool:
        return self.status < 400


class LoadAccess(Protocol):
    """As `access.load`."""

    def __call__(self, config: KubernetesConfig, refused: bool) -> Awaitable[Access]: ...


class _Connection(msgspec.Struct):
    access: Access
    http: aiohttp.ClientSession


class KubeClient:
    """Sends requests to the API server that a configuration names. Connects with the first one.

    Every method raises `StoreError`.
    """

    def __init__(
        self,
        config: KubernetesConfig,
        *,
        timeout: float = TIMEOUT,
        load: LoadAccess = load,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`timeout`: seconds without a byte; a stream has its own. `clock`: seconds."""
        self._config = config
        self._timeout = timeout
        self._load = load
        self._clock = clock
        self._sleep = sleep
        self._connection: _Connection | None = None
        self._retired: aiohttp.ClientSession | None = None
        """The connections of credentials before these: streams on them go on."""
        self._loading = asyncio.Lock()
        self._busy_until = 0.0
        self._closed = False

    @property
    def address(self) -> str:
        """Return the server's URL, or before the first request what is known of it."""
        if self._connection is None:
            return self._config.context or "the current context"
        return self._connection.access.host

    @property
    def place(self) -> str:
        """Return context and namespace, for people: `context prod, namespace dynamo`."""
        if self._connection is None:
            return f"context {self._config.context}" if self._config.context else "current context"
        access = self._connection.access
        where = f"namespace {access.namespace}" if access.namespace else "all namespaces"
        return f"context {access.context}, {where}"

    async def access(self) -> Access:
        """Return the access in use. The first call reads the configuration."""
        return (await self._connected()).access

    async def get(
        self, path: str, params: Params = (), decode: Callable[[bytes], Any] = parsed
    ) -> Any:
        """Return the JSON at a path. Raises `StoreError` for each status of 400 and more."""
        answer = await self.request("GET", path, params, decode=decode)
        if not answer.ok:
            raise self.error_of(answer)
        return answer.body

    def error_of(self, answer: HttpAnswer) -> StoreError:
        """Return the error that an answer with a status of 400 and more stands for."""
        return errors.of_status(self.address, answer.status, answer.body)

    async def request(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: object = None,
        content_type: str = "application/json",
        *,
        decode: Callable[[bytes], Any] = parsed,
    ) -> HttpAnswer:
        """Send a request, and return whatever the server answers. `decode` makes the value of what
        is no error.

        Raises `StoreError` if it does not answer, fails (500 and more), asks several times to come
        back later (`Busy`), or refuses the credentials twice: they are read again after the first
        time.
        """
        timeout = aiohttp.ClientTimeout(
            total=LONGEST_REQUEST, sock_connect=CONNECT_TIMEOUT, sock_read=self._timeout
        )
        async with self._sent(method, path, params, body, content_type, timeout) as response:
            raw = await self._read(response)
            decode = decode if response.status < 400 else parsed
            date = response.headers.get("Date", "")
            answer = HttpAnswer(response.status, decode(raw), date)
            if response.status == 401 or response.status >= 500:
                raise self._error(response, answer.body)
        return answer

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, longest_silence: float
    ) -> AsyncGenerator[AsyncGenerator[bytes, None], None]:
        """Open a stream, and give its lines, which end when the server ends it.

        Raises `StoreError` for a status of 400 and more. The lines raise `Unreachable`: cut, or
        (timeout) after that many seconds without a byte.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=longest_silence
        )
        async with self._sent("GET", path, params, None, "application/json", timeout) as response:
            if response.status >= 400:
                raise self._error(response, parsed(await self._read(response)))
            lines = self._lines(response)
            try:
                yield lines
            finally:
                await lines.aclose()

    async def aclose(self) -> None:
        """Close the connections. Requests in flight raise `Unreachable`."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.http.close()
        if self._retired is not None:
            await self._retired.close()

    async def _connected(self) -> _Connection:
        async with self._loading:
            self._check_open()
            if self._connection is None:
                access = await self._load(self._config, False)
                self._check_open()
                self._connection = _Connection(access, _session(access))
            return self._connection

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable(self.address, Cause.LOST, "closed")

    @asynccontextmanager
    async def _sent(
        self,
        method: str,
        path: str,
        params: Params,
        body: object,
        content_type: str,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request: once more with new credentials if the server refuses the first ones, and
        some times more if it asks to come back later."""
        refused, busy = False, 0
        while True:
            await self._wait_while_busy()
            connection = await self._connected()
            response = await self._send(
                connection, method, path, params, body, content_type, timeout
            )
            try:
                if response.status == 401 and not refused:
                    refused = True
                    await self._renew(connection)
                    continue
                if (waits := self._asked_to_wait(response)) is not None:
                    self._busy_until = self._clock() + waits
                    busy += 1
                    if busy < BUSY_TRIES:
                        continue
                    raise self._error(response, parsed(await self._read(response)))
                if 300 <= response.status < 400:
                    detail = f"it redirects to {_without_query(response)}"
                    raise Unreachable(self.address, Cause.NOT_THIS_STORE, detail)
                yield response
                return
            finally:
                # Its connection is kept if all of it was read.
                response.close()

    async def _wait_while_busy(self) -> None:
        while (seconds := self._busy_until - self._clock()) > 0:
            await self._sleep(seconds)

    def _asked_to_wait(self, response: aiohttp.ClientResponse) -> float | None:
        """Return the seconds for which the server asks to be left alone. None: it does not."""
        after = response.headers.get("Retry-After")
        if response.status == 429 or (response.status == 503 and after):
            return min(errors.retry_seconds(after), LONGEST_WAIT)
        return None

    async def _send(
        self,
        connection: _Connection,
        method: str,
        path: str,
        params: Params,
        body: object,
        content_type: str,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        access = connection.access
        headers = CIMultiDict(access.headers)
        headers["Accept"] = "application/json"
        headers["User-Agent"] = USER_AGENT
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body).encode()
        try:
            # The first bytes of an answer have to come soon, also of a stream.
            async with asyncio.timeout(self._timeout + CONNECT_TIMEOUT):
                return await connection.http.request(
                    method,
                    URL(access.host + path, encoded=True).with_query(list(params)),
                    headers=headers,
                    data=data,
                    timeout=timeout,
                    allow_redirects=False,
                    proxy=access.proxy or None,
                    server_hostname=access.server_name or None,
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise errors.of_connection(self.address, error) from error
        except RuntimeError as error:
            # The session was closed meanwhile.
            raise Unreachable(self.address, Cause.LOST, str(error)) from error

    async def _renew(self, refused: _Connection) -> None:
        """Read the credentials again, unless another request did so meanwhile."""
        async with self._loading:
            if self._connection is not refused:
                return
            self._check_open()
            _log.info("%s refused the credentials: reading them again", self.address)
            fresh = await self._load(self._config, True)
            self._check_open()
            if fresh.has_connections_of(refused.access):
                self._connection = _Connection(fresh, refused.http)
                return
            before, self._retired = self._retired, refused.http
            self._connection = _Connection(fresh, _session(fresh))
        if before is not None:
            await before.close()

    def _error(self, response: aiohttp.ClientResponse, body: object) -> StoreError:
        after = response.headers.get("Retry-After")
        return errors.of_status(self.address, response.status, body, after)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise errors.of_connection(self.address, error) from error

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        rest = bytearray()
        while chunk := await self._chunk(response):
            rest += chunk
            if b"\n" in chunk:
                *lines, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in lines:
                    if line:
                        yield line
            elif len(rest) > LONGEST_LINE:
                raise Refused(self.address, f"an event of more than {LONGEST_LINE} bytes")
        # A line without its end is half of an event.

    async def _chunk(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise errors.of_connection(self.address, error) from error


def _session(access: Access) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        ssl=True if access.tls is None else access.tls, limit=0, socket_factory=_socket
    )
    return aiohttp.ClientSession(connector=connector, read_bufsize=BUFFER)


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        # Not every system has them.
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def _without_query(response: aiohttp.ClientResponse) -> str:
    try:
        return str(URL(response.headers.get("Location", "")).with_query(None).with_user(None))
    except ValueError:
        return "elsewhere"
