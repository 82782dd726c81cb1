"""Listens at the addresses of a load, as its workers would, at no cost while nothing happens."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from bench.load import Instance
from bench.processes import in_own_process

SPARE = 1_000
"""Descriptors besides the sockets."""

_sockets: list[socket.socket] = []


@contextmanager
def listening(instances: Iterable[Instance]) -> Iterator[None]:
    """Accept connections for each of these instances, for as long as this is entered.

    The kernel does that, up to the backlog: nobody need take a connection that says nothing. The
    sockets are another process's: `select` takes no descriptor beyond 1,023.
    """
    addresses = sorted({instance.address for instance in instances})
    with in_own_process() as process:
        process.submit(_listen, addresses).result()
        yield


def _listen(addresses: Sequence[str]) -> None:
    """Listen at these addresses until the process ends."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, len(addresses) + SPARE), most))
    for address in addresses:
        host, _, port = address.rpartition(":")
        _sockets.append(socket.create_server((host, int(port)), reuse_port=True))
