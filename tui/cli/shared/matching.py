"""Find the records and processes that the words of a command line name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from backends.discovery.cluster import Cluster
from backends.dynamo import lookup
from backends.dynamo.lookup import MatchedField, Named
from backends.dynamo.records import AnyRecord
from backends.dynamo.roles import Role
from backends.liveness.workers import Worker, workers

NAMES_A_PROCESS = frozenset(
    {MatchedField.KEY, MatchedField.ID, MatchedField.ADDRESS, MatchedField.HOST}
)
"""The fields that identify a process; a model's name, or a place, only shows what it does."""


def records(
    cluster: Cluster, wanted: Named, meanings: Collection[MatchedField] = frozenset(MatchedField)
) -> list[AnyRecord]:
    """Return the records of a cluster that a text names, in the order of their keys."""
    found = (
        record
        for record in cluster.records.values()
        if not wanted.meanings(record, cluster.worker_of(record)).isdisjoint(meanings)
    )
    return sorted(found, key=lambda record: record.key)


def processes(cluster: Cluster, wanted: Named, meanings: Collection[MatchedField]) -> list[Worker]:
    """Return the processes that registered something that a text names, by their ids."""
    return workers(cluster, records(cluster, wanted, meanings))


class NameFilter:
    """Picks the records that any of some names means; of no names, all. For `survey(choose=…)`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._wanted = {one.given: one for one in map(lookup.parse, names)}
        self.missing: list[str] = []
        """The names without any match."""

    def __call__(self, cluster: Cluster, matching: Sequence[AnyRecord]) -> list[AnyRecord]:
        if not self._wanted:
            return list(matching)
        found, met = [], set()
        for record in matching:
            worker = cluster.worker_of(record)
            naming = {given for given, one in self._wanted.items() if one.meanings(record, worker)}
            met |= naming
            if naming:
                found.append(record)
        self.missing = [one.text for given, one in self._wanted.items() if given not in met]
        return found


def in_a_line(one: Worker) -> str:
    """Return a process as a candidate: its id, what it is, where, and its first address."""
    addresses = (record.transport for record in one.instances if record.transport is not None)
    address = next((transport.address for transport in addresses if transport.address), None)
    role = "" if one.role is Role.WORKER else one.role.value
    parts = (f"{one.id:x}", role, ", ".join(one.components), ", ".join(one.models))
    host = "" if address is None else address.partition("/")[0]
    return "  ".join(part for part in (*parts, host) if part)
