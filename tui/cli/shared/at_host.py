"""Find the workers at a host, for `check --host`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord
from backends.probe.hosts import host_of


def workers_at(host: str, cluster: Cluster, records: Sequence[AnyRecord]) -> Iterable[AnyRecord]:
    """Return the records of the workers of which something is at a host, of those that match the
    filters."""
    wanted = _bare(host)
    keys = {
        one.key
        for found in cluster.records.values()
        if wanted in hosts_of(found)
        for one in (found, *cluster.siblings(found))
    }
    return (record for record in records if record.key in keys)


def hosts_in(cluster: Cluster) -> set[str]:
    """Return all hosts at which something is registered."""
    return {host for record in cluster.records.values() for host in hosts_of(record)}


def hosts_of(record: AnyRecord) -> Iterator[str]:
    """Yield the host in a record's address; in Kubernetes also its pod, the pod's address, and the
    node."""
    if (host := host_of(record)) is not None:
        yield _bare(host)
    if (owner := record.entry.owner) is not None:
        address = None if owner.pod is None else owner.pod.ip
        yield from (_bare(name) for name in (owner.node, owner.pod_name, address) if name)


def _bare(host: str) -> str:
    return host.strip().strip("[]").lower()
