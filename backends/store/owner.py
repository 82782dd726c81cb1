"""The object that holds an entry, and the process that owns the object, in stores that have owners.

Kubernetes: one custom resource for each process of Dynamo holds all that the process registers. No
key expires; whether clients discover a process follows from the readiness of its pod, or of its
container. How Dynamo decides was measured on releases 0.8 to 1.6.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """How a process is identified, and where its readiness is read."""

    POD = "pod"
    """One process for each pod: readiness comes from the EndpointSlices of its service."""
    CONTAINER = "container"
    """One process for each container: readiness comes from the pod's container statuses."""


class Readiness(StrEnum):
    """Whether clients of Dynamo discover a process by its object, or what prevents it."""

    DISCOVERABLE = "discoverable"
    UNKNOWN = "unknown"
    """This user may not read what decides it: `Owner.unread` names the missing right."""
    NOT_READY = "not ready"
    """The pod's endpoint, or the container, is not ready."""
    NO_ENDPOINT = "no endpoint"
    """Pod mode: no EndpointSlice that is labelled for discovery names the pod."""
    READY_ABSENT = "ready absent"
    """Pod mode: the endpoint has no `ready` condition. Kubernetes takes that for ready, Dynamo does
    not."""
    NO_CONTAINER = "no container"
    """Container mode: the pod has no status of a container of that name."""
    NO_LABEL = "no label"
    """Container mode: the pod is not labelled for discovery."""
    TAKEN_OUT = "taken out"
    """A label of the pod was taken off by hand (`PodState.label_off`), and can be put back."""
    NO_POD = "no pod"
    """Container mode: the pod does not exist."""
    OTHER_UID = "other uid"
    """The ready endpoint is that of another pod of the same name. Releases 0.8 to 1.5 discover it,
    1.6 does not."""
    NO_UID = "no uid"
    """The ready endpoint does not say which pod it belongs to. Releases 0.8 to 1.5 discover it, 1.6
    does not."""
    NO_OWNER = "no owner"
    """The object has no owner reference. Releases 0.8 to 1.5 discover it, 1.6 does not."""
    TWO_UIDS = "two uids"
    """Ready endpoints name two pods of that name. Releases 0.8 to 1.5 discover it, 1.6 does not."""

    @property
    def is_by_old_releases_only(self) -> bool:
        """Return whether clients of 0.8 to 1.5 discover the process, and clients of 1.6 do not."""
        return self in _BY_OLD_RELEASES


_BY_OLD_RELEASES = frozenset(
    {Readiness.OTHER_UID, Readiness.NO_UID, Readiness.NO_OWNER, Readiness.TWO_UIDS}
)


class PodExistence(StrEnum):
    """Whether the pod that owns an object exists."""

    EXISTS = "exists"
    GONE = "gone"
    """No pod has that name."""
    REPLACED = "replaced"
    """A pod has that name and another uid."""
    UNKNOWN = "unknown"
    """Pods may not be read, or the object names no owner."""


class ContainerState(msgspec.Struct, frozen=True):
    """The state of the container that a process runs in, as its pod's status reports it."""

    name: str
    ready: bool
    restarts: int
    state: str
    """`running`, `waiting`, `terminated`, or empty: not reported."""
    reason: str = ""
    """Why it waits or has ended, e.g. `CrashLoopBackOff`, `OOMKilled`. Empty: no reason is given.
    """
    exit_code: int | None = None
    """Of a container that has ended. None: it has not."""
    started_at: float | None = None
    """POSIX seconds of its last start. None: it does not run, or the time is not reported."""


class PodLabel(msgspec.Struct, frozen=True):
    """A label of a pod by which clients of Dynamo find the processes in it."""

    namespace: str
    pod: str
    uid: str
    """Of the pod."""
    name: str
    """The label's, e.g. `nvidia.com/dynamo-component`."""
    value: str

    @property
    def pod_path(self) -> str:
        """Return `namespace/name` of the pod."""
        return f"{self.namespace}/{self.pod}"

    @property
    def text(self) -> str:
        """Return `name=value`, as `kubectl label` takes it."""
        return f"{self.name}={self.value}"


