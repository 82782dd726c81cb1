"""What was done between two scrapes of a process: rates, latencies, and how full it is. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from backends.metrics import names
from backends.metrics.histogram import NONE, Histogram
from backends.metrics.scrape import Labels, Scrape

MOST_NAMES = 1_000
"""Models, workers and endpoints that are kept of one process, of each."""
MOST_NAMES_OF_REVEALED = 100
"""Of a server that only a card speaks for; a worker has a few endpoints."""
SHORTEST = 0.1
"""Seconds between two scrapes that can be compared."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Of one process, or of several taken together (`+`). None: there is nothing to tell it by."""

    request_rate: float | None = None
    """Requests that ended, in a second."""
    token_rate: float | None = None
    """Output tokens in a second."""
    first_token: Histogram = NONE
    """Seconds from a request to its first token; of a worker, to its first response."""
    between_tokens: Histogram = NONE
    """Seconds from a token to the next."""
    in_flight: float | None = None
    """Requests now."""
    queued: float | None = None
    """Requests now that wait: for their first token at a frontend, for a place at a worker."""
    kv_use: tuple[float, ...] = ()
    """How full each KV cache is, 0 to 1: one for each process that tells it."""
    seconds: float | None = None
    """Between the scrapes, the longest if there are several. None: there was only one."""

    def __add__(self, other: Flow) -> Flow:
        return Flow(
            _sum(self.request_rate, other.request_rate),
            _sum(self.token_rate, other.token_rate),
            self.first_token + other.first_token,
            self.between_tokens + other.between_tokens,
            _sum(self.in_flight, other.in_flight),
            _sum(self.queued, other.queued),
            self.kv_use + other.kv_use,
            max((one for one in (self.seconds, other.seconds) if one is not None), default=None),
        )

    @property
    def mean_kv_use(self) -> float | None:
        return math.fsum(self.kv_use) / len(self.kv_use) if self.kv_use else None


def total(flows: Iterable[Flow]) -> Flow:
    """Of all of them together."""
    return sum(flows, Flow())


