"""Metrics of the demo's frontends and workers, as Prometheus text, parsed like real ones.

All counters follow from the time alone, so scrapes at the same time are equal.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence

from backends.demo.cluster import Demo
from backends.demo.records import DemoWorker
from backends.metrics import catalogue
from backends.metrics.parse import parsed
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult

FRONTENDS = (
    ScrapeTarget(base="http://frontend-0:8000"),
    ScrapeTarget(base="http://frontend-1:8000"),
)
LATE = ("openai/gpt-oss-120b",)
"""Registered but not served: the demo's frontends watch another namespace."""
GHOST = "meta-llama/Llama-3.1-70B-Instruct"
"""Served by a frontend though it is no longer registered."""

BOUNDS = (0.0, 0.0022, 0.0047, 0.01, 0.022, 0.047, 0.1, 0.22, 0.47, 1.0, 2.2, 4.7, 10.0, math.inf)
TOKENS_OF_A_REQUEST = 180.0
FAILS = "meta-llama/Llama-3.1-8B-Instruct"
"""Some of its requests end in errors, for a minute of each ten."""


class DemoScrapes:
    """Answers for processes that do not exist. A `Scrapes`."""

    reveals = False
    here = True

    def __init__(self, world: Demo, clock: Callable[[], float]) -> None:
        """`clock` returns POSIX seconds."""
        self._world = world
        self._clock = clock
        self._before: dict[ScrapeTarget, dict[str, float]] = {}
        """By frontend that was scraped before, and by model: the requests that the model's counter
        would have had when the frontend began to serve it."""

    @property
    def given(self) -> Sequence[ScrapeTarget]:
        return [*FRONTENDS, *self._servers()]

    async def ask(self, target: ScrapeTarget, *, proven: bool = False) -> ScrapeResult:
        return self._answer(target, self._clock())

    def now(self) -> float:
        return self._clock()

    async def aclose(self) -> None:
        """Do nothing."""

    def _servers(self) -> dict[ScrapeTarget, DemoWorker]:
        return {
            ScrapeTarget(base=f"http://{worker.host}:9090"): worker
            for worker in self._world.workers()
            if worker.role.model is not None and not worker.role.legacy
        }

    def _answer(self, target: ScrapeTarget, at: float) -> ScrapeResult:
        if target in FRONTENDS:
            scrape = parsed("".join(self._frontend(target, at)).encode(), at)
            return ScrapeResult(target, at, scrape, self._served())
        worker = self._servers().get(target)
        if worker is None or not worker.alive:
            return ScrapeResult(target, at, trouble="refuses connections")
        if worker.hangs:
            return ScrapeResult(target, at, trouble="does not answer within 4 s")
        return ScrapeResult(target, at, parsed("".join(_worker(worker, at)).encode(), at))

    def _served(self) -> frozenset[str]:
        workers = [one for one in self._world.workers() if one.role.worker_type != "prefill"]
        models = {one.role.model.name for one in workers if one.role.model is not None}
        adapters = {adapter for one in workers for adapter in one.adapters}
        return frozenset({*models, *adapters, GHOST} - {*LATE})

    def _frontend(self, target: ScrapeTarget, at: float) -> Iterator[str]:
        yield f"{catalogue.DISCONNECTED} 0\n"
        served = sorted(self._served() - {GHOST})
        begun = self._before.get(target)
        before = self._before[target] = {
            model: at_begin for model, at_begin in (begun or {}).items() if model in served
        }
        for model in served:
            rate = 0.5 + _seed(model) % 30 / 10
            if model.startswith("acme/"):
                rate /= 5
            whole = _done(rate, at, _seed(model + target.base))
            # Those that are there from the start have served for days; others' counters begin at 0.
            done = whole - before.setdefault(model, 0.0 if begun is None else whole)
            label = f'model="{model}"'
            yield f'{catalogue.REQUESTS}{{{label},status="success"}} {done:.0f}\n'
            if model == FAILS:
                failed = f'{label},status="error",error_type="cancelled"'
                yield f"{catalogue.REQUESTS}{{{failed}}} {_failed(at):.0f}\n"
            yield f"{catalogue.OUTPUT_TOKENS}{{{label}}} {done * TOKENS_OF_A_REQUEST:.0f}\n"
            busy = rate * 3 * (1.2 + math.sin(at / 23 + _seed(model)))
            yield f"{catalogue.IN_FLIGHT}{{{label}}} {busy:.0f}\n"
            yield f"{catalogue.QUEUED}{{{label}}} {busy / 6:.0f}\n"
            slow = 1 + _seed(model) % 5
            yield from _histogram(catalogue.FIRST_TOKEN, label, done, 0.06 * slow)
            tokens = done * TOKENS_OF_A_REQUEST
            yield from _histogram(catalogue.BETWEEN_TOKENS, label, tokens, 0.005 * slow)


def _worker(worker: DemoWorker, at: float) -> Iterator[str]:
    rate = 0.3 + worker.id % 20 / 20
    use = 0.45 + 0.35 * math.sin(at / 41 + worker.id)
    yield f"{catalogue.KV_USE} {use:.3f}\n"
    yield f"{catalogue.WORK_QUEUE} {max(0, round(8 * use - 4))}\n"
    for endpoint in worker.role.endpoints:
        names = ",".join(
            f'dynamo_{name}="{value}"' for name, value in worker.names(endpoint).items()
        )
        label = f'{names},worker_id="{worker.id:x}"'
        done = _done(rate, at, worker.id) if endpoint == worker.role.endpoints[0] else 0.0
        yield f"{catalogue.WORK_REQUESTS}{{{label}}} {done:.0f}\n"
        yield f"{catalogue.WORK_IN_FLIGHT}{{{label}}} {rate * 8 * use if done else 0:.0f}\n"
    yield from _histogram(catalogue.WORK_FIRST_RESPONSE, "", _done(rate, at, worker.id), 0.05)


def _failed(at: float) -> float:
    """Return a counter's value at a time, which grows in the first minute of each ten."""
    tens, seconds = divmod(at % 1e6, 600)
    return 24 * tens + min(24.0, 0.4 * seconds)


def _done(rate: float, at: float, seed: int) -> float:
    """Return a counter's value at a time, at a rate that rises and falls, and is never below 0."""
    phase = seed % 100 / 16
    return rate * (at % 1e6 + 12 * math.sin(at / 31 + phase) + 3 * math.sin(at / 7 + phase))


def _histogram(name: str, label: str, total: float, scale: float) -> Iterator[str]:
    """Yield a histogram of this many observations, most of them around `scale`."""
    for bound in BOUNDS:
        below = total * (1 - math.exp(-((bound / scale) ** 2)))
        upper = "+Inf" if math.isinf(bound) else bound
        yield f'{name}_bucket{{{label}{"," if label else ""}le="{upper}"}} {below:.0f}\n'


def _seed(text: str) -> int:
    return zlib.crc32(text.encode())
