"""The object, pod and container of a record on Kubernetes, as text and as JSON. No Textual in here.
Untrusted text is not escaped yet."""

from __future__ import annotations

from typing import Any

from backends.store import ContainerState, Owner, PodEvents, PodExistence, Readiness
from tui.text.format import count, duration
from tui.text.pod_events import pod_event_fields
from tui.text.timestamps import utc_stamp

READINESS = {
    Readiness.DISCOVERABLE: "ready: clients discover it",
    Readiness.UNKNOWN: "not known",
    Readiness.NOT_READY: "not ready",
    Readiness.NO_ENDPOINT: "not discoverable: no EndpointSlice for discovery names the pod",
    Readiness.READY_ABSENT: "not discoverable: its endpoint has no `ready` condition",
    Readiness.NO_CONTAINER: "not discoverable: the pod has no status of the container",
    Readiness.NO_LABEL: "not discoverable: the pod is not labelled for discovery",
    Readiness.TAKEN_OUT: "taken out of discovery by hand",
    Readiness.NO_POD: "not discoverable: the pod does not exist",
    Readiness.OTHER_UID: "discovered by 0.8 to 1.5 only: the ready endpoint is another pod's",
    Readiness.NO_UID: "discovered by 0.8 to 1.5 only: the ready endpoint names no pod uid",
    Readiness.NO_OWNER: "discovered by 0.8 to 1.5 only: the object has no owner",
    Readiness.TWO_UIDS: "discovered by 0.8 to 1.5 only: two pods of that name are ready",
}
"""Whether clients discover a process, in words."""


def owner_fields(
    owner: Owner, now: float, events: PodEvents | None = None
) -> list[tuple[str, str]]:
    """Return labels and texts on an object and its pod; empty texts for what is not known.

    `now`: POSIX seconds by the host's clock, which Kubernetes' times are compared with. `events`:
    of the pod. None: not read.
    """
    return [
        ("ready", _readiness(owner, now)),
        ("pod", _pod(owner, now)),
        ("container", "" if owner.container is None else _container(owner.container, now)),
        ("node", owner.node),
        ("object", _object(owner, now)),
        ("not read", "; ".join(f"this user may not {right}" for right in owner.unread)),
        *pod_event_fields(events, now),
    ]


def exported_owner(owner: Owner) -> dict[str, Any]:
    """Return an owner as JSON. Times are UTC; None: not known."""
    pod = owner.pod
    container = owner.container
    return {
        "namespace": owner.namespace,
        "object": owner.name,
        "uid": owner.uid,
        "created_at": _utc(owner.created_at),
        "applied_at": _utc(owner.applied_at),
        "mode": owner.mode.value,
        "readiness": owner.readiness.value,
        "node": owner.node or None,
        "pod": owner.pod_name or None,
        "pod_uid": owner.pod_uid or None,
        "pod_existence": owner.existence.value,
        "pod_phase": (pod.phase or None) if pod is not None else None,
        "pod_ip": (pod.ip or None) if pod is not None else None,
        "pod_ready": None if pod is None else pod.ready,
        "pod_ready_since": None if pod is None else _utc(pod.ready_since),
        "pod_deleted_at": None if pod is None else _utc(pod.deleted_at),
        "container": None if container is None else container.name,
        "container_state": None if container is None else container.state or None,
        "container_reason": None if container is None else container.reason or None,
        "container_started_at": None if container is None else _utc(container.started_at),
        "pod_label_off": None if pod is None or pod.label_off is None else pod.label_off.text,
        "restarts": None if container is None else container.restarts,
        "missing_rights": list(owner.unread),
    }


def _readiness(owner: Owner, now: float) -> str:
    text = READINESS[owner.readiness]
    if (label := owner.taken_out_by) is not None:
        text += f": label {label.text} of the pod is off"
    since = None if owner.pod is None else owner.pod.ready_since
    if since is None or owner.pod is None or owner.pod.ready is None:
        return text
    word = "ready" if owner.pod.ready else "not ready"
    return f"{text}  (pod {word} for {duration(now - since)})"


def _pod(owner: Owner, now: float) -> str:
    if not owner.pod_name:
        return "none: the object has no owner"
    match owner.existence:
        case PodExistence.GONE:
            return f"{owner.pod_name}  gone"
        case PodExistence.REPLACED:
            other = "" if owner.pod is None else f" (uid {owner.pod.uid})"
            return f"{owner.pod_name}  gone: another pod has its name{other}"
    parts = [owner.pod_name]
    if owner.pod is not None:
        parts += filter(None, (owner.pod.phase, owner.pod.ip))
        if (ends_at := owner.pod.deleted_at) is not None:
            left = ends_at - now
            parts.append(
                f"being deleted, {duration(left)} left" if left > 0 else "being deleted, overdue"
            )
    parts.append(f"uid {owner.pod_uid}")
    return "  ".join(parts)


def _container(container: ContainerState, now: float) -> str:
    parts = [container.name, _state(container, now)]
    if not container.ready:
        parts.append("not ready")
    if container.restarts:
        parts.append(count(container.restarts, "restart"))
    return "  ".join(filter(None, parts))


def _state(container: ContainerState, now: float) -> str:
    text = container.state
    if container.started_at is not None:
        text += f" for {duration(now - container.started_at)}"
    if container.reason:
        text += f": {container.reason}"
    if container.exit_code is not None:
        text += f" (exit code {container.exit_code})"
    return text


def _object(owner: Owner, now: float) -> str:
    parts = [owner.path]
    if owner.applied_at is None:
        parts.append("not written by Dynamo")
    else:
        parts.append(f"last written {duration(now - owner.applied_at)} ago")
    if owner.created_at is not None:
        parts.append(f"created {duration(now - owner.created_at)} ago")
    parts.append(f"uid {owner.uid}")
    return "  ".join(parts)


def _utc(at: float | None) -> str | None:
    return None if at is None else utc_stamp(at, "seconds")
