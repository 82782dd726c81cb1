"""Find the addresses of a channel from its record. Pure.

Any client of the store may have written the record. So a tap connects to that channel's own
addresses only, to few of them, and only if they are unambiguous; otherwise the reason is a clause.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

from backends.dynamo.records import EventChannel
from backends.probe.addresses import Address, parse_address, why_unusable

MOST_ADDRESSES = 4
"""Brokers of one channel that a tap connects to. Dynamo's own has one or two."""

MOST_NAMED = 4
"""Addresses or routes that are named of several."""

LONGEST_SUBJECT = 1024

_TOKEN = re.compile(r"[!-~]+")


class NatsRoute(msgspec.Struct, frozen=True):
    """A NATS subject: the channel's prefix and topic. All its publishers share it."""

    subject: str

    @property
    def is_shared(self) -> bool:
        """Return whether other publishers' messages arrive there, too."""
        return True

    def __str__(self) -> str:
        return f"subject {self.subject}"


class ZmqRoute(msgspec.Struct, frozen=True):
    """A publisher's own socket, those of several publishers, or those of brokers."""

    addresses: tuple[Address, ...]
    topic: bytes
    """The beginning of the messages to receive. A publisher's own messages begin with its topic;
    messages from a broker begin with the publishers' scopes, so all are received (1.6.1).
    """

    @property
    def is_shared(self) -> bool:
        """Return whether these are brokers, where other publishers' messages arrive, too."""
        return not self.topic

    def __str__(self) -> str:
        more = len(self.addresses) - MOST_NAMED
        named = ", ".join(f"tcp://{address}" for address in self.addresses[:MOST_NAMED])
        return f"{named} and {more:,} more" if more > 0 else named


class NoRoute(msgspec.Struct, frozen=True):
    """The channel cannot be listened to."""

    why: str
    """A clause: `it has no transport`."""

    @property
    def is_shared(self) -> bool:
        return False

    def __str__(self) -> str:
        return self.why


OneRoute = NatsRoute | ZmqRoute | NoRoute
"""To one place."""


class SeveralRoutes(msgspec.Struct, frozen=True):
    """The routes of several channels: they have no subject, topic or broker in common."""

    routes: tuple[OneRoute, ...]

    @property
    def is_shared(self) -> bool:
        return any(route.is_shared for route in self.routes)

    def __str__(self) -> str:
        more = len(self.routes) - MOST_NAMED
        named = "; ".join(map(str, self.routes[:MOST_NAMED]))
        return f"{named}; and {more:,} more" if more > 0 else named


Route = OneRoute | SeveralRoutes


def merged(routes: Iterable[OneRoute]) -> list[OneRoute]:
    """Return the routes to listen at for several channels: each once, and the sockets of publishers
    of one topic as one.
    """
    sockets: dict[bytes, dict[Address, None]] = {}
    others: dict[OneRoute, None] = {}
    for route in routes:
        if isinstance(route, ZmqRoute) and not route.is_shared:
            sockets.setdefault(route.topic, {}).update(dict.fromkeys(route.addresses))
        else:
            others[route] = None
    own = (ZmqRoute(tuple(addresses), topic) for topic, addresses in sockets.items())
    return [*own, *others]


def route_of(channel: EventChannel, *, here: bool) -> OneRoute:
    """Return the route to a channel's messages. Never raises. `here`: loopback addresses mean this
    machine.
    """
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
    """Return whether an address means something else on each machine: loopback, link-local, or
    unspecified.
    """
    if address.is_loopback:
        return True
    try:
        ip = ipaddress.ip_address(address.host)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or ip.is_unspecified


def _nats(prefix: str, topic: str) -> NatsRoute | NoRoute:
    subject = f"{prefix}.{topic}"
    tokens = subject.split(".")
    # A wildcard would receive other channels' messages; Dynamo's subjects have none.
    valid = all(_TOKEN.fullmatch(token) and not set(token) & set("*>") for token in tokens)
    if not valid or len(subject) > LONGEST_SUBJECT or not topic:
        return NoRoute(f"{subject[:200]!r} is not the NATS subject of one channel")
    return NatsRoute(subject)


def _zmq(endpoints: list[str], topic: bytes, here: bool) -> ZmqRoute | NoRoute:
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
        return NoRoute(f"{shown!r} names no machine: its publisher listens on all its addresses")
    address = parse_address(rest) if scheme == "tcp" else None
    if address is None:
        why = why_unusable(rest) if scheme == "tcp" else None
        it = "should be tcp://host:port" if why is None else why
        return NoRoute(f"{shown!r} is not an address to connect to: it {it}")
    if is_local(address) and not here:
        return NoRoute(f"{shown!r} means something else on each machine, and the store is not here")
    return address
