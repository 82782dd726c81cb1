"""Rates, latencies and load between two scrapes of a process. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from backends.metrics import catalogue
from backends.metrics.histogram import NONE, Histogram
from backends.metrics.parse import Labels, MetricsScrape

MOST_NAMES = 1_000
"""Models, workers and endpoints kept of one process, of each."""
MOST_NAMES_OF_REVEALED = 100
"""The same for a server that only a card names; a worker has a few endpoints."""
MOST_REASONS = 20
"""Reasons for failures kept of one model or frontend. 1.6.1 was seen to have a handful."""
MOST_RANKS = 64
"""Data-parallel ranks kept of one worker."""
SHORTEST = 0.1
"""Seconds between two scrapes that can be compared, at least."""


class Failures(NamedTuple):
    """Requests that failed or were refused for one reason."""

    reason: str
    """Dynamo's own word: a frontend's `reason`, or the `error_type` of a model's requests."""
    kind: str
    """The `class` of a frontend's failures. Empty: failures of a model."""
    number: float
    """Since the process started."""
    rate: float | None
    """A second. None: there was only one scrape."""


class Rates(msgspec.Struct, frozen=True):
    """The rates of one process, or of several added up (`+`). None: not measured."""

    request_rate: float | None = None
    """Ended requests a second."""
    token_rate: float | None = None
    """Output tokens a second."""
    first_token: Histogram = NONE
    """Seconds from a request's arrival at a frontend to its first token."""
    first_response: Histogram = NONE
    """Seconds from a request's arrival at a worker to its first response, which may come before any
    token. Excludes the time in frontends, queues and the network.
    """
    between_tokens: Histogram = NONE
    """Seconds from one token to the next."""
    in_flight: float | None = None
    """Requests in flight now."""
    queued: float | None = None
    """Requests waiting now: for their first token at a frontend, for a slot at a worker."""
    kv_use: tuple[float, ...] = ()
    """Use of each KV cache, 0 to 1: one for each process that reports it."""
    seconds: float | None = None
    """Seconds between the scrapes, the longest if there are several. None: there was only one."""
    errors: tuple[Failures, ...] = ()
    """The requests of `request_rate` that ended in an error, by reason."""
    kv_ranks: tuple[tuple[str, float], ...] = ()
    """Use of the KV cache of each rank, for one worker with several ranks."""
    error_rate: float | None = None
    """Requests a second that ended in an error. None: not measured; of workers none are read."""

    def __add__(self, other: Rates) -> Rates:
        return Rates(
            _sum(self.request_rate, other.request_rate),
            _sum(self.token_rate, other.token_rate),
            self.first_token + other.first_token,
            self.first_response + other.first_response,
            self.between_tokens + other.between_tokens,
            _sum(self.in_flight, other.in_flight),
            _sum(self.queued, other.queued),
            self.kv_use + other.kv_use,
            max((one for one in (self.seconds, other.seconds) if one is not None), default=None),
            _merged(self.errors, other.errors),
            # Several workers have ranks of their own, which cannot be added up.
            () if self.kv_ranks and other.kv_ranks else self.kv_ranks or other.kv_ranks,
            _sum(self.error_rate, other.error_rate),
        )

    @property
    def mean_kv_use(self) -> float | None:
        return math.fsum(self.kv_use) / len(self.kv_use) if self.kv_use else None


def total(several: Iterable[Rates]) -> Rates:
    """Return the sum of all of them."""
    return sum(several, Rates())


def _merged(some: Iterable[Failures], others: Iterable[Failures]) -> tuple[Failures, ...]:
    """Merge equal reasons, the most frequent first."""
    found: dict[tuple[str, str], Failures] = {}
    for one in (*some, *others):
        key = (one.reason, one.kind)
        so_far = found.get(key)
        if so_far is not None:
            one = one._replace(number=one.number + so_far.number, rate=_sum(one.rate, so_far.rate))
        found[key] = one
    return tuple(sorted(found.values(), key=lambda one: (-one.number, one.reason)))


