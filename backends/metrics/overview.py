"""Metrics joined to registered records: models with their frontends and workers. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.dynamo.ids import Kind as RecordKind
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.metrics.card_cache import CardCache
from backends.metrics.catalogue import MetricOwner
from backends.metrics.latest import LatestMetrics, ScrapedProcess
from backends.metrics.rates import Rates, Seen, WorkerLabels, total
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.served import Served, compare, names_of
from backends.probe.addresses import parse_address

LARGEST_ID = 2**64 - 1


class AtFrontend(msgspec.Struct, frozen=True):
    """One frontend's metrics of a model."""

    known: ScrapedProcess
    rates: Rates


class AtWorker(msgspec.Struct, frozen=True):
    """The metrics of one worker."""

    id: int | None
    """None: its metrics do not name it, and nothing else identifies it."""
    joined_by: str
    """How the worker was identified, or why it was not."""
    rates: Rates
    known: ScrapedProcess | None = None
    """The worker's own server. None: only frontends report on it."""
    endpoints: Mapping[WorkerLabels, Rates] = msgspec.field(default_factory=dict)
    """By endpoint."""
    seen: Seen | None = None
    """A frontend's report on it."""
    seen_by: ScrapeTarget | None = None


class MeteredModel(msgspec.Struct, frozen=True):
    """A model or adapter, by its served name."""

    name: str
    served: Served | None
    """None: no frontend has listed what it serves."""
    cards: tuple[ModelCard, ...]
    rates: Rates
    """At all frontends together. Without a scraped frontend: of the workers that are not for
    prefill.
    """
    frontends: tuple[AtFrontend, ...]
    workers: tuple[AtWorker, ...]
    missing: tuple[ScrapedProcess, ...] = ()
    """Frontends that fail and reported on it before. Their requests are in none of its figures, and
    whether they still serve it is not known.
    """

    @property
    def not_served(self) -> bool:
        """Return whether it is registered, and no frontend that answers, or served it before,
        serves it."""
        served = self.served
        return served is not None and served.differs and not served.by and not self.missing

    @property
    def not_registered(self) -> bool:
        """Return whether a frontend serves it though it is not registered."""
        return self.served is not None and self.served.differs and bool(self.served.by)

    @property
    def read_at(self) -> float | None:
        """When the last of its figures were read, in POSIX seconds. None: it has none."""
        known: list[ScrapedProcess | None] = [one.known for one in self.frontends]
        known += [one.known for one in self.workers]
        times = [one.scraped_at for one in known if one is not None and one.scraped_at is not None]
        return max(times, default=None)

    @property
    def reporting(self) -> frozenset[str]:
        """The frontends that report on it now."""
        by = () if self.served is None else self.served.by
        return frozenset({*by, *(str(one.known.target) for one in self.frontends)})


class Overview(msgspec.Struct, frozen=True):
    """All metrics, joined to a cluster."""

    models: tuple[MeteredModel, ...]
    """Sorted by name."""
    loose: tuple[AtWorker, ...]
    """Workers of no model, or of an unknown one."""
    silent: tuple[ScrapedProcess, ...]
    """Processes that fail, and those without metrics of Dynamo."""


class Joiner:
    """Makes overviews of a cluster. Caches what it reads from cards."""

    def __init__(self) -> None:
        self._names = CardCache(names_of)

    def overview(
        self,
        latest: LatestMetrics,
        cluster: Cluster,
        revealing: Mapping[ScrapeTarget, ModelCard],
        *,
        is_read: bool,
    ) -> Overview:
        """Join the latest metrics to a cluster.

        `revealing`: for each server that a card reveals, that card. `is_read`: whether the cluster
        is complete and up to date; if not, nothing is called unregistered or not served.
        """
        cards = cluster.of_type(ModelCard)
        return _Join(latest, cluster, revealing, self._names.each(cards), is_read).overview()


