"""The figures of an earlier moment, as far as they were kept, joined to the records. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from backends.discovery.cluster import Cluster
from backends.dynamo.records import ModelCard
from backends.metrics.card_cache import CardCache
from backends.metrics.figure_series import Measure, measured
from backends.metrics.hour import FigureRow, SeriesKey
from backends.metrics.latest import LONGEST_GAP, ScrapedProcess
from backends.metrics.overview import LARGEST_ID, AtFrontend, AtWorker, MeteredModel, Overview
from backends.metrics.rates import Rates
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.served import names_of
from backends.timeline.moments import FiguresRead

MOST_ROWS = 10_000
"""Rows that are kept."""
NOT_NAMED = "a server that was not recorded"

_BY_FRONTENDS = frozenset({Measure.TOKENS, Measure.ERRORS, Measure.FIRST_TOKEN_50})
"""Figures that no worker reports."""


class KeptFigures:
    """The last figures of each model, frontend and worker, and which processes are silent."""

    def __init__(self) -> None:
        self._rows: dict[SeriesKey, FigureRow] = {}
        self.silent: Sequence[ScrapedProcess] = ()
        """The processes that did not answer, or have no figures of Dynamo."""
        self._models_of: Mapping[str, Sequence[str]] = {}
        self._names = CardCache(names_of)

    def clear(self) -> None:
        """Forget everything."""
        self.take(FiguresRead(at=0.0, is_all=True))

    @property
    def at(self) -> float | None:
        """When the last of them were read, in POSIX seconds. None: there are none."""
        return max((row.at for row in self._rows.values()), default=None)

    def take(self, read: FiguresRead) -> None:
        """Take in what was read next."""
        if read.is_all:
            self._rows.clear()
        for key in read.gone:
            self._rows.pop(key, None)
        for row in read.rows:
            if row.key in self._rows or len(self._rows) < MOST_ROWS:
                self._rows[row.key] = row
        self.silent, self._models_of = read.silent, read.models_of

    def ages(self, now: float) -> tuple[float, float] | None:
        """Return how old the newest and the oldest of the figures are that count at a time, both in
        seconds. None: none do."""
        times = [row.at for row in self._rows.values() if is_fresh(row, now)]
        return (now - max(times), now - min(times)) if times else None

    def overview(self, cluster: Cluster, now: float) -> Overview:
        """Join the figures to what is registered, as of a time in POSIX seconds. Figures that are
        out of date by then are left out, as where processes are asked."""
        fresh = {key: row for key, row in self._rows.items() if is_fresh(row, now)}
        workers, loose = self._workers(fresh, cluster)
        frontends: dict[str, list[AtFrontend]] = defaultdict(list)
        for key, row in fresh.items():
            if key[0] == "frontend":
                frontends[key[1]].append(AtFrontend(_process(key[2], row), row.rates))
        missing: dict[str, list[ScrapedProcess]] = defaultdict(list)
        for process in self.silent:
            for name in self._models_of.get(str(process.target), ()):
                missing[name].append(process)
        of_models = {key[1]: row for key, row in fresh.items() if key[0] == "model"}
        cards: dict[str, list[ModelCard]] = defaultdict(list)
        for card, names in self._names.each(cluster.of_type(ModelCard)):
            for name in names:
                cards[name].append(card)
        models = (
            MeteredModel(
                name,
                # What frontends list is not kept.
                None,
                tuple(sorted(cards.get(name, ()), key=lambda card: card.key)),
                Rates() if (of_all := of_models.get(name)) is None else of_all.rates,
                tuple(
                    sorted(
                        frontends.get(name) or _frontends(of_all),
                        key=lambda one: str(one.known.target),
                    )
                ),
                tuple(sorted(workers.get(name, ()), key=_by_id)),
                tuple(missing.get(name, ())),
            )
            for name in sorted({*of_models, *frontends, *missing, *workers})
        )
        return Overview(tuple(models), tuple(loose), tuple(self.silent))

    def _workers(
        self, rows: Mapping[SeriesKey, FigureRow], cluster: Cluster
    ) -> tuple[dict[str, list[AtWorker]], list[AtWorker]]:
        """Return the workers of each model, and those of none."""
        found: dict[str, list[AtWorker]] = defaultdict(list)
        loose = []
        for key, row in rows.items():
            if key[0] not in ("worker", "server"):
                continue
            number = _id_of(key[1]) if key[0] == "worker" else None
            server = next(iter(sorted(row.sources)), NOT_NAMED)
            worker = AtWorker(number, "as it was recorded", row.rates, _process(server, row))
            models = _models_of(number, cluster)
            for name in models:
                found[name].append(worker)
            if not models:
                loose.append(worker)
        return found, sorted(loose, key=_by_id)


def is_fresh(row: FigureRow, now: float) -> bool:
    """Return whether figures are not out of date at a time in POSIX seconds."""
    return now - row.at <= LONGEST_GAP


def _process(server: str, row: FigureRow) -> ScrapedProcess:
    return ScrapedProcess(ScrapeTarget(base=server), row.at, answered_at=row.at)


def _frontends(row: FigureRow | None) -> Iterable[AtFrontend]:
    """Return the frontends that the figures of a model are of. None: its workers report them."""
    if row is None:
        return
    servers: Iterable[str] = row.sources
    if not servers and any(one in _BY_FRONTENDS for one, _ in measured(row.rates)):
        servers = (NOT_NAMED,)
    for server in servers:
        # Of a single one they are the model's own, but for the caches of its workers.
        rates = replace(row.rates, kv_use=()) if len(row.sources) <= 1 else Rates()
        yield AtFrontend(_process(server, row), rates)


def _models_of(worker: int | None, cluster: Cluster) -> set[str]:
    """Return the base models of a worker's cards."""
    records = () if worker is None else cluster.registered_by(worker)
    cards = (one for one in records if isinstance(one, ModelCard) and not one.is_lora)
    return {card.model_name for card in cards if card.model_name}


def _id_of(text: str) -> int | None:
    try:
        number = int(text, 16)
    except ValueError:
        return None
    return number if 0 < number <= LARGEST_ID else None


def _by_id(worker: AtWorker) -> tuple[bool, int, str]:
    return worker.id is None, worker.id or 0, str(worker.known and worker.known.target)
