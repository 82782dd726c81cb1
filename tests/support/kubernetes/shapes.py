"""Objects as Dynamo, Kubernetes' controllers and kubelets write them, for tests."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
ENABLED = "nvidia.com/dynamo-discovery-enabled"
NAMESPACE = "default"


def worker(
    name: str,
    data: Object | None = None,
    *,
    uid: str = "",
    pod: str = "",
    pod_uid: str = "",
    container_mode: bool = False,
    namespace: str = NAMESPACE,
    created: str = "2026-11-21T10:00:00Z",
) -> Object:
    """Return a `DynamoWorkerMetadata`. `data`: maps of `spec.data`, beside empty ones. `pod_uid`:
    empty for an object without owner."""
    metadata: Object = {"name": name, "namespace": namespace, "creationTimestamp": created}
    metadata["uid"] = uid or f"object-{name}"
    if pod_uid:
        owner = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod or name,
            "uid": pod_uid,
            "controller": not container_mode,
            "blockOwnerDeletion": False,
        }
        metadata["ownerReferences"] = [owner]
    empty: Object = {"endpoints": {}, "model_cards": {}, "event_channels": {}}
    return {
        "apiVersion": "nvidia.com/v1alpha1",
        "kind": "DynamoWorkerMetadata",
        "metadata": metadata,
        "spec": {"data": {**empty, **(data or {})}},
    }


def endpoint(
    pod: str,
    uid: str | None,
    ready: bool | None = True,
    *,
    node: str = "node-1",
    namespace: str = NAMESPACE,
) -> Object:
    """Return an endpoint of a slice. None: the slice does not say that."""
    target = {"kind": "Pod", "name": pod, "namespace": namespace}
    if uid is not None:
        target["uid"] = uid
    conditions = {} if ready is None else {"ready": ready, "serving": ready}
    return {
        "addresses": ["10.0.0.7"],
        "conditions": conditions,
        "targetRef": target,
        "nodeName": node,
    }


def endpoint_slice(
    name: str, *endpoints: Object, namespace: str = NAMESPACE, enabled: bool = True
) -> Object:
    """Return an `EndpointSlice`, labelled for discovery."""
    labels = {ENABLED: "true"} if enabled else {}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
    }


def pod(
    name: str,
    uid: str,
    *,
    namespace: str = NAMESPACE,
    containers: dict[str, bool] | None = None,
    enabled: bool = True,
    ready: bool = True,
    node: str = "node-1",
    **metadata: Any,
) -> Object:
    """Return a running pod. `containers`: each with its readiness."""
    statuses = [
        {
            "name": container,
            "ready": is_ready,
            "restartCount": 0,
            "state": {"running": {"startedAt": "2026-11-21T10:00:00Z"}},
        }
        for container, is_ready in (containers or {"main": ready}).items()
    ]
    labels = {ENABLED: "true"} if enabled else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "labels": labels,
            **metadata,
        },
        "spec": {"nodeName": node},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "lastTransitionTime": "2026-11-21T10:00:05Z",
                }
            ],
            "containerStatuses": statuses,
        },
    }


def event(
    name: str,
    pod_uid: str,
    reason: str,
    message: str,
    *,
    warning: bool = True,
    count: int = 1,
    at: str = "2026-11-21T10:00:00Z",
    container: str = "",
    namespace: str = NAMESPACE,
) -> Object:
    """Return an `Event` of a pod, as a kubelet writes it."""
    about = {"kind": "Pod", "namespace": namespace, "name": "a-pod", "uid": pod_uid}
    if container:
        about["fieldPath"] = f"spec.containers{{{container}}}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "count": count,
        "firstTimestamp": "2026-11-21T09:00:00Z",
        "lastTimestamp": at,
        "source": {"component": "kubelet", "host": "node-1"},
    }