class PodState(msgspec.Struct, frozen=True):
    """A pod, as far as this user may read it."""

    name: str
    uid: str
    node: str = ""
    """Empty: not scheduled yet."""
    phase: str = ""
    """`Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`."""
    ip: str = ""
    ready: bool | None = None
    """The pod's own Ready condition. None: not reported."""
    ready_since: float | None = None
    """POSIX seconds of the last change of the Ready condition."""
    deleted_at: float | None = None
    """POSIX seconds by which it is to end (`deletionTimestamp`). None: it is not being deleted."""
    container: ContainerState | None = None
    """The container of the process. None: it is not known which one, or it has no status yet."""
    label_off: PodLabel | None = None
    """The label that a lasting drain took off the pod, and that is still off. None: none is."""


class Owner(msgspec.Struct, frozen=True):
    """The object that holds an entry, and with it the process that the entry belongs to.

    `namespace`, `name`, `uid` and times are the object's; `pod_name` and `pod_uid` those of the pod
    that Kubernetes names as the object's own owner.
    """

    namespace: str
    """The Kubernetes namespace. Not Dynamo's."""
    name: str
    """The object's name, which the instance id is a hash of."""
    uid: str
    mode: Mode = Mode.POD
    created_at: float | None = None
    """POSIX seconds."""
    applied_at: float | None = None
    """POSIX seconds of the last change by a process of Dynamo (field manager `dynamo-worker`).
    None: no process of Dynamo wrote it."""
    pod_name: str = ""
    """Of the owner reference. Empty: the object has none."""
    pod_uid: str = ""
    readiness: Readiness = Readiness.UNKNOWN
    existence: PodExistence = PodExistence.UNKNOWN
    pod: PodState | None = None
    """The pod of that name, whatever its uid. None: it does not exist, or may not be read."""
    node: str = ""
    """The node of the pod, by the pod or else by its EndpointSlice. Empty: not known."""
    unread: tuple[str, ...] = ()
    """The rights that this user lacks to know more, e.g. `list pods`."""

    @property
    def path(self) -> str:
        """Return `namespace/name` of the object."""
        return f"{self.namespace}/{self.name}"

    @property
    def container_name(self) -> str:
        """Return the container's name in container mode. Empty: pod mode, or not known."""
        return container_name(self.mode, self.name, self.pod_name)

    @property
    def container(self) -> ContainerState | None:
        """Return the state of the process's container. None: it is not known."""
        return None if self.pod is None else self.pod.container

    @property
    def taken_out_by(self) -> PodLabel | None:
        """Return the label whose absence takes the process out of discovery, if it was taken off by
        hand. None: it was not."""
        if self.readiness is not Readiness.TAKEN_OUT or self.pod is None:
            return None
        return self.pod.label_off

    @property
    def pod_is_gone(self) -> bool:
        """Return whether the pod that owns the object does not exist any more."""
        return self.existence in (PodExistence.GONE, PodExistence.REPLACED)

    @property
    def pod_is_ending(self) -> bool:
        """Return whether the pod is being deleted."""
        return self.pod is not None and self.pod.deleted_at is not None


def container_name(mode: Mode, object_name: str, pod_name: str) -> str:
    """Return the name of the container that writes an object: objects are called `POD`, or
    `POD-CONTAINER` for a container not called `main`. Empty: pod mode, or not known."""
    if mode is Mode.POD or not pod_name:
        return ""
    return "main" if object_name == pod_name else object_name.removeprefix(f"{pod_name}-")


def qualify(key: bytes, owner: Owner) -> bytes:
    """Return the key of an entry whose plain key an older object holds, too: `key@namespace/name`.

    So each entry of a store has a key of its own, and no registration hides another.
    """
    return key + b"@" + owner.path.encode()
