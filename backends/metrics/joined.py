"""Metrics joined to what is registered: models with their frontends and workers. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from backends.cluster import Cluster
from backends.ids import Kind as RecordKind
from backends.metrics.board import Board, History, Known, together
from backends.metrics.flow import Flow, Place, Seen, total
from backends.metrics.names import Kind
from backends.metrics.remembered import OfCards
from backends.metrics.served import Served, compare, names_of
from backends.metrics.targets import Target
from backends.probe.addresses import parse_address
from backends.records import AnyRecord, EndpointInstance, ModelCard

LARGEST_ID = 2**64 - 1


@dataclass(frozen=True, slots=True)
class AtFrontend:
    """What one frontend tells of a model."""

    known: Known
    flow: Flow
    history: History


@dataclass(frozen=True)
class AtWorker:
    """What is known of one worker's work."""

    id: int | None
    """None: its metrics do not name it, and nothing else tells."""
    joined_by: str
    """How it is known which worker it is, or why it is not."""
    flow: Flow
    history: History = ()
    """Requests in a second."""
    known: Known | None = None
    """Its own server. None: only frontends tell of it."""
    places: Mapping[Place, Flow] = field(default_factory=dict)
    """By endpoint."""
    seen: Seen | None = None
    """What a frontend tells of it."""
    seen_by: Target | None = None


@dataclass(frozen=True)
class MeteredModel:
    """A model or adapter, by the name that it is served under."""

    name: str
    served: Served | None
    """None: no frontend has said what it serves."""
    cards: tuple[ModelCard, ...]
    flow: Flow
    """At all frontends together. Where none is scraped, of the workers that are not for prefill."""
    history: History
    """Output tokens in a second, or requests where no frontend is scraped."""
    frontends: tuple[AtFrontend, ...]
    workers: tuple[AtWorker, ...]
    missing: tuple[Known, ...] = ()
    """Frontends that fail and told of it before: what they do is in none of its figures, and
    whether they still serve it is not known."""

    @property
    def not_served(self) -> bool:
        """Whether it is registered, and no frontend serves it that could be asked or did before."""
        served = self.served
        return served is not None and served.differs and not served.by and not self.missing

    @property
    def not_registered(self) -> bool:
        """Whether a frontend serves it, and it is not registered."""
        return self.served is not None and self.served.differs and bool(self.served.by)

    @property
    def tellers(self) -> frozenset[str]:
        """The frontends that tell of it now."""
        by = () if self.served is None else self.served.by
        return frozenset({*by, *(str(one.known.target) for one in self.frontends)})


@dataclass(frozen=True)
class Overview:
    """All that metrics tell, joined to a cluster."""

    models: tuple[MeteredModel, ...]
    """In the order of their names."""
    loose: tuple[AtWorker, ...]
    """Workers of no model, or of an unknown one."""
    silent: tuple[Known, ...]
    """Processes that fail, and those that tell nothing of Dynamo."""


class Joiner:
    """Makes overviews of a cluster; remembers what it read in cards."""

    def __init__(self) -> None:
        self._names = OfCards(names_of)

    def overview(
        self,
        board: Board,
        cluster: Cluster,
        revealing: Mapping[Target, ModelCard],
        *,
        is_read: bool,
    ) -> Overview:
        """`revealing`: for a server that a card reveals that card. `is_read`: whether the cluster
        is known as a whole, and as it is now; if not, nothing is called unregistered or not served.
        """
        cards = cluster.of_type(ModelCard)
        return _Join(board, cluster, revealing, self._names.each(cards), is_read).overview()


