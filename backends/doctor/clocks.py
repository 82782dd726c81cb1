"""Measure how far a server's clock is ahead, by the date that it puts into an answer."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from backends.aio.dropped import drop
from backends.doctor.steps import ClockDifference

MOST_READ = 1 << 14
"""Bytes of an answer that are looked at."""
RESOLUTION = 1.0
"""Seconds: HTTP's dates are whole seconds, rounded down."""


def difference(date: str, asked: float, answered: float, whose: str) -> ClockDifference | None:
    """Return how far the clock is ahead by which an answer has its date. None: it has none.

    `asked`, `answered`: POSIX seconds of this host around the request. The server wrote the date
    at some moment between.
    """
    try:
        at = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return ClockDifference(at - answered, at + RESOLUTION - asked, whose)


async def date_of(
    host: str,
    port: int,
    path: str,
    tls: ssl.SSLContext | None,
    clock: Callable[[], float] = time.time,
) -> tuple[str, float, float]:
    """Return the `Date` of the answer to one GET, and this host's time before and after it. An
    empty text: it has none, or it is not HTTP. Sets no deadline. Raises `OSError`."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    try:
        name = f"[{host}]" if ":" in host else host
        asked = clock()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = b""
        answered = clock()
    finally:
        await drop(writer)
    for line in head[:MOST_READ].decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "date":
            return value.strip(), asked, answered
    return "", asked, answered