def _sum(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


class WorkerLabels(NamedTuple):
    """The labels of a worker's metrics. Empty: missing."""

    namespace: str
    component: str
    endpoint: str
    worker_id: str
    """In hex (from 1.2 on)."""


_Key = TypeVar("_Key", str, WorkerLabels)
_T = TypeVar("_T")


class Seen(NamedTuple):
    """A frontend's metrics of one worker; the mean of its ranks if it has several."""

    blocks: float | None
    """Blocks of one rank's KV cache in use."""
    first_token: float | None
    """Seconds to the first token of the last request."""
    between_tokens: float | None
    """Seconds between two tokens of that request."""
    rank_blocks: tuple[tuple[str, float], ...] = ()
    """`blocks` of each rank, if there are several."""


class ProcessRates(msgspec.Struct, frozen=True):
    """The rates between two scrapes of one process."""

    models: Mapping[str, Rates] = msgspec.field(default_factory=dict)
    """Of a frontend, by model name as in its metrics."""
    blocks: Mapping[str, float] = msgspec.field(default_factory=dict)
    """KV cache blocks of one worker of a model, or of each of its ranks."""
    seen: Mapping[int, Seen] = msgspec.field(default_factory=dict)
    """A frontend's metrics of its workers, by instance id."""
    endpoints: Mapping[WorkerLabels, Rates] = msgspec.field(default_factory=dict)
    """Of a worker, by endpoint."""
    process: Rates = msgspec.field(default_factory=Rates)
    """Of a worker, for the whole process."""
    failures: tuple[Failures, ...] = ()
    """Of a frontend: requests that failed or were refused, for all models, by reason."""
    ready: Mapping[str, bool] = msgspec.field(default_factory=dict)
    """Of a frontend: whether it reports each model as ready."""
    cut: bool = False
    """Whether there were more names than are kept, or histograms left out because their bounds
    differ.
    """
    restarted: bool = False
    """Whether a counter fell, so that what it had counted last before that is not known."""


def figures(
    before: MetricsScrape | None, after: MetricsScrape, most_names: int = MOST_NAMES
) -> ProcessRates:
    """Compare two scrapes of the same process.

    `before` is None for the first scrape: then there are only gauges. A counter that fell was reset
    by a restart and counts from zero. A counter that was missing before began at zero.
    """
    return _Comparison(before, after, most_names).figures()


class _Comparison:
    def __init__(self, before: MetricsScrape | None, after: MetricsScrape, most_names: int) -> None:
        seconds = None if before is None else after.at - before.at
        self._seconds = seconds if seconds is not None and seconds >= SHORTEST else None
        self._before = before if self._seconds is not None else None
        self._after = after
        self._most_names = most_names
        self._cut = False
        self._restarted = False

    def figures(self) -> ProcessRates:
        return ProcessRates(
            self._models(),
            {
                _label(labels, "model"): value
                for labels, value in self._series(catalogue.TOTAL_BLOCKS).items()
                if value > 0
            },
            self._seen(),
            self._endpoints(),
            self._process(),
            self._failures(),
            self._ready(),
            self._cut,
            self._restarted,
        )

    def _few(self, keys: Iterable[_T]) -> list[_T]:
        """Return each named key once, and no more than are kept."""
        named = [key for key in dict.fromkeys(keys) if key]
        self._cut = self._cut or len(named) > self._most_names
        return named[: self._most_names]

    def _models(self) -> dict[str, Rates]:
        requests = self._rates(catalogue.REQUESTS, _model)
        tokens = self._rates(catalogue.OUTPUT_TOKENS, _model)
        if catalogue.OUTPUT_TOKENS not in self._after.values:
            tokens = self._rates(f"{catalogue.OUTPUT_SEQUENCE}_sum", _model)
        first, between = (
            self._histograms(name, _model)
            for name in (catalogue.FIRST_TOKEN, catalogue.BETWEEN_TOKENS)
        )
        in_flight = self._gauges(catalogue.IN_FLIGHT, _model) or self._gauges(
            catalogue.ACTIVE, _model
        )
        queued = self._gauges(catalogue.QUEUED, _model)
        errors = self._errors()
        return {
            model: Rates(
                requests.get(model),
                tokens.get(model),
                first.get(model, NONE),
                between_tokens=between.get(model, NONE),
                in_flight=in_flight.get(model),
                queued=queued.get(model),
                seconds=self._seconds,
                errors=errors.get(model, ()),
                error_rate=_rate_of(errors.get(model, ())) if model in requests else None,
            )
            for model in self._few(
                [*requests, *tokens, *first, *between, *in_flight, *queued, *errors]
            )
        }

    def _ready(self) -> dict[str, bool]:
        gauges = self._gauges(catalogue.READY, _model)
        return {model: gauges[model] > 0 for model in self._few(gauges)}

    def _errors(self) -> dict[str, tuple[Failures, ...]]:
        """Return the requests of each model that ended in an error, by reason."""
        found: dict[str, list[Failures]] = defaultdict(list)
        for labels, failures in self._counted(catalogue.REQUESTS, "error_type", ""):
            if ("status", "error") in labels:
                found[_label(labels, "model")].append(failures)
        return {model: _merged(some, ())[:MOST_REASONS] for model, some in found.items()}

    def _failures(self) -> tuple[Failures, ...]:
        counted = self._counted(catalogue.FAILURES, "reason", "class")
        return _merged((failures for _, failures in counted), ())[:MOST_REASONS]

    def _counted(self, name: str, reason: str, kind: str) -> Iterator[tuple[Labels, Failures]]:
        """Yield each series of a counter above zero."""
        earlier = None if self._before is None else self._before.values.get(name, {})
        for labels, value in self._series(name).items():
            if value <= 0:
                continue
            rate = None
            if earlier is not None and self._seconds is not None:
                rate = self._grown(earlier.get(labels, 0.0), value) / self._seconds
            yield labels, Failures(_label(labels, reason), _label(labels, kind), value, rate)

    def _seen(self) -> dict[int, Seen]:
        ranks = self._ranks(catalogue.WORKER_BLOCKS)
        blocks, first, between = (
            # Each rank has a KV cache of its own.
            {worker: math.fsum(of.values()) / len(of) for worker, of in by_rank.items()}
            for by_rank in (
                ranks,
                self._ranks(catalogue.WORKER_FIRST_TOKEN),
                self._ranks(catalogue.WORKER_BETWEEN_TOKENS),
            )
        )
        return {
            worker: Seen(
                blocks.get(worker),
                first.get(worker),
                between.get(worker),
                _several(ranks.get(worker, {}).items()),
            )
            for worker in self._few([*blocks, *first, *between])
        }

    def _ranks(self, name: str) -> dict[int, dict[str, float]]:
        """Return a metric of each worker, by rank."""
        ranks: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for labels, value in self._series(name).items():
            worker = _label(labels, "worker_id")
            # In decimal, unlike in a worker's own metrics (seen in 1.6.1).
            if worker.isascii() and worker.isdigit() and len(worker) <= 20 and value >= 0:
                ranks[int(worker)][_label(labels, "dp_rank")] += value
        return {worker: dict(of) for worker, of in ranks.items()}

    def _endpoints(self) -> dict[WorkerLabels, Rates]:
        requests = self._rates(catalogue.WORK_REQUESTS, _worker_labels)
        in_flight = self._gauges(catalogue.WORK_IN_FLIGHT, _worker_labels)
        return {
            labels: Rates(
                requests.get(labels), in_flight=in_flight.get(labels), seconds=self._seconds
            )
            for labels in self._few([*requests, *in_flight])
        }

    def _process(self) -> Rates:
        uses = self._series(catalogue.KV_USE) or self._series(catalogue.KV_USE_BEFORE)
        first = self._histograms(catalogue.WORK_FIRST_RESPONSE, _whole)
        ranks = sorted((_label(labels, "dp_rank"), use) for labels, use in uses.items())
        return Rates(
            first_response=first.get("", NONE),
            queued=self._after.total(catalogue.WORK_QUEUE),
            kv_use=_one(uses.values()),
            seconds=self._seconds,
            kv_ranks=_several(one for one in ranks if one[0] and 0 <= one[1] <= 1),
        )

    def _series(self, name: str) -> Mapping[Labels, float]:
        return self._after.values.get(name, {})

    def _gauges(self, name: str, key: Callable[[Labels], _Key]) -> dict[_Key, float]:
        found: dict[_Key, float] = defaultdict(float)
        for labels, value in self._series(name).items():
            found[key(labels)] += max(0.0, value)
        return dict(found)

    def _rates(self, name: str, key: Callable[[Labels], _Key]) -> dict[_Key, float]:
        """Return rates of counters, a second. Empty: there is no earlier scrape."""
        if self._before is None or self._seconds is None:
            return {}
        earlier = self._before.values.get(name, {})
        found: dict[_Key, float] = defaultdict(float)
        for labels, value in self._series(name).items():
            found[key(labels)] += self._grown(earlier.get(labels, 0.0), value) / self._seconds
        return dict(found)

    def _grown(self, then: float, now: float) -> float:
        """Return by how much a counter grew. One that fell was reset by a restart."""
        if now < then:
            self._restarted = True
            return max(0.0, now)
        return max(0.0, now - then)

    def _histograms(self, name: str, key: Callable[[Labels], _Key]) -> dict[_Key, Histogram]:
        if self._before is None:
            return {}
        earlier = self._before.histograms.get(name, {})
        found: dict[_Key, Histogram] = {}
        for labels, histogram in self._after.histograms.get(name, {}).items():
            of = key(labels)
            so_far, since = found.get(of, NONE), histogram.since(earlier.get(labels))
            if so_far.bounds == since.bounds or not so_far.total or not since.total:
                found[of] = so_far + since
            else:
                # No process of Dynamo has such, and merging many would take seconds.
                self._cut = True
        return found


def _rate_of(failures: Iterable[Failures]) -> float:
    return math.fsum(one.rate or 0.0 for one in failures)


def _several(ranks: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Sort ranks by number. Empty: there is only one, which is the whole."""
    found = sorted(ranks, key=lambda one: (len(one[0]), one[0]))[:MOST_RANKS]
    return tuple(found) if len(found) > 1 else ()


def _model(labels: Labels) -> str:
    return _label(labels, "model")


def _whole(_: Labels) -> str:
    return ""


def _worker_labels(labels: Labels) -> WorkerLabels:
    namespace, component, endpoint = (
        _label(labels, f"dynamo_{name}") for name in ("namespace", "component", "endpoint")
    )
    return WorkerLabels(namespace, component, endpoint, _label(labels, "worker_id"))


def _label(labels: Labels, wanted: str) -> str:
    return next((value for name, value in labels if name == wanted), "")


def _one(uses: Iterable[float]) -> tuple[float, ...]:
    """Return the use of one process's cache, from its ranks."""
    found = [use for use in uses if 0 <= use <= 1]
    return (math.fsum(found) / len(found),) if found else ()