class _Join:
    def __init__(
        self,
        latest: LatestMetrics,
        cluster: Cluster,
        revealing: Mapping[ScrapeTarget, ModelCard],
        cards: Iterable[tuple[ModelCard, frozenset[str]]],
        is_read: bool,
    ) -> None:
        self._latest = latest
        self._cluster = cluster
        self._revealing = revealing
        self._is_read = is_read
        self._cards: dict[str, list[ModelCard]] = defaultdict(list)
        self._aliases: set[str] = set()
        for card, names in cards:
            for name in names:
                self._cards[name].append(card)
                if name != card.model_name or card.is_lora:
                    self._aliases.add(name)

    def overview(self) -> Overview:
        known = list(self._latest.known.values())
        served = self._served(known)
        canonical = _Names({*served, *self._cards})
        frontends = self._frontends(known, canonical)
        missing = self._missing(known, canonical)
        workers = self._workers(known)
        of_model: dict[str, list[AtWorker]] = defaultdict(list)
        loose = []
        for worker in workers:
            serves = self._models_of(worker)
            for model in serves:
                of_model[model].append(worker)
            if not serves:
                loose.append(worker)
        names = {*frontends, *(missing.keys() - self._aliases), *of_model}
        names |= {name for name, one in served.items() if one.differs or self._is_base(name, one)}
        models = (
            self._model(
                name,
                served.get(name),
                frontends.get(name, []),
                of_model.get(name, []),
                missing.get(name, []),
            )
            for name in sorted(names)
        )
        silent = [one for one in known if one.trouble or (one.answers and not one.kinds)]
        return Overview(tuple(models), tuple(loose), tuple(silent))

    def _served(self, known: Collection[ScrapedProcess]) -> dict[str, Served]:
        lists = {str(one.target): one.served for one in known if one.served is not None}
        cut = {str(one.target) for one in known if one.served_cut}
        if not self._is_read or not lists:
            return {}
        listed_by = {str(one.target): one.models for one in known}
        registered = {
            name: {card.id.namespace for card in cards} for name, cards in self._cards.items()
        }
        not_ready = {
            str(one.target): {name for name, ready in one.figures.ready.items() if not ready}
            for one in known
        }
        return compare(lists, registered, cut, listed_by, not_ready)

    def _is_base(self, name: str, served: Served) -> bool:
        """Return whether to show a base model without figures. Adapters and aliases without figures
        have no row.
        """
        return bool(served.by) and name not in self._aliases

    def _frontends(
        self, known: Iterable[ScrapedProcess], names: _Names
    ) -> dict[str, list[AtFrontend]]:
        """Return the frontends of each model, by its registered or served name."""
        found: dict[str, list[AtFrontend]] = defaultdict(list)
        for one in known:
            for model, rates in one.figures.models.items():
                found[names.of(model)].append(AtFrontend(one, rates))
        return found

    @staticmethod
    def _missing(known: Iterable[ScrapedProcess], names: _Names) -> dict[str, list[ScrapedProcess]]:
        """Return the failing frontends of each model that they reported on before."""
        found: dict[str, list[ScrapedProcess]] = defaultdict(list)
        for one in known:
            for name in sorted({names.of(model) for model in one.models if one.trouble}):
                found[name].append(one)
        return found

    def _model(
        self,
        name: str,
        served: Served | None,
        frontends: list[AtFrontend],
        workers: list[AtWorker],
        missing: list[ScrapedProcess],
    ) -> MeteredModel:
        rates = total(one.rates for one in frontends)
        if not frontends:
            # Each request of a disaggregated model also counts at a prefill worker.
            last = [one for one in workers if not self._is_prefill(one)] or workers
            rates = replace(total(one.rates for one in last), queued=None)
        uses = tuple(use for one in workers for use in one.rates.kv_use)
        return MeteredModel(
            name,
            served,
            tuple(sorted(self._cards.get(name, ()), key=lambda card: card.key)),
            replace(rates, kv_use=uses, kv_ranks=()),
            tuple(sorted(frontends, key=lambda one: str(one.known.target))),
            tuple(sorted(workers, key=lambda one: (one.id is None, one.id or 0))),
            tuple(missing),
        )

    # --- workers ------------------------------------------------------------------------------

    def _workers(self, known: Iterable[ScrapedProcess]) -> list[AtWorker]:
        found = list(_once(worker for one in known if self._tells(one) for worker in self._of(one)))
        seen, total_blocks = self._seen()
        met = {worker.id for worker in found}
        found += [
            AtWorker(worker, "named by a frontend that routes to it", Rates())
            for worker in seen
            if worker not in met and self._cluster.registered_by(worker)
        ]
        return [self._with_seen(worker, seen, total_blocks) for worker in found]

    @staticmethod
    def _tells(known: ScrapedProcess) -> bool:
        return MetricOwner.WORKER in known.kinds and known.answers

    def _of(self, known: ScrapedProcess) -> list[AtWorker]:
        """Return the workers in a process: one, unless its metrics name several ids."""
        by_worker: dict[int | None, dict[WorkerLabels, Rates]] = defaultdict(dict)
        for labels, rates in known.figures.endpoints.items():
            by_worker[_hex(labels.worker_id)][labels] = rates
        if not by_worker:
            by_worker[None] = {}
        found = []
        for number, named in enumerate(sorted(by_worker, key=lambda worker: worker or 0)):
            endpoints = by_worker[named]
            worker, how = self._identity(known.target, named, endpoints)
            # Metrics of the whole process are counted once.
            process = known.figures.process if number == 0 else Rates()
            rates = total(endpoints.values()) + process
            found.append(AtWorker(worker, how, rates, known, endpoints))
        return found

    def _identity(
        self, target: ScrapeTarget, named: int | None, endpoints: Iterable[WorkerLabels]
    ) -> tuple[int | None, str]:
        if named is not None:
            return named, "its metrics name it"
        card = self._revealing.get(target)
        worker = None if card is None else self._cluster.worker_of(card)
        if worker is not None:
            return worker, "its card has this address"
        there = {
            worker: instances
            for labels in endpoints
            for worker, instances in self._registered_at(labels).items()
        }
        if len(there) == 1:
            return next(iter(there)), "the only worker that is registered there"
        host = urlsplit(target.base).hostname
        same = [one for one in there if any(_host(each) == host for each in there[one])]
        if len(same) == 1:
            return same[0], "the only one there with this address"
        return None, "its metrics do not name it (before 1.2), and several or none would match"

    def _registered_at(self, labels: WorkerLabels) -> dict[int, list[AnyRecord]]:
        """Return the instances of a component, by worker."""
        scope = (labels.namespace, labels.component)
        found: dict[int, list[AnyRecord]] = defaultdict(list)
        if all(scope):
            for key in self._cluster.keys(RecordKind.ENDPOINT, scope):
                record = self._cluster.records[key]
                worker = self._cluster.worker_of(record)
                if worker is not None:
                    found[worker].append(record)
        return found

    def _seen(self) -> tuple[dict[int, tuple[ScrapeTarget, Seen]], dict[str, float]]:
        seen: dict[int, tuple[ScrapeTarget, Seen]] = {}
        blocks: dict[str, float] = {}
        for target, known in self._latest.known.items():
            for worker, one in known.figures.seen.items():
                seen.setdefault(worker, (target, one))
            blocks |= known.figures.blocks
        return seen, blocks

    def _with_seen(
        self,
        worker: AtWorker,
        seen: Mapping[int, tuple[ScrapeTarget, Seen]],
        total_blocks: Mapping[str, float],
    ) -> AtWorker:
        if worker.id is None or worker.id not in seen:
            return worker
        by, one = seen[worker.id]
        rates = worker.rates
        most = max((total_blocks.get(model, 0.0) for model in self._models_of(worker)), default=0.0)
        if not rates.kv_use and one.blocks is not None and most:
            ranks = tuple((rank, min(1.0, blocks / most)) for rank, blocks in one.rank_blocks)
            rates = replace(rates, kv_use=(min(1.0, one.blocks / most),), kv_ranks=ranks)
        return replace(worker, rates=rates, seen=one, seen_by=by)

    def _models_of(self, worker: AtWorker) -> list[str]:
        """Return the base models of a worker's cards."""
        return sorted({card.model_name for card in self._base_cards(worker) if card.model_name})

    def _is_prefill(self, worker: AtWorker) -> bool:
        return any(card.worker_type == "prefill" for card in self._base_cards(worker))

    def _base_cards(self, worker: AtWorker) -> list[ModelCard]:
        if worker.id is None:
            return []
        records = self._cluster.registered_by(worker.id)
        return [one for one in records if isinstance(one, ModelCard) and not one.is_lora]


class _Names:
    """The names under which models are registered or served."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._by_folded = {name.casefold(): name for name in sorted(names, reverse=True)}

    def of(self, model: str) -> str:
        """Return the name of a model in a frontend's metrics, which 0.6.1 writes in lower case."""
        return model if model in self._names else self._by_folded.get(model.casefold(), model)


def _once(workers: Iterable[AtWorker]) -> Iterator[AtWorker]:
    """Drop workers that were found at another URL already: a process may have several."""
    met: set[tuple[int, tuple[str, ...]]] = set()
    for worker in workers:
        if worker.id is not None and worker.endpoints:
            endpoints = {(worker.id, tuple(labels[:3])) for labels in worker.endpoints}
            if endpoints <= met:
                continue
            met |= endpoints
        yield worker


def _hex(text: str) -> int | None:
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if 0 < number <= LARGEST_ID else None


def _host(record: AnyRecord) -> str | None:
    """Return the host of an instance, if its transport has one."""
    if not isinstance(record, EndpointInstance) or record.transport is None:
        return None
    address = parse_address((record.transport.address or "").partition("/")[0])
    return None if address is None else address.host
