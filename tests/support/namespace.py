"""A network of its own for a test: nothing but a loopback that nobody else can reach.

    with own_network():
        with EtcdServer() as etcd, DynamoWorker(etcd, event_plane="zmq") as worker:
            ...

It is this thread that moves into a new network namespace, and back at the end. Every process and
every thread that it starts meanwhile is in there with it: servers, workers, a terminal, an event
loop and its threads. Threads that ran before stay outside. So what listens on all addresses, as
the ZMQ publishers of Dynamo do, listens on that loopback alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

CLONE_NEWNET = 0x40000000
"""Of <sched.h>. `os.unshare` and `os.setns` came with Python 3.12."""
SIOCSIFFLAGS = 0x8914
"""Of <linux/sockios.h>: set the flags of a network interface."""
IFF_UP = 1
OWN = Path("/proc/thread-self/ns/net")


class NotAllowed(Exception):
    """This process may not make network namespaces; the message says why."""


@contextlib.contextmanager
def own_network() -> Iterator[None]:
    """Stay in a new network namespace, with only its loopback up.

    Raises `NotAllowed` where that is not possible: not on Linux, or not as root.
    """
    if not OWN.exists():
        raise NotAllowed("network namespaces are Linux's")
    outside = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise NotAllowed(f"no new network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            _raise_loopback()
            yield
        finally:
            if libc.setns(outside, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot leave the network namespace")
    finally:
        os.close(outside)


def _raise_loopback() -> None:
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
