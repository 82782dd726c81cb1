"""Find the workers that register one host and port: as a rule one process. No Textual in here.

`dynamo.mocker --num-workers 3` is one process with three leases, which all go at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.probe.addresses import parse_address
from tui.state.cluster_view import ClusterView


class SharedAddresses:
    """The workers at each address, as of the last changes taken in."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self._workers_at: dict[str, dict[int, int]] = {}
        """By address, how many instances each worker has there."""
        self._entry: dict[bytes, tuple[str, int]] = {}
        """The address and worker of each instance."""

    def rebuild(self) -> None:
        """Take in all that is registered."""
        cluster, workers_at = self._view.cluster, self._workers_at
        workers_at.clear()
        self._entry.clear()
        for key in cluster.keys(Kind.ENDPOINT):
            record = cluster.records[key]
            if not (address := _address(record)) or (worker := cluster.worker_of(record)) is None:
                continue
            workers = workers_at.setdefault(address, {})
            workers[worker] = workers.get(worker, 0) + 1
            self._entry[key] = address, worker

    def amend(self, keys: Iterable[bytes]) -> set[int]:
        """Take in these keys as they are now. Returns the workers that have others beside them now,
        or had."""
        records, worker_of = self._view.cluster.records, self._view.cluster.worker_of
        concerned: set[int] = set()
        for key in keys:
            record = records.get(key)
            now = None
            if isinstance(record, EndpointInstance) and (address := _address(record)):
                worker = worker_of(record)
                now = None if worker is None else (address, worker)
            before = self._entry.get(key)
            if now == before:
                continue
            if before is not None:
                concerned |= self._count(*before, -1)
                del self._entry[key]
            if now is not None:
                concerned |= self._count(*now, 1)
                self._entry[key] = now
        return concerned

    def of(self, instances: Iterable[EndpointInstance]) -> tuple[str, Collection[int]]:
        """Return the address of some instances that most workers share, and these workers. Empty:
        the address is of one worker alone."""
        found: tuple[str, Collection[int]] = "", ()
        for address in dict.fromkeys(map(_address, instances)):
            workers = self._workers_at.get(address, {})
            # Of what no client can connect to, such as 0.0.0.0, each host has its own.
            if len(workers) > max(1, len(found[1])) and parse_address(address) is not None:
                found = address, workers.keys()
        return found

    def _count(self, address: str, worker: int, more: int) -> set[int]:
        """Count an instance. Returns the workers whose number of neighbours is another now."""
        workers = self._workers_at.setdefault(address, {})
        before = {*workers}
        workers[worker] = workers.get(worker, 0) + more
        if not workers[worker]:
            del workers[worker]
            if not workers:
                del self._workers_at[address]
        return set() if before == workers.keys() else before | workers.keys()


def _address(record: AnyRecord) -> str:
    """Return the host and port of an instance on the TCP request plane. Empty: it is on another."""
    transport = record.transport
    if transport is None or transport.kind != "tcp" or not transport.address:
        return ""
    return transport.address.partition("/")[0]
