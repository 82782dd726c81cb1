"""Requests to one API server: JSON in and out, streams of lines, and errors of stores."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pydantic_core

from backends.kubernetes import errors
from backends.kubernetes.access import Access, load
from backends.kubernetes.config import KubernetesConfig
from backends.store import Cause, Refused, Unreachable

_log = logging.getLogger(__name__)

TIMEOUT = 10.0
"""Seconds within which the server has to answer a request."""
CONNECT_TIMEOUT = 5.0
LONGEST_LINE = 16 << 20
"""Bytes of one event of a watch. An object has at most 1.5 MB (etcd's limit of a request)."""
CHUNK = 1 << 18

Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP status and the JSON that came with it."""

    status: int
    body: Any
    """None: the answer is not JSON."""

    @property
    def ok(self) -> bool:
        return self.status < 400


class KubeClient:
    """Sends requests to the API server that a configuration names. Connects with the first one.

    Every method raises `StoreError`.
    """

    def __init__(
        self,
        config: KubernetesConfig,
        *,
        timeout: float = TIMEOUT,
        load: Callable[[KubernetesConfig], Awaitable[Access]] = load,
    ) -> None:
        """`timeout`: seconds for each request; a stream has its own."""
        self._config = config
        self._timeout = timeout
        self._load = load
        self._access: Access | None = None
        self._loading = asyncio.Lock()
        self._closed = False

    @property
    def address(self) -> str:
        """Return the server's URL, or before the first request what is known of it."""
        if self._access is None:
            return self._config.context or "the current context"
        return self._access.host

    @property
    def place(self) -> str:
        """Return context and namespace, for people: `context prod, namespace dynamo`."""
        if self._access is None:
            return f"context {self._config.context}" if self._config.context else "current context"
        namespace = self._access.namespace
        where = f"namespace {namespace}" if namespace else "all namespaces"
        return f"{self._access.context}, {where}"

    async def access(self) -> Access:
        """Return the access in use. The first call reads the configuration."""
        async with self._loading:
            if self._closed:
                raise Unreachable(self.address, Cause.LOST, "closed")
            if self._access is None:
                self._access = await self._load(self._config)
            return self._access

    async def get(self, path: str, params: Params = ()) -> Any:
        """Return the JSON at a path. Raises `StoreError` for each status of 400 and more."""
        answer = await self.request("GET", path, params)
        if not answer.ok:
            raise errors.of_status(self.address, answer.status, answer.body)
        return answer.body

    async def request(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: object = None,
        content_type: str = "application/json",
    ) -> HttpAnswer:
        """Send a request, and return whatever the server answers.

        Raises `StoreError` if it does not answer, asks to come back later (`Busy`), or refuses the
        credentials twice: they are read again after the first time.
        """
        async with self._sent(method, path, params, body, content_type, self._timeout) as response:
            raw = await self._read(response)
        answer = HttpAnswer(response.status, _json(raw))
        if response.status in (401, 429) or response.status >= 500:
            retry_after = response.headers.get("Retry-After")
            raise errors.of_status(self.address, answer.status, answer.body, retry_after)
        return answer

    async def lines(
        self, path: str, params: Params, longest_silence: float
    ) -> AsyncGenerator[bytes, None]:
        """Yield the lines of a stream, until the server ends it.

        Raises `StoreError` for a status of 400 and more, and `Unreachable` (timeout) after that
        many seconds without a byte.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=longest_silence
        )
        async with self._sent("GET", path, params, None, "application/json", timeout) as response:
            if response.status >= 400:
                body = _json(await self._read(response))
                retry_after = response.headers.get("Retry-After")
                raise errors.of_status(self.address, response.status, body, retry_after)
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

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        access, self._access = self._access, None
        if access is not None:
            await access.api.close()

    @asynccontextmanager
    async def _sent(
        self,
        method: str,
        path: str,
        params: Params,
        body: object,
        content_type: str,
        timeout: float | aiohttp.ClientTimeout,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request, once more with new credentials if the server refuses the first ones."""
        for attempt in (1, 2):
            access = await self.access()
            response = await self._send(access, method, path, params, body, content_type, timeout)
            try:
                if response.status == 401 and attempt == 1:
                    await self._renew(access)
                    continue
                yield response
                return
            finally:
                # Closed, not released: half of a stream may be left.
                response.close()

    async def _send(
        self,
        access: Access,
        method: str,
        path: str,
        params: Params,
        body: object,
        content_type: str,
        timeout: float | aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        if not isinstance(timeout, aiohttp.ClientTimeout):
            timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        try:
            response: aiohttp.ClientResponse = await access.api.call_api(
                path,
                method,
                query_params=list(params),
                header_params={"Accept": "application/json", "Content-Type": content_type},
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=timeout,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise errors.of_connection(self.address, error) from error
        return response

    async def _renew(self, refused: Access) -> None:
        """Read the credentials again, unless another request did so meanwhile."""
        async with self._loading:
            if self._access is not refused or self._closed:
                return
            _log.info("%s refused the credentials: reading them again", refused.host)
            fresh = await self._load(self._config)
            token = fresh.api.configuration.api_key
            if token:
                # The connections stay, and with them the streams.
                refused.api.configuration.api_key = token
                await fresh.api.close()
                return
            self._access = fresh
        await refused.api.close()

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise errors.of_connection(self.address, error) from error

    async def _chunk(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise errors.of_connection(self.address, error) from error


def _json(raw: bytes) -> Any:
    try:
        return pydantic_core.from_json(raw, cache_strings="keys")
    except ValueError:
        return None
