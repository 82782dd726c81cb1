"""This host's name, and which IP addresses are its own."""

from __future__ import annotations

import contextlib
import ipaddress
import socket


def is_own(ip: str) -> bool:
    """Return whether an IP address is this host's: loopback, or one of an interface.

    The kernel is asked which source address it would send from: for an own address it is the same
    one. Connecting a datagram socket sends no packet.
    """
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if (address if mapped is None else mapped).is_loopback:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with (
        contextlib.suppress(OSError, ValueError),
        socket.socket(family, socket.SOCK_DGRAM) as probe,
    ):
        probe.connect((ip, 9))
        return ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]) == address
    return False


def host_name() -> str:
    """Return this host's name, as the kernel has it."""
    return socket.gethostname()
