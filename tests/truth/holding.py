"""Keeping a stopped worker's keys as if its runtime still renewed them."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.dynamo import files_of
from tests.support.etcd_server import EtcdServer
from tests.truth.cluster import LEASE_TTL, Cluster, Worker

OFTEN = LEASE_TTL / 5
"""Seconds between two renewals."""


@contextlib.contextmanager
def renewed(cluster: Cluster, worker: Worker) -> Iterator[None]:
    """Renew a worker's lease, or touch its files, as long as this lasts.

    So looks a worker that hangs in its engine while its runtime goes on, which a mock engine does
    not do by itself.
    """
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(OFTEN):
            if isinstance(cluster.store, EtcdServer):
                cluster.etcd.etcdctl("lease", "keep-alive", "--once", worker.instance_id)
            else:
                _touch(cluster.store, worker.keys)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _touch(root: Path, keys: frozenset[str]) -> None:
    for key, file in files_of(root).items():
        if key in keys:
            with contextlib.suppress(FileNotFoundError):
                os.utime(file)
