"""Write an object as Dynamo's processes write theirs: server-side apply as `dynamo-worker`.

Fields that another manager wrote belong to that manager as well, and a worker's own unregistering
would no longer take them out. So what is put back is applied under the workers' own name, and with
all of the object's data, since apply removes what is left out.
"""

from __future__ import annotations

from typing import Any

from backends.kubernetes.client import HttpAnswer, KubeClient
from backends.kubernetes.objects import BUCKETS, MANAGER, Path
from backends.kubernetes.resources import WORKERS

APPLY = "application/apply-patch+yaml"


def pod_reference(name: str, uid: str, *, container_mode: bool) -> dict[str, Any]:
    """Return an owner reference as Dynamo writes it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": name,
        "uid": uid,
        "controller": not container_mode,
        "blockOwnerDeletion": False,
    }


async def create_empty(client: KubeClient, path: Path, metadata: dict[str, Any]) -> HttpAnswer:
    """Create an object without entries, to apply to: apply itself cannot demand that there is none,
    and what its process wrote meanwhile would go.

    Its fields belong to an update as well, which matters for the empty maps alone.
    """
    body = _object(path, {name: {} for name in BUCKETS}, metadata)
    params = (("fieldManager", MANAGER),)
    return await client.request("POST", WORKERS.path(path[0]), params, body=body)


async def apply(
    client: KubeClient, path: Path, data: dict[str, Any], metadata: dict[str, Any]
) -> HttpAnswer:
    """Apply an object with this `spec.data`. `metadata` may hold uid and resourceVersion, which the
    object then has to have (else 409), and owner references."""
    body = _object(path, data, metadata)
    params = (("fieldManager", MANAGER), ("force", "true"))
    return await client.request("PATCH", WORKERS.path(*path), params, body=body, content_type=APPLY)


def _object(path: Path, data: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "nvidia.com/v1alpha1",
        "kind": "DynamoWorkerMetadata",
        "metadata": {"name": path[1], "namespace": path[0], **metadata},
        "spec": {"data": data},
    }
