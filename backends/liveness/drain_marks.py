"""Workers that are out of routing while their leases live on, and their records. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from backends.dynamo.keys import Dialect
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.liveness.evidence_kinds import Drained, DrainedOrDeleted


class DrainMark(NamedTuple):
    """When and how a worker was drained."""

    at: float
    """POSIX seconds. If that is not known, when its instance was seen to be missing."""
    by: Drained | DrainedOrDeleted
    """The user, if known. A worker that is stopping, or is not up yet, looks for a moment like one
    that was drained or deleted by hand."""


def without_instance(group: Sequence[AnyRecord]) -> set[bytes]:
    """Return those of one worker's keys that lack their endpoint instance.

    A card needs an instance at its own endpoint and under its own id, an adapter too; a channel or
    source needs that of any card. A process without a card is no worker: frontends publish, too,
    and have no instance.
    """
    cards = [one for one in group if isinstance(one, ModelCard)]
    if not cards or all(one.is_lora or one.malformed is not None for one in cards):
        return set()
    instances = [one for one in group if isinstance(one, EndpointInstance)]
    served = {_place(one, one.id.instance_id) for one in instances}
    lacking = {one.key for one in cards if _place(one, one.id.instance_id) not in served}
    if any(one.dialect is Dialect.OLD for one in cards):
        # A card of up to 0.5 has no id: it belongs to what is on its lease.
        on_lease = {_place(one, one.lease) for one in instances}
        old = (one for one in cards if one.dialect is Dialect.OLD)
        lacking -= {one.key for one in old if _place(one, one.id.instance_id) in on_lease}
    if len(lacking) < len(cards):
        return lacking
    return {one.key for one in group if not isinstance(one, EndpointInstance)}


def _place(
    record: EndpointInstance | ModelCard, instance_id: int | None
) -> tuple[str | int | None, ...]:
    at = record.id
    return (at.namespace, at.component, at.endpoint, instance_id)
