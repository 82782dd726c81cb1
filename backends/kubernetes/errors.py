"""From what the API server or its library answers to the errors of stores."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from backends.store import (
    Cause,
    Forbidden,
    NotAuthorised,
    Refused,
    StoreError,
    Unreachable,
)
from backends.store.resync_loop import PositionLost


class Busy(Unreachable):
    """The API server asks to come back later (429, or 503 with Retry-After)."""


class PathNotFound(Refused):
    """There is no such path, or no such object (404)."""


def of_connection(address: str, error: Exception) -> StoreError:
    """Return the store error for a request that got no answer, or half of one."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return Unreachable(address, _tls_cause(error), _text(error))
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(address, Cause.NAME, _text(error))
        case aiohttp.ClientConnectorError():
            refused = isinstance(error.os_error, ConnectionRefusedError)
            return Unreachable(address, Cause.REFUSED if refused else Cause.LOST, _text(error))
        case asyncio.TimeoutError():
            return Unreachable(address, Cause.TIMEOUT)
        case aiohttp.ClientHttpProxyError():
            return Unreachable(address, Cause.LOST, f"the proxy answers {error.status}")
        case aiohttp.ClientResponseError():
            # What answers does not speak HTTP. Not its own text, which has the whole URL.
            return Unreachable(address, Cause.NOT_THIS_STORE, error.message)
        case ssl.SSLError():
            return Unreachable(address, Cause.CERTIFICATE, _text(error))
        case _:
            return Unreachable(address, Cause.LOST, _text(error))


def of_status(
    address: str, status: int, body: object, retry_after: str | None = None
) -> StoreError:
    """Return the store error for an HTTP status of 400 and more, with the server's own words."""
    said = reason(body) or f"HTTP status {status}"
    if status == 401:
        return NotAuthorised(address, said)
    if status == 403:
        return Forbidden(address, said)
    if status == 410:
        return PositionLost(said)
    if status == 429 or (status == 503 and retry_after):
        return Busy(address, Cause.NO_LEADER, said)
    if status == 404:
        return PathNotFound(address, said)
    if status >= 500:
        return Unreachable(address, Cause.NO_LEADER, said)
    return Refused(address, said)


def reason(body: object) -> str:
    """Return the message of a `Status` object. Empty: it has none."""
    message = body.get("message") if isinstance(body, Mapping) else None
    return message if isinstance(message, str) else ""


def event_status(event: Mapping[str, Any]) -> int:
    """Return the HTTP status that an `ERROR` event of a watch carries. 500: it carries none."""
    status = event.get("object")
    code = status.get("code") if isinstance(status, Mapping) else None
    return code if isinstance(code, int) else 500


def retry_seconds(retry_after: str | None) -> float:
    """Return the seconds of a `Retry-After` header. 1: there is none."""
    # The other form of the header is a date, which no API server sends.
    return float(retry_after) if retry_after and retry_after.isdecimal() else 1.0


def _tls_cause(error: Exception) -> Cause:
    plain = "WRONG_VERSION_NUMBER" in str(error) or "record layer" in str(error).lower()
    return Cause.PLAIN_EXPECTED if plain else Cause.CERTIFICATE


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
