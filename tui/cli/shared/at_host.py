"""Find the workers at a host, for `check --host`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo.records import AnyRecord
from backends.probe.hosts import bare_host, hosts_of


def workers_at(host: str, cluster: Cluster, records: Sequence[AnyRecord]) -> Iterable[AnyRecord]:
    """Return the records of the workers of which something is at a host, of those that match the
    filters."""
    wanted = bare_host(host)
    there = [one for one in cluster.records.values() if wanted in hosts_of(one)]
    keys = {one.key for one in cluster.with_siblings(there)}
    return (record for record in records if record.key in keys)
