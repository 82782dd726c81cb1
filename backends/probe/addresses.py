"""Parse the addresses in records. Any client of the store may have written them."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

HOSTS = 1024
"""Hosts for which the check is cached."""
LONGEST_NAME = 253
"""Characters of a host name; RFC 1035."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
"""As the last label of a name, a number makes it an old spelling of an IPv4 address: `127.1`."""
_PORT = re.compile(r"[0-9]{1,5}")
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


class Address(NamedTuple):
    """The address of a TCP listener."""

    host: str
    """A name or an address. IPv6 has no brackets."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Return whether it means the machine that uses it, and so another one on each."""
        try:
            ip = ipaddress.ip_address(self.host)
        except ValueError:
            name = self.host.lower().removesuffix(".")
            return name == "localhost" or name.endswith(".localhost")
        return _unmapped(ip).is_loopback


def parse_address(text: str) -> Address | None:
    """Parse `host:port` or `[IPv6]:port`. None: no client can connect to it. Never raises."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port):
        return None
    number = int(port)
    if not 1 <= number <= 65535:
        return None
    if ":" in host:
        bare = host[1:-1]
        is_ip = host == f"[{bare}]" and ":" in bare and _is_ip(bare)
        return Address(bare, number) if is_ip else None
    # Called for each instance that registers, and many addresses share a host.
    is_host = _is_known_host if len(host) <= LONGEST_NAME else _is_host
    return Address(host, number) if is_host(host) else None


def why_unusable(text: str) -> str | None:
    """Return why no client can connect to an address, as a clause that follows it. None: clients
    can.
    """
    if parse_address(text) is not None:
        return None
    if not text:
        return "is empty"
    host, colon, port = text.rpartition(":")
    if not colon:
        return "has no port"
    if not _PORT.fullmatch(port) or int(port) > 65535:
        return "has an invalid port" if port else "has no port"
    if int(port) == 0:
        return "has port 0, which stands for any"
    if not host:
        return "has no host"
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if (kind := _of_no_host(bare)) is not None and (bare is not host or ":" not in host):
        return kind
    if host == "*" or _is_any(bare):
        return "stands for any address of a host: its worker listens on all and names none"
    if bare is host and ":" in host:
        return "is IPv6 without brackets" if _reads_as_ip(host) else "has no host that can be read"
    return "has no host that can be looked up"


def _is_any(host: str) -> bool:
    try:
        return _unmapped(ipaddress.ip_address(host)).is_unspecified
    except ValueError:
        # Old spellings of 0.0.0.0, as resolvers accept them.
        return bool(re.fullmatch(r"(0x)?0+(\.(0x)?0+){0,3}", host))


def _is_ip(host: str) -> bool:
    """Return whether it is an IP address that a client can connect to."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not _unmapped(ip).is_unspecified and _of_no_host(host) is None


def _reads_as_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _of_no_host(host: str) -> str | None:
    """Return why no client can connect to an IP address, as a clause. None: clients can."""
    try:
        ip = _unmapped(ipaddress.ip_address(host))
    except ValueError:
        return None
    if ip.is_multicast:
        return "is a multicast address, to which there are no connections"
    if ip == _BROADCAST:
        return "is the broadcast address, to which there are no connections"
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_link_local and ip.scope_id is None:
        return "is link-local and names no interface"
    return None


def _unmapped(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return ip if mapped is None else mapped


def _is_host(host: str) -> bool:
    return _is_ip(host) or _is_name(host)


_is_known_host = lru_cache(HOSTS)(_is_host)


def _is_name(host: str) -> bool:
    if len(host) > LONGEST_NAME:
        return False
    labels = host.removesuffix(".").split(".")
    return all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
