"""Workers whose pods have the labels of Dynamo's operator, on a real API server."""

from __future__ import annotations

from typing import Any

from tests.support.kubernetes.dynamo import selector_of
from tests.support.kubernetes.namespace import KubeNamespace

COMPONENT = "nvidia.com/dynamo-component"
ENTRY = {"type": "Endpoint", "namespace": "prod", "component": "backend", "endpoint": "generate"}
POD = "prod-backend-0"


def replica_set(kube: KubeNamespace, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make what a Deployment of Dynamo's operator has; return a reference to it."""
    body = deployment("backend-1")
    body["metadata"]["ownerReferences"] = [owner] if owner else []
    made = kube.admin.create("replicasets", kube.name, body)
    return reference("apps/v1", "ReplicaSet", "backend-1", made["metadata"]["uid"])


def deployment(name: str) -> dict[str, Any]:
    labels = {"nvidia.com/selector": "backend"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "dynamo"}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def reference(version: str, kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": True}


def in_pod_mode(kube: KubeNamespace, owner: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a ready worker whose Service selects its pod."""
    kube.service("backend", selector_of("backend"))
    labels = {**selector_of("backend"), "nvidia.com/selector": "backend"}
    pod = kube.pod(POD, labels=labels, owner=owner)
    kube.set_status(POD)
    kube.wait_until_ready(pod)
    kube.apply_worker(pod, {"endpoints": {"prod/backend/generate/1a": ENTRY}})
    return pod
