"""Identify the protocol of a port that gRPC could not use: a short raw exchange, after failures
only.

gRPC reports `Socket closed` for a TLS server used without TLS, for a server that just died, and for
others. The user needs to know which it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from enum import Enum, auto

from backends.aio.dropped import drop

HANDSHAKE_TIMEOUT = 0.8
"""Seconds for the handshake, within a step."""
STEP_TIMEOUT = 1.0
"""Seconds for each of the two attempts: an error message waits for them."""

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""With an empty SETTINGS frame; RFC 9113, 3.4. An HTTP/2 server answers with its own SETTINGS."""

SETTINGS_FRAME = 4
TLS_ALERT = 0x15


class PortAnswer(Enum):
    """The protocol that a port answers in."""

    HTTP2 = auto()
    HTTP1 = auto()
    NATS = auto()
    TLS = auto()
    OTHER = auto()
    """It answered with something else."""
    NOTHING = auto()
    """It accepts connections and sends nothing recognisable."""
    REFUSED = auto()
    """It does not accept connections."""


async def check_port(host: str, port: int) -> PortAnswer:
    """Connect once or twice and recognise the answer. Raises nothing."""
    try:
        answer = await _answer_to_http2(host, port)
    except ConnectionRefusedError:
        return PortAnswer.REFUSED
    except (OSError, TimeoutError):
        answer = b""
    if answer:
        return _recognise(answer)
    return PortAnswer.TLS if await _speaks_tls(host, port) else PortAnswer.NOTHING


def _recognise(answer: bytes) -> PortAnswer:
    if answer.startswith(b"INFO {"):
        return PortAnswer.NATS
    # Go's and nginx's TLS servers answer a plain request with an explanation in HTTP/1.
    if answer[0] == TLS_ALERT or (answer.startswith(b"HTTP/1") and b"HTTPS" in answer):
        return PortAnswer.TLS
    if answer.startswith((b"HTTP/1", b"<")):
        return PortAnswer.HTTP1
    if len(answer) > 3 and answer[3] == SETTINGS_FRAME:
        return PortAnswer.HTTP2
    return PortAnswer.OTHER


async def _answer_to_http2(host: str, port: int) -> bytes:
    async with asyncio.timeout(STEP_TIMEOUT), _connected(host, port) as (reader, writer):
        writer.write(HTTP2_PREFACE)
        with contextlib.suppress(ConnectionResetError):
            return await reader.read(1024)
        return b""


async def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is sent over it: the only question is whether it speaks TLS.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(STEP_TIMEOUT), _connected(host, port, context):
            return True
    except ssl.SSLError as error:
        # An alert is TLS too: the server wants a client certificate, or another version.
        return "ALERT" in (error.reason or "")
    except (OSError, TimeoutError):
        return False


@contextlib.asynccontextmanager
async def _connected(
    host: str, port: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    # `wait_for` is not used: Python 3.11 would leave the connection to the garbage collector.
    limit = None if context is None else HANDSHAKE_TIMEOUT
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context, ssl_handshake_timeout=limit
    )
    try:
        yield reader, writer
    finally:
        await drop(writer)
