"""The last hour of each model, frontend and worker."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from backends.discovery.cluster import Cluster, FirstSeen
from backends.metrics import catalogue
from backends.metrics.figure_series import LONGEST, Measure
from backends.metrics.hour import MetricsHour, SeriesKey, key_of_model
from backends.metrics.latest import LatestMetrics
from backends.metrics.overview import Joiner
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult
from tests.metrics.texts import scrape
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, OTHER

MODEL = key_of_model("Acme/Tiny-LLM")


def asked(target: ScrapeTarget, at: float, counts: Mapping[str, float]) -> ScrapeResult:
    lines = [f'{catalogue.REQUESTS}{{model="{name}"}} {done}' for name, done in counts.items()]
    return ScrapeResult(target, at, scrape(at, lines))


def worked(worker: int, at: float, done: float) -> ScrapeResult:
    place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
    line = f'{catalogue.WORK_REQUESTS}{{{place},worker_id="{worker:x}"}} {done}'
    return ScrapeResult(ScrapeTarget(base=f"http://{worker}:1"), at, scrape(at, line))


class Looks:
    """Takes in one round of scrapes after the other."""

    def __init__(self, most: int = 100, workers: int = 0) -> None:
        self.hour = MetricsHour(most)
        self._latest, self._joiner, self._cluster = LatestMetrics(), Joiner(), Cluster()
        for worker in range(1, workers + 1):
            for put in (registered.instance(worker), registered.card(worker, "Acme/Tiny-LLM")):
                self._cluster.put(registered.record(put), FirstSeen(0.0, was_there=True))

    def take(self, *answers: ScrapeResult) -> None:
        self._latest.take(answers)
        found = self._joiner.overview(self._latest, self._cluster, {}, is_read=True)
        self.hour.take(found)

    def values(self, key: SeriesKey = MODEL) -> list[float | None] | None:
        series = self.hour.of(key)
        if series is None:
            return None
        return [point.value for point in series.points(Measure.REQUESTS)]


def test_a_model_has_the_figures_that_the_overview_had_each_once() -> None:
    looks = Looks()
    for at, done in ((0.0, 0.0), (5.0, 10.0), (5.0, 10.0), (10.0, 30.0)):
        looks.take(asked(FRONTEND, at, {"Acme/Tiny-LLM": done}))
    assert looks.values() == [2, 4]


def test_a_restart_is_a_hole_and_no_rate() -> None:
    looks = Looks()
    for at, done in ((0.0, 100.0), (5.0, 110.0), (10.0, 3.0), (15.0, 13.0)):
        looks.take(asked(FRONTEND, at, {"Acme/Tiny-LLM": done}))
    assert looks.values() == [2, None, 2]


def test_no_line_leads_from_one_set_of_frontends_to_another() -> None:
    looks = Looks()
    for at in (0.0, 5.0, 10.0):
        both = (asked(one, at, {"Acme/Tiny-LLM": at}) for one in (FRONTEND, OTHER))
        looks.take(*both)
    for at in (15.0, 20.0):
        looks.take(
            asked(FRONTEND, at, {"Acme/Tiny-LLM": at}),
            ScrapeResult(OTHER, at, trouble="refuses connections"),
        )
    series = looks.hour.of(MODEL)
    assert series is not None
    points = list(series.points(Measure.REQUESTS))
    assert [point.value for point in points] == [2, 2, 1, 1]
    follows = [after.follows(before) for before, after in pairwise(points)]
    assert follows == [True, False, True]
    # Each of several frontends has its own.
    assert looks.values(("frontend", "Acme/Tiny-LLM", str(OTHER))) == [1, 1]


def test_of_workers_together_one_that_comes_or_restarts_breaks_no_line() -> None:
    looks = Looks(workers=3)
    looks.take(worked(1, 0.0, 50), worked(2, 0.0, 0))
    looks.take(worked(1, 5.0, 60), worked(2, 5.0, 10))
    looks.take(worked(1, 10.0, 5), worked(2, 10.0, 20), worked(3, 10.0, 0))
    series = looks.hour.of(MODEL)
    assert series is not None
    points = list(series.points(Measure.REQUESTS))
    assert [point.value for point in points] == [4, 3]
    assert points[1].follows(points[0])
    assert looks.values(("worker", "1")) == [2, None]
    assert looks.values(("worker", "2")) == [2, 2]


def test_of_too_many_rows_the_last_have_no_hour_until_others_are_forgotten() -> None:
    looks = Looks(most=3)
    names = {f"model-{number}": 1.0 for number in range(5)}
    for at in (0.0, 5.0):
        looks.take(asked(FRONTEND, at, names))
    kept = [looks.values(key_of_model(name)) is not None for name in sorted(names)]
    assert (kept, looks.hour.is_full) == ([True, True, True, False, False], True)
    later = LONGEST + 10
    for at in (later, later + 5, later + 10):
        looks.take(asked(FRONTEND, at, {"model-4": 1.0}))
    assert not looks.hour.is_full
    assert looks.values(key_of_model("model-0")) is None
    assert looks.values(key_of_model("model-4")) == [0]
