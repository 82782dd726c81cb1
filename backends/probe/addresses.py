"""Addresses as records have them. Anybody who can write to the store may have written them."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

LONGEST_NAME = 253
"""Characters of a host name; RFC 1035."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
"""As the last label of a name it makes the whole an old spelling of an IPv4 address: `127.1`."""
_PORT = re.compile(r"[0-9]{1,5}")


class Address(NamedTuple):
    """Where something listens for TCP connections."""

    host: str
    """A name or an address; IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it means the machine that it is used on, so another one on each."""
        try:
            ip = ipaddress.ip_address(self.host)
        except ValueError:
            name = self.host.lower().removesuffix(".")
            return name == "localhost" or name.endswith(".localhost")
        return _unmapped(ip).is_loopback


def parse_address(text: str) -> Address | None:
    """`host:port` or `[IPv6]:port`. None: nobody can connect to that. Never raises."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        return Address(host, int(port)) if ":" in host and _is_ip(host) else None
    if ":" in host:
        return None
    return Address(host, int(port)) if _is_ip(host) or _is_name(host) else None


def _is_ip(host: str) -> bool:
    """Whether it is an IP address, and not the one that stands for any."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not _unmapped(ip).is_unspecified


def _unmapped(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return ip if mapped is None else mapped


def _is_name(host: str) -> bool:
    if len(host) > LONGEST_NAME:
        return False
    labels = host.removesuffix(".").split(".")
    return all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
