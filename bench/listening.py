"""Listens at the addresses of a load, as its workers would, at no cost while nothing happens."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from bench.load import Instance

SPARE = 1_000
"""Descriptors besides the sockets."""


@contextmanager
def listening(instances: Iterable[Instance]) -> Iterator[None]:
    """Accept connections for each of these instances, for as long as this is entered.

    The kernel does that, up to the backlog: nobody need take a connection that says nothing. From
    then on this process may have as many descriptors as that takes.
    """
    with ExitStack() as stack:
        addresses = sorted({instance.address for instance in instances})
        allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, len(addresses) + SPARE), most))
        for address in addresses:
            host, _, port = address.rpartition(":")
            stack.enter_context(socket.create_server((host, int(port)), reuse_port=True))
        yield
