"""What it costs to leave it open over workers of many data-parallel ranks, with probes as they are
by default: forty workers of sixteen ranks have 1,320 addresses in 40 processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import ClassVar

from bench.figures.figure import Pace
from bench.keeping import TTL, kept_alive
from bench.place import Place
from bench.processes import cpu_seconds
from bench.results import Line, Peer, Target, Unit
from bench.writing import Put, writer
from tests.support import registered
from tests.support.dashboard import Dashboard
from tests.support.etcd_server import EtcdServer
from tests.support.ports import LOOPBACK

WORKERS = 40
RANKS = 16
PROBED = "with probes"
UNPROBED = "dyntop --probe never"
MOST = 3.0
"""Percent of a core."""
SETTLING = 20.0
"""Seconds until all was asked once, and what is held is held."""


class Ranks:
    name: ClassVar = "ranks"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with _registered() as etcd, ExitStack() as stack:
            shown = {
                PROBED: stack.enter_context(Dashboard(etcd)),
                UNPROBED: stack.enter_context(Dashboard(etcd, "--probe", "never")),
            }
            for dashboard in shown.values():
                dashboard.wait_for(f"{WORKERS} workers")
            time.sleep(max(pace.settling, SETTLING))
            runs: dict[str, list[float]] = {name: [] for name in shown}
            for _ in range(pace.runs):
                start = time.monotonic()
                before = {name: cpu_seconds(shown[name].process.pid) for name in shown}
                time.sleep(pace.idling)
                for name in shown:
                    took = cpu_seconds(shown[name].process.pid) - before[name]
                    runs[name].append(took / (time.monotonic() - start) * 100)
            for dashboard in shown.values():
                assert "!" not in dashboard.header, dashboard.header
                dashboard.process.kill()
        yield Line(
            self.name,
            f"CPU when nothing changes, {WORKERS} workers of {RANKS} ranks, {PROBED}",
            WORKERS * (RANKS + 1),
            Unit.PERCENT_OF_CORE,
            tuple(runs[PROBED]),
            (Peer(UNPROBED, tuple(runs[UNPROBED])),),
            Target(MOST),
        )


@contextmanager
def _registered() -> Iterator[EtcdServer]:
    """An etcd with workers that live: leases renewed, and each address answered."""
    with ExitStack() as stack:
        etcd = stack.enter_context(EtcdServer())
        ports = stack.enter_context(_listening())
        etcd_writer = stack.enter_context(writer(etcd.endpoint))
        leases = etcd_writer.grant(WORKERS, TTL)
        etcd_writer.put_all(
            Put(key, value, lease)
            for lease, of_worker in zip(leases, ports, strict=True)
            for key, value in _records(lease, of_worker)
        )
        stack.enter_context(kept_alive(etcd.endpoint, leases))
        yield etcd


def _records(worker: int, ports: list[int]) -> Iterator[registered.KeyAndValue]:
    """What a mocker with `--data-parallel-size 16` registers for its ranks (Dynamo 1.6.1).

    `ports`: of its request plane, then of each rank's publisher.
    """
    yield registered.card(worker)
    yield registered.instance(worker, address=f"{LOOPBACK}:{ports[0]}")
    for rank, port in enumerate(ports[1:]):
        publisher = worker * RANKS + rank & (2**53 - 1)
        internal = f"worker_kv_query_source_{publisher:x}"
        yield registered.instance(worker, endpoint=internal, address=f"{LOOPBACK}:{ports[0]}")
        yield registered.channel(publisher, port=port, host=LOOPBACK)
        yield registered.source(publisher, worker, rank=rank)


@contextmanager
def _listening() -> Iterator[list[list[int]]]:
    """Each worker's ports, behind which a process of its own listens."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    listener = spawn.Process(target=_listen, args=(theirs,), daemon=True)
    listener.start()
    try:
        yield ours.recv()
    finally:
        listener.terminate()
        listener.join()


def _listen(told: Connection) -> None:
    """Listen as so many workers do, until the process ends."""
    import socket

    import zmq

    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, WORKERS * RANKS + 1)
    publishers = [[context.socket(zmq.PUB) for _ in range(RANKS)] for _ in range(WORKERS)]
    servers = [socket.create_server((LOOPBACK, 0)) for _ in range(WORKERS)]
    told.send(
        [
            [
                server.getsockname()[1],
                *(one.bind_to_random_port(f"tcp://{LOOPBACK}") for one in of_worker),
            ]
            for server, of_worker in zip(servers, publishers, strict=True)
        ]
    )
    while True:
        time.sleep(60)
