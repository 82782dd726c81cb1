"""Entries that an object in Kubernetes holds, with what is known of its pod."""

from __future__ import annotations

from msgspec.structs import replace

from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.store import (
    ContainerState,
    Entry,
    Mode,
    Owner,
    PodExistence,
    PodLabel,
    PodState,
    Readiness,
)
from backends.store.entries import Revision
from tests.support.registered import KeyAndValue

POD = "prod-backend-worker-0"
WORKER = instance_id_of(POD)
"""The id of the process that owns the object of that name."""

CONTAINER = ContainerState("main", ready=True, restarts=0, state="running", started_at=100.0)
POD_STATE = PodState(POD, "uid-1", node="node-a", phase="Running", container=CONTAINER)
READY = Owner(
    namespace="dynamo",
    name=POD,
    uid="object-1",
    applied_at=130.0,
    pod_name=POD,
    pod_uid="uid-1",
    readiness=Readiness.DISCOVERABLE,
    existence=PodExistence.EXISTS,
    pod=POD_STATE,
    node="node-a",
)
"""A worker that was started 30 s before it registered last, and is ready."""
NOT_READY = replace(READY, readiness=Readiness.NOT_READY)
LABEL_OFF = PodLabel("dynamo", POD, "uid-1", "nvidia.com/dynamo-component", "backend")
TAKEN_OUT = replace(
    READY, readiness=Readiness.TAKEN_OUT, pod=replace(POD_STATE, label_off=LABEL_OFF)
)
"""A worker whose pod a lasting drain took out of discovery."""
GONE = replace(
    READY, readiness=Readiness.NO_ENDPOINT, existence=PodExistence.GONE, pod=None, node=""
)
UNREAD = replace(
    READY,
    readiness=Readiness.UNKNOWN,
    existence=PodExistence.UNKNOWN,
    pod=None,
    unread=("list pods",),
)
IN_CONTAINER = replace(READY, name=f"{POD}-engine-0", mode=Mode.CONTAINER)


def owned(registered: KeyAndValue, owner: Owner = READY, revision: str = "1") -> AnyRecord:
    """What is read of an entry in an object."""
    key, value = registered
    return read(Entry(key, value, Revision(revision), owner=owner))


def with_container(owner: Owner = READY, **changes: object) -> Owner:
    """The same with another state of the container."""
    pod = POD_STATE if owner.pod is None else owner.pod
    container = CONTAINER if pod.container is None else pod.container
    return replace(owner, pod=replace(pod, container=replace(container, **changes)))
