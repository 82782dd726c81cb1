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
        addresses: set[str] = set()
        for key in keys:
            record = records.get(key)
            now = None
            if isinstance(record, EndpointInstance) and (address := _address(record)):
                worker = worker_of(record)
                now = None if worker is None else (address, worker)
            before = self._entry.get(key)
            if now == before:
                continue
            for entry, more in ((before, -1), (now, 1)):
                if entry is not None and self._count(*entry, more):
                    address, worker = entry
                    concerned.add(worker)
                    addresses.add(address)
            if now is None:
                del self._entry[key]
            else:
                self._entry[key] = now
        # Once for all that came and went there: thousands may.
        return concerned.union(*(self._workers_at.get(one, ()) for one in addresses))

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

    def _count(self, address: str, worker: int, more: int) -> bool:
        """Count an instance. Returns whether other workers are at the address now."""
        workers = self._workers_at.setdefault(address, {})
        before = len(workers)
        workers[worker] = workers.get(worker, 0) + more
        if not workers[worker]:
            del workers[worker]
            if not workers:
                del self._workers_at[address]
        return len(workers) != before


def _address(record: AnyRecord) -> str:
    """Return the host and port of an instance on the TCP request plane. Empty: it is on another."""
    transport = record.transport
    if transport is None or transport.kind != "tcp" or not transport.address:
        return ""
    return transport.address.partition("/")[0]
