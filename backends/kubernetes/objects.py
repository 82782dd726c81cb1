"""From the JSON of Kubernetes' objects to the few values that are used of them. Never raises.

The shapes are those of `nvidia.com/v1alpha1` (what Dynamo 0.8 to 1.6 writes), of
`discovery.k8s.io/v1` and of `v1`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from backends.kubernetes.decode import value_bytes
from backends.kubernetes.resources import ENABLED, LABEL_OFF, SERVICE_NAME
from backends.store import ContainerState, Mode, PodLabel, Revision

MANAGER = "dynamo-worker"
"""The field manager that Dynamo's processes write their objects as."""
BUCKETS = {
    "endpoints": b"v1/instances",
    "model_cards": b"v1/mdc",
    "event_channels": b"v1/event_channels",
    "event_sources": b"v1/event_sources",
}
"""The bucket, in the other stores, of each map in an object's `spec.data`. Dynamo 1.6 writes them
also when they are empty; older releases cannot read an object without `event_channels`."""
MAPS = {bucket: name for name, bucket in BUCKETS.items()}

Path = tuple[str, str]
"""The namespace and name of an object."""


class StoredEntry(NamedTuple):
    """One entry of an object's `spec.data`."""

    key: bytes
    value: bytes
    """Its JSON, in the order of the server."""
    place: tuple[str, ...]
    """The members of `spec.data` that lead to it: the map and the key in it. Of a map that is none:
    the map. Of data that is none: nothing."""
    problem: str = ""
    """What is wrong with how the object holds it. Empty: nothing."""


class WorkerObject(msgspec.Struct, frozen=True):
    """One `DynamoWorkerMetadata`."""

    path: Path
    uid: str
    version: str
    created_at: float | None
    applied_at: float | None
    mode: Mode
    pod_name: str
    pod_uid: str
    entries: tuple[StoredEntry, ...]

    @property
    def last_write(self) -> str:
        """Return what all revisions of its entries begin with."""
        return f"{self.uid}/{int(self.applied_at or 0)}"


class SliceEndpoint(msgspec.Struct, frozen=True):
    """What one EndpointSlice says of one pod."""

    pod: Path
    uid: str
    """Of the pod. Empty: the slice does not say."""
    ready: bool | None
    """None: the condition is absent."""
    node: str


class Slice(msgspec.Struct, frozen=True):
    """One EndpointSlice."""

    path: Path
    endpoints: tuple[SliceEndpoint, ...]
    service: str = ""
    """The name of its Service. Empty: it names none."""


class Pod(msgspec.Struct, frozen=True):
    """One pod."""

    path: Path
    uid: str
    node: str
    phase: str
    ip: str
    ready: bool | None
    ready_since: float | None
    deleted_at: float | None
    enabled: bool
    """Whether it is labelled for discovery, which counts in container mode."""
    containers: tuple[ContainerState, ...]
    label_off: PodLabel | None = None
    """As in `PodState`."""


def worker_object(raw: Mapping[str, Any]) -> WorkerObject | None:
    """Return a `DynamoWorkerMetadata`. None: it has no name."""
    metadata = as_map(raw.get("metadata"))
    path = _path(metadata)
    if not path[1]:
        return None
    owner = _owner(metadata)
    return WorkerObject(
        path=path,
        uid=as_text(metadata.get("uid")),
        version=as_text(metadata.get("resourceVersion")),
        created_at=timestamp(metadata.get("creationTimestamp")),
        applied_at=_applied_at(metadata),
        # Dynamo sets `controller: false` in container mode alone (seen 1.2 and 1.6).
        mode=Mode.CONTAINER if owner.get("controller") is False else Mode.POD,
        pod_name=as_text(owner.get("name")),
        pod_uid=as_text(owner.get("uid")),
        entries=tuple(_entries(as_map(raw.get("spec")).get("data"))),
    )


def endpoint_slice(raw: Mapping[str, Any]) -> Slice | None:
    """Return an `EndpointSlice`. None: it has no name."""
    metadata = as_map(raw.get("metadata"))
    path = _path(metadata)
    if not path[1]:
        return None
    endpoints = []
    for one in as_list(raw.get("endpoints")):
        endpoint = as_map(one)
        target = as_map(endpoint.get("targetRef"))
        if target.get("kind") != "Pod" or not as_text(target.get("name")):
            continue
        ready = as_map(endpoint.get("conditions")).get("ready")
        endpoints.append(
            SliceEndpoint(
                pod=(as_text(target.get("namespace")) or path[0], as_text(target.get("name"))),
                uid=as_text(target.get("uid")),
                ready=ready if isinstance(ready, bool) else None,
                node=as_text(endpoint.get("nodeName")),
            )
        )
    return Slice(path, tuple(endpoints), as_text(as_map(metadata.get("labels")).get(SERVICE_NAME)))


