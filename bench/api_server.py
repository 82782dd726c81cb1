"""A stand-in for an API server with the load in it, in a process of its own.

What it does costs its own process, and is not counted.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from bench import objects
from bench.load import Instance, Load
from tests.support.dashboard import Dashboard
from tests.support.kubernetes.standin import PODS, SLICES, WORKERS, StandIn

LOADED = 120.0
"""Seconds within which it must have its load."""
_Move = tuple[int, int, str]
"""A worker, which of its instances, and the address that it moves to."""


class ApiServer:
    """Objects, pods and slices of a load, and what leads dyntop there."""

    def __init__(self, load: Load, folder: Path) -> None:
        self.load = load
        self.kubeconfig = folder / "kubeconfig"
        self._pipe, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(
            target=serve, args=(load, self.kubeconfig, theirs), daemon=True
        )
        self._process.start()
        assert self._pipe.poll(LOADED), "the stand-in never had its load"
        self.url, self.version = cast("tuple[str, int]", self._pipe.recv())

    def close(self) -> None:
        self._process.terminate()
        self._process.join()

    @property
    def watch_url(self) -> str:
        """Of a watch of all objects from now on."""
        path = f"/apis/nvidia.com/v1alpha1/namespaces/{objects.NAMESPACE}/{WORKERS}"
        return f"{self.url}{path}?watch=true&timeoutSeconds=3600&resourceVersion={self.version}"

    def dashboard(self, *flags: str) -> Dashboard:
        """dyntop on it, in a terminal of 120x40."""
        environment = {
            "DYN_DISCOVERY_BACKEND": "kubernetes",
            "KUBECONFIG": str(self.kubeconfig),
        }
        # Its settings come after those of the folder.
        return Dashboard(self.kubeconfig.parent, *flags, env=environment)

    def move(self, instance: Instance, address: str) -> None:
        """Change an instance's address, in place, soon."""
        served = objects.instances(self.load, instance.worker)
        self._pipe.send((instance.worker, served.index(instance), address))


@contextmanager
def api_server(load: Load) -> Iterator[ApiServer]:
    """A stand-in with a load, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="dyntop-bench-") as folder:
        server = ApiServer(load, Path(folder))
        try:
            yield server
        finally:
            server.close()


def serve(load: Load, kubeconfig: Path, pipe: Connection) -> None:
    """Serve a load until the process ends, and follow what comes through the pipe."""
    asyncio.run(_serve(load, kubeconfig, pipe))


async def _serve(load: Load, kubeconfig: Path, pipe: Connection) -> None:
    async with StandIn() as server:
        _fill(server, load)
        server.kubeconfig(kubeconfig, objects.NAMESPACE)

        def follow() -> None:
            worker, number, address = cast("_Move", pipe.recv())
            moved = objects.instances(load, worker)[number]
            server.store.put(WORKERS, objects.worker_object(load, worker, moved, address))

        asyncio.get_running_loop().add_reader(pipe.fileno(), follow)
        pipe.send((server.url, server.store.version))
        await asyncio.Event().wait()


def _fill(server: StandIn, load: Load) -> None:
    store = server.store
    everything = [
        *((SLICES, one) for one in objects.slices(load)),
        *((WORKERS, objects.worker_object(load, worker)) for worker in range(load.workers)),
        *((PODS, objects.pod(load, worker)) for worker in range(load.workers)),
    ]
    for resource, one in everything:
        store.version += 1
        one["metadata"] |= {"resourceVersion": str(store.version)}
        store.objects[resource, objects.NAMESPACE, one["metadata"]["name"]] = one
    # None of it is a change that a watch could ask for.
    store.forget()
