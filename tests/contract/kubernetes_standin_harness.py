"""A stand-in for an API server, in this process; changes behind a store's back are its own."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from uuid import uuid4

from backends.kubernetes import KubernetesConfig, KubernetesStore
from backends.kubernetes.current_object import place_of
from tests.support.kubernetes import shapes
from tests.support.kubernetes.standin import PODS, WORKERS, StandIn

WORKER = "a-worker"


class KubernetesStandinHarness:
    counts_again = False
    keeps_bytes = False
    shares_keys = False

    def __init__(self, folder: Path) -> None:
        self.server = StandIn()
        self._kubeconfig = folder / "kubeconfig"
        self._pod_uid = ""

    async def start(self) -> None:
        await self.server.start()
        self.server.kubeconfig(self._kubeconfig)

    def open(self) -> KubernetesStore:
        return KubernetesStore(KubernetesConfig(kubeconfig=str(self._kubeconfig)))

    async def break_off(self) -> None:
        await self.server.stop()

    async def mend(self) -> None:
        await self.server.start()

    async def put_while_broken(self, key: bytes, value: bytes) -> None:
        name, within = place_of(key)
        data = {name: {within: json.loads(value)}}
        self.server.store.put(WORKERS, shapes.worker(f"other-{uuid4()}", data))

    async def delete_while_broken(self, key: bytes) -> None:
        name, within = place_of(key)
        for one in self.server.store.all_of(WORKERS, ""):
            if within in one["spec"]["data"].get(name, {}):
                changed = copy.deepcopy(one)
                del changed["spec"]["data"][name][within]
                self.server.store.put(WORKERS, changed)

    async def put_by_a_worker(self, key: bytes, value: bytes) -> None:
        if not self._pod_uid:
            self._pod_uid = str(uuid4())
            self.server.store.put(PODS, shapes.pod(WORKER, self._pod_uid))
        name, within = place_of(key)
        there = self.server.store.objects.get((WORKERS, shapes.NAMESPACE, WORKER))
        data = {} if there is None else copy.deepcopy(there["spec"]["data"])
        data.setdefault(name, {})[within] = json.loads(value)
        made = shapes.worker(WORKER, data, pod_uid=self._pod_uid)
        del made["metadata"]["uid"], made["metadata"]["creationTimestamp"]
        self.server.store.apply((WORKERS, shapes.NAMESPACE, WORKER), made, "dynamo-worker")

    async def end_the_worker(self) -> None:
        self.server.store.delete((PODS, shapes.NAMESPACE, WORKER), {})

    async def back_up(self) -> None:
        self._backup = copy.deepcopy(self.server.store.objects), self.server.store.version

    async def restore(self) -> None:
        await self.server.stop()
        self.server.wipe()
        objects, self.server.store.version = self._backup
        self.server.store.objects = copy.deepcopy(objects)
        await self.server.start()

    async def keep_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def forget_past(self, key: bytes) -> None:
        raise NotImplementedError("there is no past here")

    async def stop(self) -> None:
        await self.server.stop()