def _sum(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


class Place(NamedTuple):
    """Whose a worker's figures are, as its labels say; empty where they do not."""

    namespace: str
    component: str
    endpoint: str
    worker_id: str
    """In hex (from 1.2 on)."""


_Key = TypeVar("_Key", str, Place)
_T = TypeVar("_T")


class Seen(NamedTuple):
    """What a frontend tells of one worker, as far as it does; the mean of its ranks if several."""

    blocks: float | None
    """Of the KV cache of one rank, in use."""
    first_token: float | None
    """Seconds to the first token of the last request."""
    between_tokens: float | None
    """Seconds between two tokens of it."""


@dataclass(frozen=True)
class Figures:
    """What two scrapes of one process say together."""

    models: Mapping[str, Flow] = field(default_factory=dict)
    """Of a frontend, by the name of the model as it has it."""
    blocks: Mapping[str, float] = field(default_factory=dict)
    """Blocks of the KV cache that one worker of a model has; each of its ranks, if several."""
    seen: Mapping[int, Seen] = field(default_factory=dict)
    """What a frontend tells of its workers, by instance id."""
    places: Mapping[Place, Flow] = field(default_factory=dict)
    """Of a worker, by endpoint."""
    process: Flow = field(default_factory=Flow)
    """Of a worker, what it tells of the whole process."""
    cut: bool = False
    """Whether there were more names than are kept, or histograms that are not counted since their
    bounds differ from the others'."""


def figures(before: Scrape | None, after: Scrape, most_names: int = MOST_NAMES) -> Figures:
    """What came of the time between two scrapes of the same process.

    `before` is None for the first one: then there are only gauges. A counter that fell began anew
    with its process, and counts from zero; one that was not there began at zero since.
    """
    return _Comparison(before, after, most_names).figures()


class _Comparison:
    def __init__(self, before: Scrape | None, after: Scrape, most_names: int) -> None:
        seconds = None if before is None else after.at - before.at
        self._seconds = seconds if seconds is not None and seconds >= SHORTEST else None
        self._before = before if self._seconds is not None else None
        self._after = after
        self._most_names = most_names
        self._cut = False

    def figures(self) -> Figures:
        return Figures(
            self._models(),
            {
                _label(labels, "model"): value
                for labels, value in self._series(names.TOTAL_BLOCKS).items()
                if value > 0
            },
            self._seen(),
            self._places(),
            self._process(),
            self._cut,
        )

    def _few(self, keys: Iterable[_T]) -> list[_T]:
        """Each once, without what has no name, and no more than are kept."""
        named = [key for key in dict.fromkeys(keys) if key]
        self._cut = self._cut or len(named) > self._most_names
        return named[: self._most_names]

    def _models(self) -> dict[str, Flow]:
        requests = self._rates(names.REQUESTS, _model)
        tokens = self._rates(names.OUTPUT_TOKENS, _model)
        if names.OUTPUT_TOKENS not in self._after.values:
            tokens = self._rates(f"{names.OUTPUT_SEQUENCE}_sum", _model)
        first, between = (
            self._histograms(name, _model) for name in (names.FIRST_TOKEN, names.BETWEEN_TOKENS)
        )
        in_flight = self._gauges(names.IN_FLIGHT, _model) or self._gauges(names.ACTIVE, _model)
        queued = self._gauges(names.QUEUED, _model)
        return {
            model: Flow(
                requests.get(model),
                tokens.get(model),
                first.get(model, NONE),
                between.get(model, NONE),
                in_flight.get(model),
                queued.get(model),
                seconds=self._seconds,
            )
            for model in self._few([*requests, *tokens, *first, *between, *in_flight, *queued])
        }

    def _seen(self) -> dict[int, Seen]:
        blocks, first, between = (
            self._by_worker(name)
            for name in (
                names.WORKER_BLOCKS,
                names.WORKER_FIRST_TOKEN,
                names.WORKER_BETWEEN_TOKENS,
            )
        )
        return {
            worker: Seen(blocks.get(worker), first.get(worker), between.get(worker))
            for worker in self._few([*blocks, *first, *between])
        }

    def _by_worker(self, name: str) -> dict[int, float]:
        """The mean of its ranks: each has a KV cache of its own."""
        ranks: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for labels, value in self._series(name).items():
            worker = _label(labels, "worker_id")
            # In decimal, unlike in a worker's own metrics (seen in 1.6.1).
            if worker.isascii() and worker.isdigit() and len(worker) <= 20 and value >= 0:
                ranks[int(worker)][_label(labels, "dp_rank")] += value
        return {worker: math.fsum(of.values()) / len(of) for worker, of in ranks.items()}

    def _places(self) -> dict[Place, Flow]:
        requests = self._rates(names.WORK_REQUESTS, _place)
        in_flight = self._gauges(names.WORK_IN_FLIGHT, _place)
        return {
            place: Flow(requests.get(place), in_flight=in_flight.get(place), seconds=self._seconds)
            for place in self._few([*requests, *in_flight])
        }

    def _process(self) -> Flow:
        uses = self._series(names.KV_USE) or self._series(names.KV_USE_BEFORE)
        first = self._histograms(names.WORK_FIRST_RESPONSE, _whole)
        return Flow(
            first_token=first.get("", NONE),
            queued=self._after.total(names.WORK_QUEUE),
            kv_use=_one(uses.values()),
            seconds=self._seconds,
        )

    def _series(self, name: str) -> Mapping[Labels, float]:
        return self._after.values.get(name, {})

    def _gauges(self, name: str, key: Callable[[Labels], _Key]) -> dict[_Key, float]:
        found: dict[_Key, float] = defaultdict(float)
        for labels, value in self._series(name).items():
            found[key(labels)] += max(0.0, value)
        return dict(found)

    def _rates(self, name: str, key: Callable[[Labels], _Key]) -> dict[_Key, float]:
        """Of counters, in a second; empty without an earlier scrape."""
        if self._before is None or self._seconds is None:
            return {}
        earlier = self._before.values.get(name, {})
        found: dict[_Key, float] = defaultdict(float)
        for labels, value in self._series(name).items():
            then = earlier.get(labels, 0.0)
            found[key(labels)] += max(0.0, value - then if value >= then else value) / self._seconds
        return dict(found)

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
                # No process of Dynamo's does that, and merging many of them would take seconds.
                self._cut = True
        return found


def _model(labels: Labels) -> str:
    return _label(labels, "model")


def _whole(_: Labels) -> str:
    return ""


def _place(labels: Labels) -> Place:
    namespace, component, endpoint = (
        _label(labels, f"dynamo_{name}") for name in ("namespace", "component", "endpoint")
    )
    return Place(namespace, component, endpoint, _label(labels, "worker_id"))


def _label(labels: Labels, wanted: str) -> str:
    return next((value for name, value in labels if name == wanted), "")


def _one(uses: Iterable[float]) -> tuple[float, ...]:
    """How full the cache of one process is, of the ranks that share it."""
    found = [use for use in uses if 0 <= use <= 1]
    return (math.fsum(found) / len(found),) if found else ()
