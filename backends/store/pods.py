"""What a store that runs its processes in pods (Kubernetes) can tell beyond its entries."""

from __future__ import annotations

from typing import Protocol

import msgspec

from backends.store.errors import StoreError
from backends.store.owner import Owner, PodExistence


class PodEvent(msgspec.Struct, frozen=True):
    """What Kubernetes wrote down about a pod: a `v1` Event, kept for an hour by default.

    One stands for all of the same reason and message.
    """

    reason: str
    """E.g. `Unhealthy`, `BackOff`, `Killing`."""
    message: str
    is_warning: bool
    count: int
    """How often it happened: at least 1."""
    first_at: float | None
    """POSIX seconds. None: not reported."""
    last_at: float | None
    """POSIX seconds. None: not reported."""
    container: str = ""
    """The container that it is about. Empty: the pod as a whole."""
    reporter: str = ""
    """The component that reported it, e.g. `kubelet`. Empty: not reported."""


class PodWarning(msgspec.Struct, frozen=True):
    """A warning among the events of a pod."""

    pod_uid: str
    event: PodEvent


class Pods(Protocol):
    """Answers questions about pods."""

    async def existence(self, owner: Owner) -> PodExistence:
        """Return whether the pod that owned an object still exists. `UNKNOWN`: the object has no
        owner, or this user may not get pods. Raises `StoreError`."""

    async def events(self, namespace: str, uid: str) -> tuple[PodEvent, ...]:
        """Return what was written down about the pod with that uid, the latest first.

        `namespace`: the pod's, in Kubernetes. Raises `StoreError`; `Forbidden` if this user may
        not list events.
        """

    async def warnings(self) -> tuple[PodWarning, ...]:
        """Return what was written down as a warning about any pod where the store is read, in no
        order. Raises `StoreError`; `Forbidden` if this user may not list events."""


PodEvents = tuple[PodEvent, ...] | StoreError
"""The events of a pod, the latest first, or why they could not be read."""


async def events_of(pods: Pods, owner: Owner) -> PodEvents:
    """Return the events of the pod that owns an object, or the error of reading them."""
    try:
        return await pods.events(owner.namespace, owner.pod_uid)
    except StoreError as error:
        return error
