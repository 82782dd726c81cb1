"""Connect to peers that may be dead, stopped, or not the expected program."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import msgspec

from backends.aio.dropped import drop
from backends.probe.addresses import Address
from backends.probe.dns import resolve
from backends.probe.local import is_own
from backends.probe.types import Finding, ProbeAnswer

T = TypeVar("T")

MOST_READ = 1 << 16
"""Bytes of an answer that are read at most. About as many are buffered."""

MOST_HOSTS = 4
"""IP addresses of one name that are tried."""

_NOT_TRIED = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,  # every local port is in use
        errno.EAFNOSUPPORT,  # no IPv6 on this host
    }
)
"""Errors without a packet sent: this host has no socket for it."""
_CUT_OFF = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


class _NoName(Exception):
    """The host name could not be resolved. The message is the reason."""


class Attempt(msgspec.Struct):
    """The progress of one attempt to probe an address."""

    local: bool = False
    """Whether every IP address tried is one of this host's own."""
    accepted: bool = False
    """Whether a connection was accepted."""


async def run_attempt(
    ask: Callable[[Attempt], Awaitable[Finding]], time_limit: float, silence: str
) -> Finding:
    """Return what `ask` finds within `time_limit` seconds, also if its connection fails.

    `silence` follows `accepts connections but` if a connection was accepted and the time ran out.
    Before that, a timeout proves nothing about the process: packets may be dropped on the way.
    Between this host and its own addresses there is no such way, so a failed connection there is
    attributed to the process that listens.
    """
    attempt = Attempt()
    try:
        async with asyncio.timeout(time_limit):
            finding = await ask(attempt)
    except _NoName as error:
        return Finding(ProbeAnswer.UNTRIED, f"has a name that does not resolve here: {error}")
    except TimeoutError:
        if attempt.accepted:
            text = f"accepts connections but {silence} within {time_limit:g} s"
            return Finding(ProbeAnswer.SILENT, text, attempt.local)
        finding = Finding(
            ProbeAnswer.UNREACHED, f"does not accept connections within {time_limit:g} s"
        )
    except OSError as error:
        finding = finding_of_error(error)
        if error.errno not in _CUT_OFF:
            return replace(finding, local=attempt.local)
    if attempt.local and finding.answer is ProbeAnswer.UNREACHED:
        finding = replace(finding, answer=ProbeAnswer.SILENT)
    return replace(finding, local=attempt.local)


def finding_of_error(error: OSError) -> Finding:
    """Return what a failed connection proves about its peer.

    Linux reports ICMP errors of routers and firewalls as errors of the connection: `icmp(7)`.
    """
    if error.errno == errno.ECONNREFUSED:
        return Finding(ProbeAnswer.REFUSED, "refuses connections")
    if error.errno in _CUT_OFF:
        return Finding(ProbeAnswer.UNREACHED, "drops connections")
    reason = os.strerror(error.errno).lower() if error.errno else "no connection"
    if error.errno is None or error.errno in _NOT_TRIED:
        return Finding(ProbeAnswer.UNTRIED, f"cannot be tried from here: {reason}")
    return Finding(ProbeAnswer.UNREACHED, f"cannot be reached: {reason}")


async def dial(
    address: Address,
    time_limit: float,
    connect: Callable[[str, int], Awaitable[T]],
    attempt: Attempt,
) -> T:
    """Return what `connect` returns for the first of the host's addresses that accepts a
    connection.

    Raises the errors that `run_attempt` handles. `time_limit` is in seconds; only resolving the
    name is limited here, to half of it: a slow resolver is no evidence against the host.
    """
    hosts = await _hosts(address, time_limit / 2)
    attempt.local = all(map(is_own, hosts))
    *others, last = hosts
    for host in others:
        with contextlib.suppress(OSError):
            return await _accepted(connect(host, address.port), attempt)
    return await _accepted(connect(last, address.port), attempt)


async def _accepted(connecting: Awaitable[T], attempt: Attempt) -> T:
    connection = await connecting
    attempt.accepted = True
    return connection


@contextlib.asynccontextmanager
async def connected(
    address: Address, time_limit: float, attempt: Attempt
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection to read a little from. Raises the errors that `run_attempt` handles.

    Read everything: if data is left unread at the end, the kernel sends a reset, and a worker then
    logs a WARN and an ERROR line (seen in 1.6.1).
    """
    reader, writer = await dial(address, time_limit, _open, attempt)
    try:
        yield reader, writer
    finally:
        await drop(writer)


async def _open(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(host, port, limit=MOST_READ)


async def _hosts(address: Address, time_limit: float) -> list[str]:
    """Return the IP addresses to try, at least one."""
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
