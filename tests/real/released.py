"""Real workers and clients of older Dynamo releases, which `make releases` installs.

with EtcdServer() as etcd, NatsServer() as nats:
    with ReleasedWorker("0.6.1", etcd, nats), ReleasedClient("0.6.1", etcd, nats) as client:
        client.call(5)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.dynamo import DynamoProcess, registered_keys
from tests.support.etcd_server import EtcdServer
from tests.support.nats_server import NatsServer
from tests.support.programs import ServerError

RELEASES = Path(sys.prefix, "releases")
"""A folder of its own for each release: they cannot share an environment."""

NEWEST = "1.6.1"
"""The one that is in this environment itself."""


def environment_of(release: str) -> dict[str, str]:
    """What the environment of a process needs to be of a release. ServerError: it is not here."""
    if release == NEWEST:
        return {}
    folder = RELEASES / release
    if not (folder / "dynamo").is_dir():
        raise ServerError(f"Dynamo {release} is not in {folder}: run `make releases`")
    # 1.2.1 takes an interface here, and no address; 0.6.1 takes neither.
    return {"PYTHONPATH": str(folder), "DYN_TCP_RESPONSE_STREAM_HOST": "lo"}


class _Released(DynamoProcess):
    """One process of one release, on the endpoint `prod.backend.generate`."""

    script = "released_process.py"
    role = ""

    def __init__(
        self,
        release: str,
        etcd: EtcdServer,
        nats: NatsServer,
        *,
        request_plane: str = "nats",
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> None:
        self.release = release
        self._settings = {"NATS_SERVER": nats.url, **environment_of(release), **(env or {})}
        super().__init__(etcd, [self.role, "--request-plane", request_plane], {}, timeout)

    def environment(self) -> dict[str, str]:
        return super().environment() | self._settings


class ReleasedWorker(_Released):
    """A worker; ready once it is registered."""

    name = "released-worker"
    role = "worker"

    @property
    def instance_id(self) -> str:
        """In lower-case hex, as keys have it."""
        instance_id: str = self.hello["instance_id"]
        return instance_id

    def is_ready(self) -> bool:
        key = "v1/instances/prod/backend/generate/"
        return super().is_ready() and f"{key}{self.instance_id}" in registered_keys(self.store)


class ReleasedClient(_Released):
    """A client that makes requests of whichever worker there is."""

    name = "released-client"
    role = "client"

    def call(self, times: int) -> None:
        """Make requests, one after another, each of which is answered."""
        reply = self.ask("call", times=times)
        if reply["answers"] != times:
            raise self.error(f"got {reply['answers']} answers of {times}")

    def fail(self, times: int) -> None:
        """Make requests that the worker's own code fails at."""
        reply = self.ask("fail", times=times)
        if reply["errors"] != times:
            raise self.error(f"got {reply['errors']} errors of {times}")
