"""Whether clients of Dynamo discover a process, from its object, the slices and the pod. Pure.

Measured on Dynamo 0.8.1 to 1.6.1; the releases differ where an endpoint's pod is not the object's
owner (`Readiness.is_by_old_releases_only`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from backends.kubernetes.objects import Pod, SliceEndpoint, WorkerObject
from backends.kubernetes.resources import ENABLED
from backends.store import ContainerState, Mode, Owner, PodExistence, PodState, Readiness
from backends.store.owner import container_name

LIST_SLICES = "list and watch endpointslices.discovery.k8s.io"
LIST_PODS = "list and watch pods"


class Rights(msgspec.Struct, frozen=True):
    """What else than objects this user may read."""

    slices: bool = True
    pods: bool = True


ALL = Rights()


def owner_of(
    worker: WorkerObject, endpoints: Sequence[SliceEndpoint], pod: Pod | None, rights: Rights
) -> Owner:
    """Return what is known of the process that an object belongs to.

    `endpoints` are those of all slices that name the object's pod, `pod` the pod of that name.
    """
    name = container_name(worker.mode, worker.path[1], worker.pod_name)
    container = None if pod is None else _container(pod, name)
    unread = [] if rights.slices or worker.mode is Mode.CONTAINER else [LIST_SLICES]
    if not rights.pods:
        unread.append(LIST_PODS)
    return Owner(
        namespace=worker.path[0],
        name=worker.path[1],
        uid=worker.uid,
        mode=worker.mode,
        created_at=worker.created_at,
        applied_at=worker.applied_at,
        pod_name=worker.pod_name,
        pod_uid=worker.pod_uid,
        readiness=(
            _in_container_mode(pod, container, rights)
            if worker.mode is Mode.CONTAINER
            else _in_pod_mode(worker, endpoints, pod, rights)
        ),
        existence=_existence(worker, endpoints, pod, rights),
        pod=None if pod is None else _pod_state(pod, container),
        node=_node(worker, endpoints, pod),
        unread=tuple(unread),
    )


def _in_pod_mode(
    worker: WorkerObject, endpoints: Sequence[SliceEndpoint], pod: Pod | None, rights: Rights
) -> Readiness:
    if not rights.slices:
        return Readiness.UNKNOWN
    if not endpoints:
        # A pod that no Service selects any more leaves its slices.
        is_off = pod is not None and pod.label_off is not None
        return Readiness.TAKEN_OUT if is_off else Readiness.NO_ENDPOINT
    uids = {one.uid for one in endpoints if one.ready}
    if not uids:
        absent = all(one.ready is None for one in endpoints)
        return Readiness.READY_ABSENT if absent else Readiness.NOT_READY
    if not worker.pod_uid:
        return Readiness.NO_OWNER
    named = uids - {""}
    if len(named) > 1:
        return Readiness.TWO_UIDS
    if not named:
        return Readiness.NO_UID
    return Readiness.DISCOVERABLE if worker.pod_uid in named else Readiness.OTHER_UID


def _in_container_mode(
    pod: Pod | None, container: ContainerState | None, rights: Rights
) -> Readiness:
    if not rights.pods:
        return Readiness.UNKNOWN
    if pod is None:
        return Readiness.NO_POD
    if not pod.enabled:
        is_off = pod.label_off is not None and pod.label_off.name == ENABLED
        return Readiness.TAKEN_OUT if is_off else Readiness.NO_LABEL
    if container is None:
        return Readiness.NO_CONTAINER
    return Readiness.DISCOVERABLE if container.ready else Readiness.NOT_READY


def _existence(
    worker: WorkerObject, endpoints: Sequence[SliceEndpoint], pod: Pod | None, rights: Rights
) -> PodExistence:
    if not worker.pod_uid:
        return PodExistence.UNKNOWN
    if rights.pods:
        if pod is None:
            return PodExistence.GONE
        same = pod.uid == worker.pod_uid
        return PodExistence.EXISTS if same else PodExistence.REPLACED
    # A slice names the pods that exist, by uid. That it names none proves nothing.
    uids = {one.uid for one in endpoints} - {""}
    if worker.pod_uid in uids:
        return PodExistence.EXISTS
    return PodExistence.REPLACED if uids else PodExistence.UNKNOWN


def _container(pod: Pod, name: str) -> ContainerState | None:
    """Return a container's state. In pod mode: `main`, as Dynamo's operator names it, or the only
    one."""
    found = {one.name: one for one in pod.containers}
    if name:
        return found.get(name)
    if "main" in found:
        return found["main"]
    return pod.containers[0] if len(pod.containers) == 1 else None


def _pod_state(pod: Pod, container: ContainerState | None) -> PodState:
    return PodState(
        name=pod.path[1],
        uid=pod.uid,
        node=pod.node,
        phase=pod.phase,
        ip=pod.ip,
        ready=pod.ready,
        ready_since=pod.ready_since,
        deleted_at=pod.deleted_at,
        container=container,
        label_off=pod.label_off,
    )


def _node(worker: WorkerObject, endpoints: Sequence[SliceEndpoint], pod: Pod | None) -> str:
    if pod is not None and pod.node and pod.uid == worker.pod_uid:
        return pod.node
    own = (one.node for one in endpoints if one.uid == worker.pod_uid and one.node)
    return next(own, "")
