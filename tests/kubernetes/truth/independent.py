"""What a namespace has and what follows from it, by plain GETs: nothing of dyntop is used.

How Dynamo decides was measured on the releases 0.8 to 1.6: a process is discovered while an
endpoint of a labelled slice is ready that names its object and, from 1.6 on, its pod's uid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.kubernetes.api import DYNAMO, WORKERS, Object
from tests.support.kubernetes.dynamo import BUCKETS
from tests.support.kubernetes.namespace import KubeNamespace

LABELLED = "nvidia.com/dynamo-discovery-enabled=true"
CLOCKS = 10.0
"""Seconds by which the clocks of node and API server may differ."""
CARDS = "model_cards"


@dataclass(frozen=True)
class Said:
    """What there is to say of one entry."""

    value: Any
    verdict: str
    """By what Kubernetes knows, without probes."""
    object: str
    """`namespace/name`."""
    pod_uid: str
    discovered: bool


@dataclass(frozen=True)
class Truth:
    """A namespace at one moment."""

    entries: Mapping[str, Said]
    """By the keys of other stores."""

    def routable(self, endpoint: str = "prod/backend/generate") -> set[str]:
        """The ids that requests to an endpoint are routed to: those in the bodies."""
        return {
            f"{said.value['instance_id']:x}"
            for key, said in self.entries.items()
            if key.startswith(f"v1/instances/{endpoint}/") and said.discovered
        }

    def kinds(self) -> set[str]:
        """The buckets that hold anything."""
        return {"/".join(key.split("/")[:2]) for key in self.entries}


def read(place: KubeNamespace) -> Truth:
    """Read all there is."""
    admin, namespace = place.admin, place.name
    workers = admin.list(WORKERS, namespace)["items"]
    slices = admin.list("endpointslices", namespace, labelSelector=LABELLED)["items"]
    pods = {one["metadata"]["name"]: one for one in admin.list("pods", namespace)["items"]}
    endpoints = [one for some in slices for one in some.get("endpoints") or ()]
    entries: dict[str, Said] = {}
    for worker in workers:
        entries |= _entries(worker, endpoints, pods)
    return Truth(entries)


def _entries(
    worker: Object, endpoints: list[Object], pods: Mapping[str, Object]
) -> dict[str, Said]:
    metadata, data = worker["metadata"], worker["spec"]["data"]
    (reference,) = metadata["ownerReferences"]
    pod = pods.get(reference["name"])
    ready = {
        endpoint["targetRef"]["uid"]
        for endpoint in endpoints
        if endpoint["conditions"].get("ready") and endpoint["targetRef"]["name"] == metadata["name"]
    }
    discovered = reference["uid"] in ready
    gone = pod is None or pod["metadata"]["uid"] != reference["uid"]
    state = {} if pod is None else _container(pod)
    down = bool(state) and "running" not in state
    before = _started_after_apply(state, metadata)
    found = {}
    for kind, some in data.items():
        # The server has null for a map whose last entry was taken out.
        for key, value in (some or {}).items():
            place = "/".join(key.split("/")[:4])
            alone = kind != "endpoints" and place not in (data.get("endpoints") or {})
            if gone:
                verdict = "orphaned"
            elif alone and kind == CARDS and (down or before or not discovered):
                verdict = "leftover"
            elif before:
                verdict = "orphaned"
            elif down or not discovered:
                verdict = "not ready"
            else:
                verdict = "unroutable" if alone else "live"
            path = f"{metadata['namespace']}/{metadata['name']}"
            found[f"{BUCKETS[kind]}/{key}"] = Said(
                value, verdict, path, reference["uid"], discovered
            )
    return found


def _container(pod: Object) -> Object:
    """The state of its container `main`. Empty: none is reported."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return next((one["state"] for one in statuses if one["name"] == "main"), {})


def _started_after_apply(state: Object, metadata: Object) -> bool:
    """Whether what is registered is of the process before."""
    applied = [one["time"] for one in metadata["managedFields"] if one["manager"] == DYNAMO]
    if "running" not in state or not applied:
        return False
    started = datetime.fromisoformat(state["running"]["startedAt"])
    return (started - datetime.fromisoformat(max(applied))).total_seconds() > CLOCKS
