"""The load as Kubernetes has it: an object and a pod for each worker, and slices. Pure.

Members are sorted by name, as an API server sorts them. Of a pod there is as much as of one that
the operator makes, with a kubelet's status and what the server notes of who wrote which field.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from backends.dynamo.object_ids import instance_id_of
from bench.load import Instance, Load
from tests.support.kubernetes import shapes
from tests.support.kubernetes.field_sets import fields_of

Object = dict[str, Any]

NAMESPACE = "dynamo"
MAPS = {b"v1/instances/": "endpoints", b"v1/mdc/": "model_cards"}
"""Of `spec.data`, by the beginning of the keys that they hold."""
ENDPOINTS_OF_SLICE = 100
"""As Kubernetes' controller makes them, at most."""
TIME = "2026-11-21T10:00:00Z"
VARIABLES = 24
"""Of the environment of a pod's container."""


def name_of(worker: int) -> str:
    """The name of a worker's pod and object."""
    return f"prod-backend-{worker:05}-5c9d7f6b8d-x2k4q"


def ids(load: Load) -> list[int]:
    """The instance id of each worker, which follows from its object's name."""
    return [instance_id_of(name_of(worker)) for worker in range(load.workers)]


def instances(load: Load, worker: int) -> list[Instance]:
    """All that one worker serves."""
    return load.instances_of(worker, instance_id_of(name_of(worker)))


def worker_object(
    load: Load, worker: int, moved: Instance | None = None, address: str | None = None
) -> Object:
    """The object of one worker, one of its instances at another address if it moved."""
    data: Object = {name: {} for name in ("endpoints", "model_cards", "event_channels")}
    for key, value in load.records_of(worker, instance_id_of(name_of(worker))):
        (bucket,) = (bucket for bucket in MAPS if key.startswith(bucket))
        if moved is not None and key == moved.key:
            value = moved.value(address)
        data[MAPS[bucket]][key.removeprefix(bucket).decode()] = json.loads(value)
    made = shapes.worker(
        name_of(worker), data, pod_uid=_uid(worker), namespace=NAMESPACE, created=TIME
    )
    # An apply changes the time of all that its process has.
    at = TIME if moved is None else f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return _managed(made, "dynamo-worker", "Apply", at)


def pod(load: Load, worker: int) -> Object:
    """The pod of one worker: it runs, and is ready."""
    (address, *_) = instances(load, worker)[0].address.split(":")
    made = shapes.pod(name_of(worker), _uid(worker), namespace=NAMESPACE, creationTimestamp=TIME)
    made["metadata"]["labels"] |= _labels(instances(load, worker)[0])
    made["spec"] |= _pod_spec()
    made["status"]["conditions"] += [
        {"lastProbeTime": None, "lastTransitionTime": TIME, "status": "True", "type": kind}
        for kind in ("ContainersReady", "Initialized", "PodScheduled", "PodReadyToStartContainers")
    ]
    made["status"] |= {
        "hostIP": "10.0.0.1",
        "hostIPs": [{"ip": "10.0.0.1"}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "qosClass": "Burstable",
        "startTime": TIME,
    }
    made["status"]["containerStatuses"][0] |= {
        "containerID": "containerd://" + "0123456789abcdef" * 4,
        "image": "registry.example/dynamo/vllm-runtime:1.6.1",
        "imageID": "registry.example/dynamo/vllm-runtime@sha256:" + "0123456789abcdef" * 4,
        "lastState": {},
        "started": True,
    }
    return _managed(made, "kubelet", "Update")


def slices(load: Load) -> Iterator[Object]:
    """EndpointSlices that name all pods, ready."""
    for first in range(0, load.workers, ENDPOINTS_OF_SLICE):
        endpoints = [
            shapes.endpoint(name_of(one), _uid(one), namespace=NAMESPACE)
            for one in range(first, min(first + ENDPOINTS_OF_SLICE, load.workers))
        ]
        yield shapes.endpoint_slice(f"prod-{first}", *endpoints, namespace=NAMESPACE)


def _uid(worker: int) -> str:
    return f"6f0c2a51-8d3e-4b7a-9c14-{worker:012}"


def _labels(instance: Instance) -> Object:
    return {
        "nvidia.com/dynamo-component": instance.component,
        "nvidia.com/dynamo-component-type": "worker",
        "nvidia.com/dynamo-namespace": instance.namespace,
        "nvidia.com/selector": f"prod-{instance.component}",
        "pod-template-hash": "5c9d7f6b8d",
    }


@cache
def _pod_spec() -> Object:
    probe = {"failureThreshold": 60, "httpGet": {"path": "/health", "port": 9090}}
    container = {
        "args": ["-m", "dynamo.vllm", "--model", "acme/everywhere-70b"],
        "command": ["python3"],
        "env": [{"name": f"DYN_SETTING_{n}", "value": f"value-{n}"} for n in range(VARIABLES)],
        "image": "registry.example/dynamo/vllm-runtime:1.6.1",
        "livenessProbe": probe,
        "name": "main",
        "readinessProbe": probe,
        "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"cpu": "8"}},
        "volumeMounts": [{"mountPath": f"/data/{n}", "name": f"data-{n}"} for n in range(4)],
    }
    return {
        "containers": [container],
        "restartPolicy": "Always",
        "serviceAccountName": "prod-k8s-service-discovery",
        "tolerations": [{"effect": "NoExecute", "key": f"key-{n}"} for n in range(3)],
        "volumes": [{"emptyDir": {}, "name": f"data-{n}"} for n in range(4)],
    }


def _managed(made: Object, manager: str, operation: str, at: str = TIME) -> Object:
    """Add what the server notes of who wrote which field, and sort all members."""
    made["metadata"]["managedFields"] = [
        {
            "apiVersion": made["apiVersion"],
            "fieldsType": "FieldsV1",
            "fieldsV1": fields_of(made),
            "manager": manager,
            "operation": operation,
            "time": at,
        }
    ]
    found: Object = json.loads(json.dumps(made, sort_keys=True))
    return found
