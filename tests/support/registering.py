"""Registering as workers do, from outside of dyntop."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK
from tests.support.registered import KeyAndValue, card, channel, instance, source
from tests.support.running import put_file

_BOUND: list[socket.socket] = []
"""Held until this process ends."""

LONG_AGO = 1_000_000_000
"""POSIX seconds; a file that was touched then has expired."""


def grant(etcd: EtcdServer, seconds: int = 600) -> int:
    """A lease that nobody renews; its id is a worker's instance id."""
    return int(etcd.etcdctl("lease", "grant", str(seconds)).split()[1], 16)


def put(etcd: EtcdServer, registered: KeyAndValue, lease: int | None = None) -> str:
    """Put a record; returns its key as `dyntop list -o name` prints it."""
    key, value = registered
    on = [] if lease is None else [f"--lease={lease:x}"]
    etcd.etcdctl("put", *on, key.decode(), input=value)
    return key.decode()


def put_worker(etcd: EtcdServer, address: str | None = None) -> tuple[int, list[str]]:
    """A worker of Dynamo 1.6 with all that it may register; its id and its keys, in order.

    Its channel is on no address of this machine: do not probe it.
    """
    worker = grant(etcd)
    publisher = worker // 2
    registered = [
        channel(publisher),
        source(publisher, worker),
        instance(worker, address=address),
        instance(worker, endpoint="clear_kv_blocks", address=address),
        card(worker),
        card(worker, "acme/SQL", "acme/SQL"),
    ]
    return worker, sorted(put(etcd, one, worker) for one in registered)


def put_old_file(root: Path, registered: KeyAndValue) -> str:
    """A record in a file store that nobody touched for long."""
    os.utime(put_file(root, *registered), (LONG_AGO, LONG_AGO))
    return registered[0].decode()


def refusing() -> str:
    """An address of this machine at which nothing listens, and which nobody else is given."""
    bound = socket.socket()
    bound.bind((LOOPBACK, 0))
    _BOUND.append(bound)
    return f"{LOOPBACK}:{bound.getsockname()[1]}"


@contextmanager
def listening() -> Iterator[str]:
    """An address of this machine at which the kernel accepts, and nobody ever says a word."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield f"{LOOPBACK}:{listener.getsockname()[1]}"
