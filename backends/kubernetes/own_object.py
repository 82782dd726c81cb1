"""The object of this process itself, for what it registers."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from backends.dynamo.object_ids import instance_id_of
from backends.kubernetes.apply import apply, pod_reference
from backends.kubernetes.client import KubeClient
from backends.kubernetes.current_object import delete_object, json_of, place_of
from backends.kubernetes.objects import BUCKETS, WorkerObject, revision, worker_object
from backends.store import KeyNotAllowed, Refused, Revision


class PodIdentity(msgspec.Struct, frozen=True):
    """The pod that this process runs in. Empty name: it runs in none."""

    name: str = ""
    uid: str = ""
    container: str = ""
    """In container mode."""

    @property
    def object_name(self) -> str:
        """Return the name that Dynamo gives the object of such a process."""
        if self.container and self.container != "main":
            return f"{self.name}-{self.container}"
        return self.name


def identity(environ: Mapping[str, str]) -> PodIdentity:
    """Return the pod that the environment names, by the variables that Dynamo reads, too."""
    name, uid = environ.get("POD_NAME", ""), environ.get("POD_UID", "")
    if not name or not uid:
        return PodIdentity()
    mode = environ.get("DYN_KUBE_DISCOVERY_MODE", "pod")
    return PodIdentity(name, uid, environ.get("CONTAINER_NAME", "") if mode == "container" else "")


class OwnObject:
    """The object that this process writes. Without a pod it has a name of its own and no owner."""

    def __init__(self, client: KubeClient, environ: Mapping[str, str] = os.environ) -> None:
        self._client = client
        self._identity = identity(environ)
        self.name = self._identity.object_name or f"dyntop-{secrets.token_hex(4)}"
        self._data: dict[str, dict[str, Any]] = {name: {} for name in BUCKETS}
        self._writing = asyncio.Lock()
        self._written: WorkerObject | None = None

    @property
    def instance_id(self) -> int:
        """Return the id that clients know this process by."""
        return instance_id_of(self.name)

    async def put(self, key: bytes, value: bytes, namespace: str) -> Revision:
        """Write an entry with all others of this process. Raises `StoreError`."""
        name, within = place_of(key)
        parsed = json_of(key, value)
        if not namespace:
            raise KeyNotAllowed(key, "which namespace? All of them are read")
        async with self._writing:
            data = {**self._data, name: {**self._data.get(name, {}), within: parsed}}
            found = await self._apply(key, namespace, data)
            self._data = data
            return found

    def forget(self, key: bytes) -> None:
        """Leave out an entry that was removed, when the next one is written."""
        name, within = place_of(key)
        self._data.get(name, {}).pop(within, None)

    async def remove(self) -> None:
        """Delete the object. Raises `StoreError`.

        In a pod a process of Dynamo may write the same object, which is its own then.
        """
        async with self._writing:
            if (worker := self._written) is None:
                return
            conditions = {"uid": worker.uid}
            if self._identity.name:
                conditions["resourceVersion"] = worker.version
            await delete_object(self._client, worker.path, **conditions)

    async def _apply(self, key: bytes, namespace: str, data: dict[str, dict[str, Any]]) -> Revision:
        metadata: dict[str, Any] = {}
        if self._identity.name:
            pod = self._identity
            metadata["ownerReferences"] = [
                pod_reference(pod.name, pod.uid, container_mode=bool(pod.container))
            ]
        answer = await apply(self._client, (namespace, self.name), data, metadata)
        if not answer.ok:
            raise self._client.error_of(answer)
        worker = worker_object(answer.body if isinstance(answer.body, dict) else {})
        stored = next((one for one in worker.entries if one.key == key), None) if worker else None
        if worker is None or stored is None:
            raise Refused(self._client.address, f"{key!r} was not stored")
        self._written = worker
        return revision(worker.last_write, stored)
