"""Where to listen to a channel, as its record says. Pure.

Whoever can write to the store wrote the record. So a tap goes to that channel's own addresses, to
few of them, and only where they mean one place; a sentence says why it does not go anywhere.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from backends.probe.addresses import Address, parse_address
from backends.records import EventChannel

MOST_ADDRESSES = 4
"""Brokers of one channel that are listened to; Dynamo's own has one or two."""

LONGEST_SUBJECT = 1024

_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class NatsRoute:
    """A subject of NATS: the channel's prefix and its topic. All its publishers share it."""

    subject: str

    @property
    def is_shared(self) -> bool:
        """Whether other publishers' messages come there, too."""
        return True

    def __str__(self) -> str:
        return f"subject {self.subject}"


@dataclass(frozen=True, slots=True)
class ZmqRoute:
    """A publisher's own socket, or those of brokers."""

    addresses: tuple[Address, ...]
    topic: bytes
    """What messages begin with. A publisher of its own says its topic; what a broker passes on
    begins with the publishers' scopes, so all of it is taken (1.6.1)."""

    @property
    def is_shared(self) -> bool:
        """Whether these are brokers, where other publishers' messages come, too."""
        return not self.topic

    def __str__(self) -> str:
        return ", ".join(f"tcp://{address}" for address in self.addresses)


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nobody can listen there."""

    why: str
    """A clause: `it has no transport`."""

    @property
    def is_shared(self) -> bool:
        return False

    def __str__(self) -> str:
        return self.why


Route = NatsRoute | ZmqRoute | NoRoute


def route_of(channel: EventChannel, *, here: bool) -> Route:
    """Where its messages come. `here`: loopback addresses mean this machine. Never raises."""
    transport = channel.transport
    if transport is None or not transport.address:
        return NoRoute("its record names no transport to listen to")
    match transport.kind:
        case "Nats":
            return _nats(transport.address, channel.id.topic or "")
        case "Zmq":
            return _zmq([transport.address], (channel.id.topic or "").encode(), here)
        case "ZmqBroker":
            return _zmq(transport.address.split(", ")[:MOST_ADDRESSES], b"", here)
        case other:
            return NoRoute(f"its transport is {other[:80]!r}, which this dyntop does not know")


def is_local(address: Address) -> bool:
    """Whether it means something else on each machine: loopback, link-local, or any."""
    if address.is_loopback:
        return True
    try:
        ip = ipaddress.ip_address(address.host)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or ip.is_unspecified


def _nats(prefix: str, topic: str) -> Route:
    subject = f"{prefix}.{topic}"
    tokens = subject.split(".")
    # A wildcard would listen to what others publish; a subject of Dynamo's has none.
    valid = all(_TOKEN.fullmatch(token) and not set(token) & set("*>") for token in tokens)
    if not valid or len(subject) > LONGEST_SUBJECT or not topic:
        return NoRoute(f"{subject[:200]!r} is no subject of NATS that names one channel")
    return NatsRoute(subject)


def _zmq(endpoints: list[str], topic: bytes, here: bool) -> Route:
    found: dict[Address, None] = {}
    for endpoint in endpoints:
        address = _address(endpoint, here)
        if isinstance(address, NoRoute):
            return address
        found[address] = None
    return ZmqRoute(tuple(found), topic)


def _address(endpoint: str, here: bool) -> Address | NoRoute:
    shown = endpoint[:200]
    scheme, separator, rest = endpoint.partition("://")
    if separator and scheme in ("ipc", "inproc"):
        return NoRoute(f"{shown!r} can be reached only on the machine of its publisher")
    host = rest.rpartition(":")[0]
    if scheme == "tcp" and host in ("0.0.0.0", "[::]", "*"):
        return NoRoute(f"{shown!r} names no machine: it is where its publisher listens, on all")
    address = parse_address(rest) if scheme == "tcp" else None
    if address is None:
        return NoRoute(f"{shown!r} is no address to connect to: it should be tcp://host:port")
    if is_local(address) and not here:
        return NoRoute(f"{shown!r} means something else on each machine, and the store is not here")
    return address