class _Join:
    def __init__(
        self,
        board: Board,
        cluster: Cluster,
        revealing: Mapping[Target, ModelCard],
        cards: Iterable[tuple[ModelCard, frozenset[str]]],
        is_read: bool,
    ) -> None:
        self._board = board
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
        known = list(self._board.known.values())
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

    def _served(self, known: Iterable[Known]) -> dict[str, Served]:
        lists = {str(one.target): one.served for one in known if one.served is not None}
        cut = {str(one.target) for one in known if one.served_cut}
        return compare(lists, self._cards, cut) if self._is_read and lists else {}

    def _is_base(self, name: str, served: Served) -> bool:
        """Adapters and aliases that are as they should be only have rows if there are figures."""
        return bool(served.by) and name not in self._aliases

    def _frontends(self, known: Iterable[Known], names: _Names) -> dict[str, list[AtFrontend]]:
        """What they tell, by the names that models are registered or served under."""
        found: dict[str, list[AtFrontend]] = defaultdict(list)
        for one in known:
            for model, flow in one.figures.models.items():
                history = self._board.history(one.target, model)
                found[names.of(model)].append(AtFrontend(one, flow, history))
        return found

    @staticmethod
    def _missing(known: Iterable[Known], names: _Names) -> dict[str, list[Known]]:
        """The frontends that fail, by the names of the models that they told of before."""
        found: dict[str, list[Known]] = defaultdict(list)
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
        missing: list[Known],
    ) -> MeteredModel:
        flow = total(one.flow for one in frontends)
        history = together(one.history for one in frontends)
        if not frontends:
            # Each request of a disaggregated model is one at a prefill worker too.
            last = [one for one in workers if not self._is_prefill(one)] or workers
            flow = replace(total(one.flow for one in last), queued=None)
            history = together(one.history for one in last)
        uses = tuple(use for one in workers for use in one.flow.kv_use)
        return MeteredModel(
            name,
            served,
            tuple(sorted(self._cards.get(name, ()), key=lambda card: card.key)),
            replace(flow, kv_use=uses),
            history,
            tuple(sorted(frontends, key=lambda one: str(one.known.target))),
            tuple(sorted(workers, key=lambda one: (one.id is None, one.id or 0))),
            tuple(missing),
        )

    # --- workers ------------------------------------------------------------------------------

    def _workers(self, known: Iterable[Known]) -> list[AtWorker]:
        found = list(_once(worker for one in known if self._tells(one) for worker in self._of(one)))
        seen, total_blocks = self._seen()
        met = {worker.id for worker in found}
        found += [
            AtWorker(worker, "named by a frontend that routes to it", Flow())
            for worker in seen
            if worker not in met and self._cluster.registered_by(worker)
        ]
        return [self._with_seen(worker, seen, total_blocks) for worker in found]

    @staticmethod
    def _tells(known: Known) -> bool:
        return Kind.WORKER in known.kinds and known.answers

    def _of(self, known: Known) -> list[AtWorker]:
        """The workers in a process: one, unless it tells of several by their ids."""
        places: dict[int | None, dict[Place, Flow]] = defaultdict(dict)
        for place, flow in known.figures.places.items():
            places[_hex(place.worker_id)][place] = flow
        if not places:
            places[None] = {}
        found = []
        for number, named in enumerate(sorted(places, key=lambda worker: worker or 0)):
            flows = places[named]
            worker, how = self._identity(known.target, named, flows)
            # What is of the whole process is counted once.
            process = known.figures.process if number == 0 else Flow()
            flow = total(flows.values()) + process
            history = together(self._board.history(known.target, place) for place in flows)
            found.append(AtWorker(worker, how, flow, history, known, flows))
        return found

    def _identity(
        self, target: Target, named: int | None, places: Iterable[Place]
    ) -> tuple[int | None, str]:
        if named is not None:
            return named, "its metrics name it"
        card = self._revealing.get(target)
        worker = None if card is None else self._cluster.worker_of(card)
        if worker is not None:
            return worker, "its card has this address"
        there = {
            worker: instances
            for place in places
            for worker, instances in self._registered_at(place).items()
        }
        if len(there) == 1:
            return next(iter(there)), "the only worker that is registered there"
        host = urlsplit(target.base).hostname
        same = [one for one in there if any(_host(each) == host for each in there[one])]
        if len(same) == 1:
            return same[0], "the only one there with this address"
        return None, "its metrics do not name it, as before 1.2, and several or none would fit"

    def _registered_at(self, place: Place) -> dict[int, list[AnyRecord]]:
        """The instances of a component, by worker."""
        scope = (place.namespace, place.component)
        found: dict[int, list[AnyRecord]] = defaultdict(list)
        if all(scope):
            for key in self._cluster.keys(RecordKind.ENDPOINT, scope):
                record = self._cluster.records[key]
                worker = self._cluster.worker_of(record)
                if worker is not None:
                    found[worker].append(record)
        return found

    def _seen(self) -> tuple[dict[int, tuple[Target, Seen]], dict[str, float]]:
        seen: dict[int, tuple[Target, Seen]] = {}
        blocks: dict[str, float] = {}
        for target, known in self._board.known.items():
            for worker, one in known.figures.seen.items():
                seen.setdefault(worker, (target, one))
            blocks |= known.figures.blocks
        return seen, blocks

    def _with_seen(
        self,
        worker: AtWorker,
        seen: Mapping[int, tuple[Target, Seen]],
        total_blocks: Mapping[str, float],
    ) -> AtWorker:
        if worker.id is None or worker.id not in seen:
            return worker
        by, one = seen[worker.id]
        flow = worker.flow
        most = max((total_blocks.get(model, 0.0) for model in self._models_of(worker)), default=0.0)
        if not flow.kv_use and one.blocks is not None and most:
            flow = replace(flow, kv_use=(min(1.0, one.blocks / most),))
        return replace(worker, flow=flow, seen=one, seen_by=by)

    def _models_of(self, worker: AtWorker) -> list[str]:
        """The base models that it serves, as its cards say."""
        return sorted({card.model_name for card in self._base_cards(worker) if card.model_name})

    def _is_prefill(self, worker: AtWorker) -> bool:
        return any(card.worker_type == "prefill" for card in self._base_cards(worker))

    def _base_cards(self, worker: AtWorker) -> list[ModelCard]:
        if worker.id is None:
            return []
        records = self._cluster.registered_by(worker.id)
        return [one for one in records if isinstance(one, ModelCard) and not one.is_lora]


class _Names:
    """Under which names models are registered or served."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._by_folded = {name.casefold(): name for name in sorted(names, reverse=True)}

    def of(self, model: str) -> str:
        """Of a model as a frontend's metrics name it: 0.6.1 writes it in lower case."""
        return model if model in self._names else self._by_folded.get(model.casefold(), model)


def _once(workers: Iterable[AtWorker]) -> Iterator[AtWorker]:
    """Without those that were met at another URL already: a process may be known by several."""
    met: set[tuple[int, tuple[str, ...]]] = set()
    for worker in workers:
        if worker.id is not None and worker.places:
            places = {(worker.id, tuple(place[:3])) for place in worker.places}
            if places <= met:
                continue
            met |= places
        yield worker


def _hex(text: str) -> int | None:
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if 0 < number <= LARGEST_ID else None


def _host(record: AnyRecord) -> str | None:
    """Where an instance is served, if its transport says so."""
    if not isinstance(record, EndpointInstance) or record.transport is None:
        return None
    address = parse_address((record.transport.address or "").partition("/")[0])
    return None if address is None else address.host
