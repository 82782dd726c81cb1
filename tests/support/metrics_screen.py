"""The tab Metrics for tests, and processes that say what a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.metrics import catalogue
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult
from tests.metrics.texts import histogram, scrape
from tests.support.operating import START, Operator
from tui.widgets.panes.metrics import MetricsPane
from tui.widgets.panes.tabs import PaneTabs

FRONTEND = ScrapeTarget(base="http://frontend-0:8000")
OTHER = ScrapeTarget(base="http://frontend-1:8000")
WORKER = ScrapeTarget(base="http://10.0.0.1:8081")


async def open_metrics(operator: Operator) -> None:
    tabs = operator.main.query_one(PaneTabs)
    tabs.open(tabs.query_one(MetricsPane))
    await operator.until(lambda: operator.tab() == "metrics", "the tab")


class SaidScrapes:
    """Each scrape is five seconds after the last, and each counter has grown as a test says."""

    reveals = True
    here = True

    def __init__(self, *given: ScrapeTarget) -> None:
        self.given: Sequence[ScrapeTarget] = given
        self.asked: list[list[ScrapeTarget]] = []
        """In each round."""
        self.models: dict[ScrapeTarget, Mapping[str, float]] = {}
        """Requests a second by model, of frontends."""
        self.served: dict[ScrapeTarget, frozenset[str]] = {}
        self.workers: dict[ScrapeTarget, tuple[str, float]] = {}
        """The id in hex and the requests a second, of workers."""
        self.failing: dict[ScrapeTarget, Mapping[str, float]] = {}
        """Requests a second that fail, by model, of frontends; each is also a refusal of it."""
        self.troubles: dict[ScrapeTarget, str] = {}
        self.ready: dict[ScrapeTarget, Mapping[str, bool]] = {}
        """Whether it calls a model ready, of frontends."""

    async def ask(self, target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        if not self.asked or target in self.asked[-1]:
            self.asked.append([])
        self.asked[-1].append(target)
        return self._answer(target)

    def now(self) -> float:
        return START + 5.0 * len(self.asked)

    async def aclose(self) -> None:
        """There is nothing to end."""

    def _answer(self, target: ScrapeTarget) -> ScrapeResult:
        at = self.now()
        seconds = at - START
        if target in self.troubles:
            return ScrapeResult(target, at, trouble=self.troubles[target])
        lines: list[str] = []
        for model, rate in self.models.get(target, {}).items():
            label, done = f'model="{model}"', rate * seconds
            lines += [
                f"{catalogue.REQUESTS}{{{label}}} {done}",
                f"{catalogue.OUTPUT_TOKENS}{{{label}}} {done * 10}",
                f"{catalogue.IN_FLIGHT}{{{label}}} 3",
                f"{catalogue.QUEUED}{{{label}}} 1",
                *histogram(catalogue.FIRST_TOKEN, label, {"0.1": done, "0.2": done, "+Inf": done}),
                *histogram(
                    catalogue.BETWEEN_TOKENS, label, {"0.01": 0, "0.02": done, "+Inf": done}
                ),
            ]
        for model, rate in self.failing.get(target, {}).items():
            label = f'model="{model}",status="error",error_type="unavailable"'
            lines += [
                f"{catalogue.REQUESTS}{{{label}}} {rate * seconds}",
                f'{catalogue.FAILURES}{{reason="backend.unavailable",class="U"}} {rate * seconds}',
            ]
        if target in self.served or target in self.ready:
            lines.append(f"{catalogue.DISCONNECTED} 0")
        for model, ready in self.ready.get(target, {}).items():
            lines.append(f'{catalogue.READY}{{model="{model}"}} {ready:d}')
        if target in self.workers:
            worker, rate = self.workers[target]
            place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
            label = f'{place},worker_id="{worker}"' if worker else place
            lines += [
                f"{catalogue.WORK_REQUESTS}{{{label}}} {rate * seconds}",
                f"{catalogue.WORK_IN_FLIGHT}{{{label}}} 2",
                f"{catalogue.KV_USE} 0.25",
                *histogram(
                    catalogue.WORK_FIRST_RESPONSE,
                    "",
                    {"0.01": rate * seconds, "+Inf": rate * seconds},
                ),
            ]
        return ScrapeResult(target, at, scrape(at, lines), self.served.get(target))
