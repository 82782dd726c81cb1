"""A real API server behind a forwarder on loopback; each test has a namespace of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.current_object import place_of
from tests.support.forwarders import Forwarder
from tests.support.kubernetes.api import WORKERS, Object
from tests.support.kubernetes.cluster import Kubernetes
from tests.support.kubernetes.namespace import KubeNamespace
from tests.support.kubernetes.servers import write_kubeconfig
from tests.support.ports import LOOPBACK

WORKER = "a-worker"


class KubernetesHarness:
    counts_again = False
    keeps_bytes = False
    shares_keys = False
    server: Kubernetes
    """Given before the start, since it is shared."""

    def __init__(self, folder: Path) -> None:
        self._kubeconfig = folder / "kubeconfig"
        self._backup = folder / "backup"
        self._pod: Object | None = None

    async def start(self) -> None:
        self._place = await asyncio.to_thread(KubeNamespace, self.server)
        self.forwarder = Forwarder(self.server.server.ports[0])
        await self.forwarder.open()
        url = f"https://{LOOPBACK}:{self.forwarder.port}"
        user = {"token": self.server.server.admin.token}
        write_kubeconfig(self._kubeconfig, url, self.server.tls.ca, user, self._place.name)

    def open(self) -> KubernetesStore:
        return KubernetesStore(KubernetesConfig(kubeconfig=str(self._kubeconfig)))

    async def break_off(self) -> None:
        await self.forwarder.cut()

    async def mend(self) -> None:
        await self.forwarder.open()

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        name, within = place_of(key)
        await asyncio.to_thread(self._put_by_another, {name: {within: json.loads(value)}})

    async def delete_while_broken(self, key: bytes) -> None:
        await asyncio.to_thread(self._remove, *place_of(key))

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        name, within = place_of(key)
        await asyncio.to_thread(self._put_by_a_worker, name, within, json.loads(value))

    async def end_the_worker(self) -> None:
        await asyncio.to_thread(self._place.delete_pod, WORKER)

    async def back_up(self) -> None:
        # Not in a thread, with which the server would end: it is there for other tests, too.
        self.server.save(self._backup)

    async def restore(self) -> None:
        await self.forwarder.cut()
        self.server.restore(self._backup)
        await self.forwarder.open()

    async def keep_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def forget_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def stop(self) -> None:
        await self.forwarder.cut()
        await asyncio.to_thread(self._place.clear)

    def _put_by_another(self, data: dict[str, Any]) -> None:
        metadata = {"name": f"other-{uuid4()}", "namespace": self._place.name}
        kind = {"apiVersion": "nvidia.com/v1alpha1", "kind": "DynamoWorkerMetadata"}
        self._place.apply_object({**kind, "metadata": metadata, "spec": {"data": data}})

    def _put_by_a_worker(self, name: str, within: str, value: Any) -> None:
        if self._pod is None:
            self._pod = self._place.pod(WORKER)
        there = self._place.worker(WORKER)
        data = {} if there is None else there["spec"]["data"]
        data[name] = {**(data.get(name) or {}), within: value}
        self._place.apply_worker(self._pod, data)

    def _remove(self, name: str, within: str) -> None:
        for one in self._place.admin.list(WORKERS, self._place.name)["items"]:
            if within in (one["spec"]["data"].get(name) or {}):
                self._place.remove_entry(one["metadata"]["name"], name, within)