def pod(raw: Mapping[str, Any]) -> Pod | None:
    """Return a `Pod`. None: it has no name."""
    metadata, status = as_map(raw.get("metadata")), as_map(raw.get("status"))
    path = _path(metadata)
    if not path[1]:
        return None
    conditions = [as_map(one) for one in as_list(status.get("conditions"))]
    ready: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
    return Pod(
        path=path,
        uid=as_text(metadata.get("uid")),
        node=as_text(as_map(raw.get("spec")).get("nodeName")),
        phase=as_text(status.get("phase")),
        ip=as_text(status.get("podIP")),
        ready=ready.get("status") == "True" if ready else None,
        ready_since=timestamp(ready.get("lastTransitionTime")),
        deleted_at=timestamp(metadata.get("deletionTimestamp")),
        enabled=as_map(metadata.get("labels")).get(ENABLED) == "true",
        containers=tuple(
            _container(as_map(one)) for one in as_list(status.get("containerStatuses"))
        ),
        label_off=label_off(metadata),
    )


def label_off(metadata: Mapping[str, Any]) -> PodLabel | None:
    """Return the label that a lasting drain took off a pod, by the pod's metadata. None: none was
    taken off, or the pod has that label again."""
    kept = as_text(as_map(metadata.get("annotations")).get(LABEL_OFF))
    name, is_one, value = kept.partition("=")
    if not (is_one and name) or name in as_map(metadata.get("labels")):
        return None
    namespace, pod = _path(metadata)
    return PodLabel(namespace, pod, as_text(metadata.get("uid")), name, value)


def revision(last_write: str, entry: StoredEntry) -> Revision:
    """Return the revision of an entry: of its object, the last write by a process of Dynamo
    (`WorkerObject.last_write`), and the value.

    The object's `resourceVersion` would change with every other entry, too, and with every removal
    of one.
    """
    digest = blake2b(entry.value, digest_size=8).hexdigest()
    return Revision(f"{last_write}/{digest}")


def timestamp(text: object) -> float | None:
    """Return the POSIX seconds of an RFC 3339 time. None: it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.timestamp() if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _entries(data: object) -> list[StoredEntry]:
    """Return the entries of `spec.data`. What is no map of maps is one entry with a problem.

    A null is an empty map: an API server (seen 1.37) has it where an apply took the last entry out,
    and clients of Dynamo (seen 1.6.1) read it so.
    """
    if not isinstance(data, dict):
        problem = "spec.data is not an object"
        return [StoredEntry(BUCKETS["endpoints"] + b"/", value_bytes(data), (), problem)]
    found = []
    for name, entries in data.items():
        if entries is None:
            continue
        bucket = BUCKETS.get(name) or _unknown_bucket(name)
        if not isinstance(entries, dict):
            problem = f"spec.data.{name} is not an object"
            found.append(StoredEntry(bucket + b"/", value_bytes(entries), (name,), problem))
            continue
        for key, value in entries.items():
            full = bucket + b"/" + _encoded(key)
            found.append(StoredEntry(full, value_bytes(value), (name, key)))
    return found


def _unknown_bucket(name: str) -> bytes:
    """Return the bucket of a map that no release writes. Each has one of its own."""
    bucket = b"v1/" + _encoded(name.replace("%", "%25").replace("/", "%2F"))
    return bucket + b"%" if bucket in MAPS or not name else bucket


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _owner(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    owners = [as_map(one) for one in as_list(metadata.get("ownerReferences"))]
    return next((one for one in owners if one.get("kind") == "Pod"), {})


def _applied_at(metadata: Mapping[str, Any]) -> float | None:
    fields = [as_map(one) for one in as_list(metadata.get("managedFields"))]
    times = [timestamp(one.get("time")) for one in fields if one.get("manager") == MANAGER]
    return max((one for one in times if one is not None), default=None)


def _container(status: Mapping[str, Any]) -> ContainerState:
    states = as_map(status.get("state"))
    name = next((one for one in ("running", "waiting", "terminated") if one in states), "")
    state = as_map(states.get(name))
    exit_code, restarts = state.get("exitCode"), status.get("restartCount")
    return ContainerState(
        name=as_text(status.get("name")),
        ready=status.get("ready") is True,
        restarts=restarts if isinstance(restarts, int) else 0,
        state=name,
        reason=as_text(state.get("reason")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        started_at=timestamp(state.get("startedAt")) if name == "running" else None,
    )


def _path(metadata: Mapping[str, Any]) -> Path:
    return as_text(metadata.get("namespace")), as_text(metadata.get("name"))


def as_map(value: object) -> Mapping[str, Any]:
    """Return a JSON object. Empty: the value is none."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a JSON array. Empty: the value is none."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a JSON string. Empty: the value is none."""
    return value if isinstance(value, str) else ""
