"""Plan a drain that lasts: a label of a pod is taken off, so that clients discover none of the
processes in it until the label is back.

What the processes registered stays. A drain of keys holds only until the worker itself changes what
it registered, which writes everything back (seen with Dynamo 1.6.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.store import Mode, NoLabel, Owner, PodLabel, Store, StoreError


class LastingDrain(msgspec.Struct, frozen=True):
    """A pod that can be taken out of discovery."""

    label: PodLabel
    """The label to take off."""
    record: AnyRecord
    """The first of the records that it was planned for."""
    instances: tuple[EndpointInstance, ...]
    """What clients do not discover then, of all processes of the pod, in the order of their keys.
    """
    containers: tuple[str, ...]
    """The containers whose processes go out with it, in container mode. Empty: one process for the
    whole pod."""


class NoLastingDrain(msgspec.Struct, frozen=True):
    """Why no lasting drain is offered."""

    reason: str
    """For people, as a clause; may hold untrusted text."""
    error: StoreError | None = None
    """What the store answered instead, if that is why."""


async def plan_lasting_drain(
    store: Store, cluster: Cluster, records: Sequence[AnyRecord]
) -> LastingDrain | NoLastingDrain:
    """Return the lasting drain of the pod that these records belong to. Changes nothing."""
    if store.pod_labels is None:
        return NoLastingDrain(
            f"{store.name} has no such act: only in Kubernetes a label of the pod decides whether "
            "clients discover a worker"
        )
    owner = _owner_of(records)
    if isinstance(owner, NoLastingDrain):
        return owner
    if (label := owner.taken_out_by) is not None:
        return NoLastingDrain(
            f"pod {label.pod_path} is out of discovery already: its label {label.text} is off"
        )
    try:
        found = await store.pod_labels.find(owner)
    except StoreError as error:
        return NoLastingDrain("the store did not say whether it can be done", error)
    if isinstance(found, NoLabel):
        return NoLastingDrain(found.reason)
    mates = pod_mates(cluster, owner)
    owners = [one.entry.owner for one in mates]
    containers = {one.container_name for one in owners if one is not None} - {""}
    return LastingDrain(found, records[0], mates, tuple(sorted(containers)))


def pod_mates(cluster: Cluster, owner: Owner) -> tuple[EndpointInstance, ...]:
    """Return the instances of all processes that a label of a pod takes out of discovery, in the
    order of their keys: those of the pod, in the mode of one of them.

    Takes time in proportion to all instances.
    """
    place = _pod(owner)
    found = [
        one
        for one in cluster.of_type(EndpointInstance)
        if one.entry.owner is not None and _pod(one.entry.owner) == place
    ]
    return tuple(sorted(found, key=lambda one: one.key))


def pods_taken_out(records: Iterable[AnyRecord]) -> dict[PodLabel, list[AnyRecord]]:
    """Return the labels that are off, by pod, with the records of the processes that are out."""
    found: dict[PodLabel, list[AnyRecord]] = {}
    for record in records:
        owner = record.entry.owner
        if owner is not None and (label := owner.taken_out_by) is not None:
            found.setdefault(label, []).append(record)
    return {
        label: found[label]
        for label in sorted(found, key=lambda one: (one.namespace, one.pod, one.uid))
    }


def _owner_of(records: Iterable[AnyRecord]) -> Owner | NoLastingDrain:
    """Return an owner in the one pod of some records."""
    owners: dict[tuple[str, str, Mode], Owner] = {}
    for record in records:
        if (owner := record.entry.owner) is not None:
            owners.setdefault(_pod(owner), owner)
    if not owners:
        return NoLastingDrain("no object in Kubernetes holds it")
    if len(owners) > 1:
        return NoLastingDrain(f"that takes one pod at a time, and these are {len(owners):,}")
    return next(iter(owners.values()))


def _pod(owner: Owner) -> tuple[str, str, Mode]:
    # Without an owner reference each object stands for itself.
    return owner.namespace, owner.pod_uid or f"object {owner.uid}", owner.mode
