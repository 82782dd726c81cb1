"""Resolve names and try ports, as any program of this host would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from backends.aio.dropped import drop
from backends.doctor.steps import Ports, Resolved, ServerAddress
from backends.probe.dns import resolve


async def resolved(addresses: Sequence[ServerAddress], limit: float) -> Resolved:
    """Resolve each host once, `limit` seconds at most."""
    found: dict[str, tuple[str, ...]] = {}
    failed: dict[str, str] = {}

    async def one(address: ServerAddress) -> None:
        try:
            async with asyncio.timeout(limit):
                found[address.host] = tuple(await resolve(address.host, address.port, given=True))
        except TimeoutError:
            failed[address.host] = f"the resolver does not answer within {limit:g} s"
        except OSError as error:
            failed[address.host] = (error.strerror or str(error)).lower()

    by_host = {address.host: address for address in addresses}
    await asyncio.gather(*map(one, by_host.values()))
    return Resolved(
        {host: found[host] for host in by_host if host in found},
        {host: failed[host] for host in by_host if host in failed},
    )


async def ports(addresses: Sequence[ServerAddress], limit: float) -> Ports:
    """Connect to each address and close again, `limit` seconds at most. Sends nothing."""
    opened: list[ServerAddress] = []
    failed: dict[ServerAddress, str] = {}

    async def one(address: ServerAddress) -> None:
        try:
            async with asyncio.timeout(limit):
                _, writer = await asyncio.open_connection(address.host, address.port)
        except TimeoutError:
            failed[address] = f"no answer within {limit:g} s"
        except ConnectionRefusedError:
            failed[address] = "connection refused"
        except OSError as error:
            failed[address] = _reason(error)
        else:
            opened.append(address)
            await drop(writer)

    await asyncio.gather(*map(one, dict.fromkeys(addresses)))
    return Ports(tuple(one for one in addresses if one in opened), failed)


def _reason(error: OSError) -> str:
    if error.errno is not None and error.errno > 0:
        # asyncio's own text repeats the address.
        return os.strerror(error.errno).lower()
    # For several addresses of one name asyncio raises one error with the texts of all.
    return "connection refused" if "Connect call failed" in str(error) else "cannot be reached"
