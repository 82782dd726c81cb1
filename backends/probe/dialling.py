"""Connections to peers that may be dead, stopped, or not who they should be."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from backends.probe.addresses import Address
from backends.probe.names import resolve
from backends.probe.types import Answer, Finding

T = TypeVar("T")

MOST_READ = 1 << 16
"""Bytes of an answer that are read at most, and about as many are buffered."""

MOST_HOSTS = 4
"""Addresses of one name that are tried."""

_RESET = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}
_NOBODY = {errno.EHOSTUNREACH, errno.EHOSTDOWN}
"""Nobody on the last network says that the address is theirs: as it is with a host that is off."""


class _NoName(Exception):
    """The host name could not be resolved; the message says why."""


async def found_by(
    ask: Callable[[], Awaitable[Finding]], time_limit: float, silence: str = "does not answer"
) -> Finding:
    """What `ask` finds in so many seconds; what goes wrong with its connection is a finding too.

    `silence` is what an address did whose time is over.
    """
    try:
        async with asyncio.timeout(time_limit):
            return await ask()
    except _NoName as error:
        return Finding(Answer.UNTRIED, f"has a name that does not resolve here: {error}")
    except TimeoutError:
        return Finding(Answer.SILENT, f"{silence} within {time_limit:g} s")
    except OSError as error:
        return explained(error)


def explained(error: OSError) -> Finding:
    """What a connection that failed says of its peer."""
    if error.errno == errno.ECONNREFUSED:
        return Finding(Answer.REFUSED, "refuses connections")
    if error.errno in _RESET:
        return Finding(Answer.REFUSED, "breaks connections off")
    reason = os.strerror(error.errno).lower() if error.errno else "no connection"
    if error.errno in _NOBODY:
        return Finding(Answer.SILENT, f"cannot be reached: {reason}")
    return Finding(Answer.UNTRIED, f"cannot be tried from here: {reason}")


async def dial(
    address: Address, time_limit: float, connect: Callable[[str, int], Awaitable[T]]
) -> T:
    """What `connect` makes of the first of the host's addresses that takes a connection.

    Raises what `found_by` understands. `time_limit` is in seconds and for the name alone, which
    may take half of them: a resolver that is slow is no evidence against who has the name.
    """
    *others, last = await _hosts(address, time_limit / 2)
    for host in others:
        with contextlib.suppress(OSError):
            return await connect(host, address.port)
    return await connect(last, address.port)


@contextlib.asynccontextmanager
async def connected(
    address: Address, time_limit: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to read a little from. Raises what `found_by` understands.

    Read all that comes: to what is left unread at the end, the kernel replies with a reset, of
    which a worker's log then has a WARN and an ERROR line (seen in 1.6.1).
    """
    reader, writer = await dial(address, time_limit, _open)
    try:
        yield reader, writer
    finally:
        # abort: a polite end could wait for a peer that does not answer.
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _open(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(host, port, limit=MOST_READ)


async def _hosts(address: Address, time_limit: float) -> list[str]:
    """The IP addresses to try, at least one."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(address.host)
        return [address.host]
    try:
        async with asyncio.timeout(time_limit):
            return (await resolve(address.host, address.port))[:MOST_HOSTS]
    except TimeoutError:
        raise _NoName(f"no answer within {time_limit:g} s") from None
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else None
        raise _NoName((reason or "it cannot be looked up").lower()) from None
