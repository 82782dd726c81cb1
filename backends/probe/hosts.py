"""The host part of the address in a record, as it is written there, and other names of hosts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from backends.dynamo.records import AnyRecord, EndpointInstance, EventChannel

_ENDS_AUTHORITY = re.compile(r"[/?#]")


def host_of(record: AnyRecord) -> str | None:
    """Return the host at which a record's own process listens. None: it names none. Never raises.

    Also of an address that no client can connect to (port 0). Subjects of NATS have no host, and
    the address of a broker is not that of the process which registered the channel.
    """
    if record.transport is None or not record.transport.address:
        return None
    text = record.transport.address
    match record, record.transport.kind:
        case EndpointInstance(), "tcp":
            return _host(text)
        case EndpointInstance(), "http":
            return _host(text.partition("://")[2])
        case EventChannel(), "Zmq" if text.startswith("tcp://"):
            return _host(text.removeprefix("tcp://"))
        case _:
            return None


def hosts_in(records: Iterable[AnyRecord]) -> set[str]:
    """Return all hosts at which records are registered, as `hosts_of` has them."""
    return {host for record in records for host in hosts_of(record)}


def hosts_of(record: AnyRecord) -> Iterator[str]:
    """Yield the host in a record's address; in Kubernetes also its pod, the pod's address, and the
    node. As `bare_host` spells them."""
    if (host := host_of(record)) is not None:
        yield bare_host(host)
    if (owner := record.entry.owner) is not None:
        address = None if owner.pod is None else owner.pod.ip
        yield from (bare_host(name) for name in (owner.node, owner.pod_name, address) if name)


def bare_host(host: str) -> str:
    """Return a host as it is compared: in lower case, without brackets."""
    return host.strip().strip("[]").lower()


def _host(text: str) -> str | None:
    # A user and password may stand before it.
    authority = _ENDS_AUTHORITY.split(text, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0] or None
    host, colon, _ = authority.rpartition(":")
    return (host if colon else authority) or None
