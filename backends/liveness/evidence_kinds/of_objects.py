"""The kinds of evidence of an object that holds a process's records in Kubernetes, and of its pod.

The package itself has the others. Pure.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from backends.liveness.evidence_kinds.names import EvidenceKind
from backends.store.owner import Readiness


class _OfPod(msgspec.Struct, frozen=True):
    """What is known of the pod of an object."""

    object: str
    """`namespace/name` of the object."""
    pod: str | None
    """The name of the pod that owns it. None: the object has no owner reference."""
    container: str | None
    """The container of the process. None: one process for the whole pod."""


class Ready(_OfPod, frozen=True):
    """Clients discover it: the endpoint of its pod, or its container, is ready."""

    kind: ClassVar = EvidenceKind.READY


class NotReady(msgspec.Struct, frozen=True):
    """Clients do not discover it."""

    kind: ClassVar = EvidenceKind.NOT_READY
    object: str
    pod: str | None
    container: str | None
    """These as in `Ready`."""
    readiness: Readiness
    """What prevents it."""


class TakenOut(msgspec.Struct, frozen=True):
    """A lasting drain took it out of discovery: a label of its pod is off."""

    kind: ClassVar = EvidenceKind.TAKEN_OUT
    object: str
    pod: str
    """`namespace/name`, as `dyntop restore` takes it."""
    label: str
    """`name=value` of the label that is off."""


class ContainerDown(msgspec.Struct, frozen=True):
    """The container of its process does not run."""

    kind: ClassVar = EvidenceKind.CONTAINER_DOWN
    container: str
    state: str
    """`waiting` or `terminated`."""
    reason: str | None
    """As Kubernetes has it, e.g. `CrashLoopBackOff`. None: it has none."""
    exit_code: int | None
    """None: the container has not ended."""
    restarts: int


class PodEnding(_OfPod, frozen=True):
    """Its pod is being deleted."""

    kind: ClassVar = EvidenceKind.POD_ENDING


class PodGone(_OfPod, frozen=True):
    """Its pod does not exist any more."""

    kind: ClassVar = EvidenceKind.POD_GONE


class PodReplaced(_OfPod, frozen=True):
    """Another pod has the name of the one that owns its object."""

    kind: ClassVar = EvidenceKind.POD_REPLACED


class PreviousProcess(msgspec.Struct, frozen=True):
    """Its container was started after the last change of its object, so the process before it
    registered it."""

    kind: ClassVar = EvidenceKind.PREVIOUS_PROCESS
    container: str
    started_after: float
    """Seconds from the last change of the object to the start."""
    restarts: int


class LeftByShutdown(msgspec.Struct, frozen=True):
    """Its process has shut down and left it: the object has no instance on its endpoint."""

    kind: ClassVar = EvidenceKind.LEFT_BY_SHUTDOWN
    endpoint: str | None
    """`namespace/component/endpoint`. None: the key does not name it."""


class IdNotOfObject(msgspec.Struct, frozen=True):
    """Its instance id is not the one that follows from the name of its object."""

    kind: ClassVar = EvidenceKind.ID_NOT_OF_OBJECT
    object: str
    expected: int
    """The id that follows from the name."""
    found: int
    """The id in the key."""


class IdRounded(msgspec.Struct, frozen=True):
    """Kubernetes rounded the publisher id in its body."""

    kind: ClassVar = EvidenceKind.ID_ROUNDED
    in_key: int
    """The true one."""
    in_body: int


class HidesWorker(msgspec.Struct, frozen=True):
    """An entry of its object cannot be read, which hides all of the object."""

    kind: ClassVar = EvidenceKind.HIDES_WORKER
    object: str
    key: str
    """The entry, as it is shown."""


class RightMissing(msgspec.Struct, frozen=True):
    """This user may not read what decides whether clients discover it."""

    kind: ClassVar = EvidenceKind.RIGHT_MISSING
    rights: tuple[str, ...]
    """Those that are missing, e.g. `list pods`."""
