"""Group records by their worker, and by their Kubernetes object. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from backends.discovery.cluster import Cluster
from backends.discovery.record_index import holder_of, object_of
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.store import Lifetime


def groups_of(cluster: Cluster, concerned: Iterable[AnyRecord]) -> Iterator[list[AnyRecord]]:
    """Yield the records of each worker concerned, once. A record of no known worker is alone."""
    # Each once, in order.
    holders: dict[int, None] = {}
    workers: dict[int, None] = {}
    for record in concerned:
        if (holder := holder_of(record)) is not None:
            holders[holder] = None
            if record.id.instance_id != holder and (number := _other_id(record)) is not None:
                holders[number] = None
        elif (worker := cluster.worker_of(record)) is not None:
            workers[worker] = None
        elif record.key in cluster.records:
            yield [cluster.records[record.key]]
    workers.update(dict.fromkeys(map(cluster.worker_id, holders)))
    for worker in workers:
        if records := cluster.registered_by(worker):
            yield records


def by_object(group: list[AnyRecord], lifetime: Lifetime) -> Iterable[list[AnyRecord]]:
    """Split one worker's records by the objects that hold them: objects of one name in several
    Kubernetes namespaces have one id."""
    owner = group[0].entry.owner
    # Nearly all workers have one object.
    if lifetime is not Lifetime.OWNED or all(one.entry.owner is owner for one in group):
        return (group,)
    objects: dict[str, list[AnyRecord]] = {}
    for record in group:
        objects.setdefault(object_of(record), []).append(record)
    return objects.values()


def _other_id(record: AnyRecord) -> int | None:
    """Return the instance id in a record if its lease, or the id of its object, is another number:
    it joins the two."""
    holder = holder_of(record)
    if holder is None or not isinstance(record, EndpointInstance | ModelCard):
        return None
    number = record.id.instance_id
    return None if number == holder else number
