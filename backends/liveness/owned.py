"""What an object in Kubernetes and its pod show of a process. Pure.

Nothing is renewed there: an object ends with its pod, and the readiness of the pod, or of a
container, decides whether clients discover the process. Seen with releases 0.8 to 1.6.
"""

from __future__ import annotations

from backends.dynamo.object_ids import instance_id_of
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.store.owner import Owner, Readiness

CLOCKS = 10.0
"""Seconds that a container must have started after its object's last change. The node's clock has
the one, the API server's the other, and a process that starts needs a few seconds to register.
"""

_OF_A_PROCESS_THAT_ENDED = frozenset(
    {Readiness.NOT_READY, Readiness.NO_CONTAINER, Readiness.NO_POD}
)
"""What a process shows that has shut down. What else is not discovered may run all the same: its
pod lacks a label, or its endpoint a field."""


def id_of_object(record: AnyRecord) -> int | None:
    """Return the instance id (u64) that follows from the name of a record's object. None: no object
    holds it."""
    owner = record.entry.owner
    return None if owner is None else instance_id_of(owner.name)


def has_id_of_object(record: AnyRecord) -> bool:
    """Return whether the instance id in a record's key follows from its object's name, if it is to.
    A publisher's id may be any."""
    if record.entry.owner is None or not isinstance(record, EndpointInstance | ModelCard):
        return True
    found = record.id.instance_id
    return found is None or found == id_of_object(record)


def is_vouched_for(record: AnyRecord) -> bool:
    """Return whether Kubernetes says that a record's process is ready."""
    owner = record.entry.owner
    return owner is not None and owner.readiness is Readiness.DISCOVERABLE


def is_undiscovered(owner: Owner) -> bool:
    """Return whether clients of 1.6 are known not to discover a process."""
    return owner.readiness not in (Readiness.DISCOVERABLE, Readiness.UNKNOWN)


def is_taken_out(owner: Owner) -> bool:
    """Return whether clients do not discover a process because a lasting drain took a label off its
    pod."""
    return owner.taken_out_by is not None


def container_is_down(owner: Owner) -> bool:
    """Return whether the container of a process is known not to run."""
    container = owner.container
    return container is not None and container.state in ("waiting", "terminated")


def is_not_ready(owner: Owner) -> bool:
    """Return whether clients of 1.6 do not discover a process, or are about to notice: a container
    that ends is unready at once."""
    return is_undiscovered(owner) or container_is_down(owner)


def started_after_change(owner: Owner) -> float | None:
    """Return how many seconds after its object's last change a process's container was started.

    None: not after it, or not by more than clocks may differ; or it is not known.
    """
    container = owner.container
    if container is None or container.started_at is None or owner.applied_at is None:
        return None
    after = container.started_at - owner.applied_at
    return after if after > CLOCKS else None


def has_shut_down(owner: Owner) -> bool:
    """Return whether a process that left only cards behind has ended."""
    return (
        owner.readiness in _OF_A_PROCESS_THAT_ENDED
        or container_is_down(owner)
        or started_after_change(owner) is not None
    )


def is_plainly_ready(owner: Owner) -> bool:
    """Return whether all that is known of a process says that it is ready."""
    return (
        owner.readiness is Readiness.DISCOVERABLE
        and not owner.pod_is_gone
        and not container_is_down(owner)
        and started_after_change(owner) is None
    )


def goes_with_its_pod(record: AnyRecord) -> bool:
    """Return whether a record's object has a pod: then it is never left behind for ever, since
    Kubernetes starts the process again, which replaces it, or removes it with the pod."""
    owner = record.entry.owner
    return owner is not None and not owner.pod_is_gone
