"""Leases that are kept alive, as workers that live keep theirs."""

from __future__ import annotations

import itertools
import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from backends.etcd import rpc
from bench.writing import channel, paced

TTL = 30
"""Seconds for which Dynamo asks."""
RENEWED_AFTER = TTL / 2
"""Seconds: every release renews at half."""


@contextmanager
def kept_alive(endpoint: str, leases: Sequence[int]) -> Iterator[None]:
    """Leases granted for `TTL` seconds stay for as long as this is entered, by a process of its
    own."""
    spawn = multiprocessing.get_context("spawn")
    keeper = spawn.Process(target=keep_alive, args=(endpoint, leases), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        keeper.terminate()
        keeper.join()


def keep_alive(endpoint: str, leases: Sequence[int]) -> None:
    """Renew each lease in time, evenly spread, until the process or etcd ends."""
    spread = zip(itertools.cycle(leases), paced(len(leases) / RENEWED_AFTER), strict=False)
    # All of them at once before: the last would be late, which were granted long ago.
    in_turn = itertools.chain(leases, (lease for lease, _ in spread))
    requests = (rpc.LeaseKeepAliveRequest(ID=rpc.to_lease(lease)) for lease in in_turn)
    renew = rpc.LEASE_KEEP_ALIVE.on(channel(endpoint))
    with suppress(rpc.grpc.RpcError):
        deque(renew(requests), maxlen=0)
