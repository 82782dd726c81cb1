"""Listens at the addresses of a load, as its workers would, at no cost while nothing happens."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from bench.load import Instance


@contextmanager
def listening(instances: Iterable[Instance]) -> Iterator[None]:
    """Accept connections for each of these instances, for as long as this is entered.

    The kernel does that, up to the backlog: nobody need take a connection that says nothing.
    """
    with ExitStack() as stack:
        for address in sorted({instance.address for instance in instances}):
            host, _, port = address.rpartition(":")
            stack.enter_context(socket.create_server((host, int(port)), reuse_port=True))
        yield
