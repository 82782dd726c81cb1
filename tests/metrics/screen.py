"""The tab Metrics for tests, and processes that say what a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.metrics import names
from backends.metrics.scraper import Answer
from backends.metrics.targets import Target
from tests.metrics.texts import histogram, scrape
from tests.tui.operating import START, Operator
from tui.widgets.metrics import MetricsPane
from tui.widgets.pane_tabs import PaneTabs

FRONTEND = Target(base="http://frontend-0:8000")
OTHER = Target(base="http://frontend-1:8000")
WORKER = Target(base="http://10.0.0.1:8081")


async def open_metrics(operator: Operator) -> None:
    tabs = operator.main.query_one(PaneTabs)
    tabs.open(tabs.query_one(MetricsPane))
    await operator.until(lambda: operator.tab() == "metrics", "the tab")


class SaidScrapes:
    """Each scrape is five seconds after the last, and each counter has grown as a test says."""

    reveals = True
    here = True

    def __init__(self, *given: Target) -> None:
        self.given: Sequence[Target] = given
        self.asked: list[list[Target]] = []
        """In each round."""
        self.models: dict[Target, Mapping[str, float]] = {}
        """Requests a second by model, of frontends."""
        self.served: dict[Target, frozenset[str]] = {}
        self.workers: dict[Target, tuple[str, float]] = {}
        """The id in hex and the requests a second, of workers."""
        self.troubles: dict[Target, str] = {}

    async def ask(self, target: Target, *, proven: bool) -> Answer:
        if not self.asked or target in self.asked[-1]:
            self.asked.append([])
        self.asked[-1].append(target)
        return self._answer(target)

    def now(self) -> float:
        return START + 5.0 * len(self.asked)

    async def aclose(self) -> None:
        """There is nothing to end."""

    def _answer(self, target: Target) -> Answer:
        at = self.now()
        seconds = at - START
        if target in self.troubles:
            return Answer(target, at, trouble=self.troubles[target])
        lines: list[str] = []
        for model, rate in self.models.get(target, {}).items():
            label, done = f'model="{model}"', rate * seconds
            lines += [
                f"{names.REQUESTS}{{{label}}} {done}",
                f"{names.OUTPUT_TOKENS}{{{label}}} {done * 10}",
                f"{names.IN_FLIGHT}{{{label}}} 3",
                f"{names.QUEUED}{{{label}}} 1",
                *histogram(names.FIRST_TOKEN, label, {"0.1": done, "0.2": done, "+Inf": done}),
                *histogram(names.BETWEEN_TOKENS, label, {"0.01": 0, "0.02": done, "+Inf": done}),
            ]
        if target in self.workers:
            worker, rate = self.workers[target]
            place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
            label = f'{place},worker_id="{worker}"' if worker else place
            lines += [
                f"{names.WORK_REQUESTS}{{{label}}} {rate * seconds}",
                f"{names.WORK_IN_FLIGHT}{{{label}}} 2",
                f"{names.KV_USE} 0.25",
            ]
        return Answer(target, at, scrape(at, lines), self.served.get(target))
