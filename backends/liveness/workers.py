"""Workers: all that one process registered, taken together.

Pure functions over a cluster. On etcd a worker is a lease, known by the instance id on it; in
Kubernetes an object, known by the id of its name; elsewhere an instance id, joined to its channels
by what their sources say. So are the processes that are no workers: see `Worker.role`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from backends.discovery.cluster import Cluster
from backends.dynamo.ids import Kind
from backends.dynamo.records import (
    AnyRecord,
    EndpointInstance,
    EventChannel,
    EventSource,
    ModelCard,
)
from backends.dynamo.releases import Releases, releases_of
from backends.dynamo.roles import Role, is_internal, is_of_a_rank, role_of, role_of_card
from backends.liveness.judge import Verdict
from backends.probe.hosts import host_of

SEVERITY = (
    Verdict.LIVE,
    Verdict.UNKNOWN,
    Verdict.DRAINED,
    Verdict.LEFTOVER,
    Verdict.UNREACHABLE_FROM_HERE,
    Verdict.UNLEASED,
    Verdict.CONFLICT,
    Verdict.MALFORMED,
    Verdict.LATE,
    Verdict.NOT_READY,
    Verdict.UNROUTABLE,
    Verdict.ORPHANED,
    Verdict.EXPIRED,
    Verdict.UNREACHABLE,
)
"""From the best to the worst, for one verdict that stands for many records."""


class Worker(msgspec.Struct, frozen=True):
    """One process, as far as it is registered."""

    id: int
    """Its instance id (u64); of a process without instances and cards its lease."""
    records: tuple[AnyRecord, ...]
    """All that it registered, in the order of the keys; at least one."""

    @property
    def instances(self) -> list[EndpointInstance]:
        return [record for record in self.records if isinstance(record, EndpointInstance)]

    @property
    def served(self) -> list[EndpointInstance]:
        """Its instances but for those of internal endpoints."""
        return [one for one in self.instances if not is_internal(one.id.endpoint)]

    @property
    def role(self) -> Role:
        """What kind of process it is."""
        return role_of(self.records)

    @property
    def instance_ids(self) -> list[int]:
        """The ids of its instances and cards, in order: one, but for programs other than Dynamo."""
        named: list[AnyRecord] = [*self.instances, *self.cards, *self.adapters]
        return sorted({one.id.instance_id for one in named if one.id.instance_id is not None})

    @property
    def leases(self) -> list[int]:
        """The leases that its keys hang on, in order."""
        return sorted({one.lease for one in self.records if one.lease is not None})

    @property
    def ranks(self) -> int:
        """Its data-parallel ranks: as in its cards, else one for each internal endpoint."""
        on_cards = max((card.ranks or 0 for card in self.cards), default=0)
        return max(on_cards, sum(is_of_a_rank(one.id.endpoint) for one in self.instances), 1)

    @property
    def ranks_shown(self) -> int | None:
        """Its data-parallel ranks, as far as its records show them. None: they do not."""
        on_cards = [card.ranks for card in self.cards if card.ranks]
        by_endpoints = sum(is_of_a_rank(one.id.endpoint) for one in self.instances)
        return max([*on_cards, by_endpoints]) or None

    @property
    def roles(self) -> list[str]:
        """What it does, as its records show it: `aggregated`, `prefill` or `decode`, by its cards;
        a process that is no worker by its role. Empty: they do not show it."""
        if (process := self.role) is not Role.WORKER:
            return [] if process is Role.OTHER else [process.value]
        return sorted({role for card in self.cards if (role := role_of_card(card)) is not None})

    @property
    def hosts(self) -> list[str]:
        """The hosts in the addresses of its instances; without any, in those of its channels."""
        of_instances = {host for one in self.instances if (host := host_of(one))}
        return sorted(of_instances or {host for one in self.channels if (host := host_of(one))})

    @property
    def releases(self) -> Releases | None:
        """The releases that can have written its records. None: they do not show it."""
        return releases_of(self.records)

    @property
    def cards(self) -> list[ModelCard]:
        """Of base models; adapters have cards of their own."""
        return [one for one in self.records if isinstance(one, ModelCard) and not one.is_lora]

    @property
    def adapters(self) -> list[ModelCard]:
        return [one for one in self.records if isinstance(one, ModelCard) and one.is_lora]

    @property
    def channels(self) -> list[EventChannel]:
        return [record for record in self.records if isinstance(record, EventChannel)]

    @property
    def sources(self) -> list[EventSource]:
        return [record for record in self.records if isinstance(record, EventSource)]

    @property
    def others(self) -> list[AnyRecord]:
        """Keys of kinds that dyntop does not know."""
        return [record for record in self.records if record.kind is Kind.UNKNOWN]

    @property
    def components(self) -> list[str]:
        """`namespace/component` of all that it registered, each once, in order."""
        places = {(one.id.namespace, one.id.component) for one in self.records}
        return sorted({"/".join(filter(None, place)) for place in places} - {""})

    @property
    def models(self) -> list[str]:
        """The names of the models it serves, in order."""
        return sorted({card.model_name for card in self.cards if card.model_name is not None})


def worker(cluster: Cluster, worker_id: int) -> Worker | None:
    """A worker by its id. None: nothing of it is registered."""
    records = cluster.registered_by(worker_id)
    return Worker(worker_id, tuple(records)) if records else None


def workers(cluster: Cluster, records: Iterable[AnyRecord]) -> list[Worker]:
    """The workers that some records belong to, each with all it registered, by their ids."""
    ids = {cluster.worker_of(record) for record in records}
    found = (worker(cluster, one) for one in sorted(one for one in ids if one is not None))
    return [one for one in found if one is not None]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return one verdict for many; `unknown` for none."""
    return max(verdicts, key=SEVERITY.index, default=Verdict.UNKNOWN)


class ProcessHosts:
    """The hosts of processes, while the cluster stays as it is. All records of a process are looked
    at once, however many of them are asked about."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[tuple[int, str], str] = {}
        """By worker and, but for cards, the place of the record."""

    def of(self, record: AnyRecord) -> str:
        """Return the host of a record's process: the one in its address, in that of its instance,
        or else those of its worker; in Kubernetes the node of its pod. Empty: none is known."""
        if (owner := record.entry.owner) is not None:
            return owner.node
        if host := host_of(record):
            return host
        if record.key not in self._cluster.records:
            return ""
        place = record.id.path()
        if isinstance(record, ModelCard):
            beside = self._cluster.instance_beside(record)
            if beside is not None and (host := host_of(beside)):
                return host
            # Without an instance at their endpoints all cards of a worker are alike.
            place = ""
        if (number := self._cluster.worker_of(record)) is None:
            return ""
        if (number, place) not in self._known:
            self._known[number, place] = self._of_worker(record, number)
        return self._known[number, place]

    def _of_worker(self, record: AnyRecord, number: int) -> str:
        instance = self._cluster.instance_of(record)
        if instance is not None and (host := host_of(instance)):
            return host
        found = worker(self._cluster, number)
        return "" if found is None else ", ".join(found.hosts)
