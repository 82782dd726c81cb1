"""The figures of a recording, joined to what was registered, are those that were shown then."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.metrics.latest import LatestMetrics
from backends.metrics.overview import Joiner, Overview
from backends.metrics.rates import Rates
from backends.metrics.scraper import ScrapeResult
from backends.recording.lines import MetricsLine, decode, encode
from backends.recording.recorded_figures import FigureLines, figures_of
from backends.timeline.kept_figures import KeptFigures
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, OTHER, WORKER, SaidScrapes

MODEL = "acme/tiny-llm"


class Rounds:
    """One round of scrapes after the other, as it is shown and as it is read back."""

    def __init__(self) -> None:
        self.scrapes = SaidScrapes(FRONTEND, OTHER, WORKER)
        self.latest, self._joiner, self.cluster = LatestMetrics(), Joiner(), Cluster()
        self.lines, self.kept = FigureLines(), KeptFigures()
        for one in (registered.instance(0xA1), registered.card(0xA1, MODEL)):
            self.cluster.put(registered.record(one), FirstSeen(0, False))

    async def ask(self) -> Overview:
        """Scrape all once more. Returns what is shown; it is read back, too."""
        given = self.scrapes.given
        self.latest.keep(given, self.scrapes.now())
        answers = [await self.scrapes.ask(one, proven=False) for one in given]
        self.latest.take(answers)
        shown = self._joiner.overview(self.latest, self.cluster, {}, is_read=True)
        if (line := self.lines.line(shown, self.scrapes.now())) is not None:
            self.kept.take(figures_of(read_back(line)))
        return shown

    def then(self, seconds: float = 0.0) -> Overview:
        """Return what is known so many seconds after the last round."""
        return self.kept.overview(self.cluster, self.scrapes.now() + seconds)


def read_back(line: MetricsLine) -> MetricsLine:
    read = decode(encode(line)[:-1])
    assert isinstance(read, MetricsLine)
    return read


def told(rates: Rates) -> list[object]:
    """Return all figures that are shown of a row."""
    of = (rates.first_token, rates.first_response, rates.between_tokens)
    quantiles = [one.quantile(part) for one in of for part in (0.5, 0.99)]
    numbers = (rates.request_rate, rates.token_rate, rates.error_rate, rates.seconds)
    return [*quantiles, *numbers, rates.in_flight, rates.queued, rates.mean_kv_use]


def rows(overview: Overview) -> Mapping[tuple[str, ...], list[object]]:
    """Return the figures of each model, and of its frontends and workers."""
    found: dict[tuple[str, ...], list[object]] = {}
    for model in overview.models:
        found["model", model.name] = told(model.rates)
        for frontend in model.frontends:
            found["frontend", model.name, str(frontend.known.target)] = told(frontend.rates)
        for worker in model.workers:
            found["worker", model.name, str(worker.id)] = told(worker.rates)
    return found


@pytest.mark.parametrize("several", [False, True])
async def test_each_row_has_the_figures_that_it_had_then(several: bool) -> None:
    rounds = Rounds()
    rounds.scrapes.models = {FRONTEND: {MODEL: 4.0}}
    if several:
        rounds.scrapes.models |= {OTHER: {MODEL: 2.0}}
    rounds.scrapes.failing = {FRONTEND: {MODEL: 1.0}}
    rounds.scrapes.workers = {WORKER: ("a1", 3.0)}
    for _ in range(3):
        shown = await rounds.ask()
        then = rounds.then()
        assert rows(then) == rows(shown)
        assert [one.read_at for one in then.models] == [one.read_at for one in shown.models]
    assert rows(shown)["model", MODEL][6] == (7.0 if several else 5.0)


async def test_a_line_of_all_is_as_good_as_all_lines_before_it() -> None:
    rounds = Rounds()
    rounds.scrapes.models = {FRONTEND: {MODEL: 4.0}, OTHER: {MODEL: 2.0, "other": 1.0}}
    await rounds.ask()
    shown = await rounds.ask()
    whole = KeptFigures()
    whole.take(figures_of(read_back(rounds.lines.all(rounds.scrapes.now()))))
    found = whole.overview(rounds.cluster, rounds.scrapes.now())
    assert rows(found) == rows(rounds.then()) == rows(shown)


async def test_figures_that_are_too_old_are_left_out_as_where_servers_are_asked() -> None:
    rounds = Rounds()
    rounds.scrapes.models = {FRONTEND: {MODEL: 4.0}}
    await rounds.ask()
    await rounds.ask()
    assert rounds.kept.ages(rounds.scrapes.now() + 8) == (8, 8)
    assert rows(rounds.then(30.0))
    assert rounds.kept.ages(rounds.scrapes.now() + 31) is None
    assert not rows(rounds.then(31.0))


async def test_a_frontend_that_fell_silent_takes_its_figures_along_and_is_named() -> None:
    rounds = Rounds()
    rounds.scrapes.models = {FRONTEND: {MODEL: 4.0}, OTHER: {MODEL: 2.0}}
    await rounds.ask()
    await rounds.ask()
    rounds.scrapes.troubles = {FRONTEND: "refuses connections"}
    shown = await rounds.ask()
    (model,) = rounds.then().models
    assert rows(rounds.then()) == rows(shown)
    assert [str(one.target) for one in model.missing] == [str(FRONTEND)]
    silent = {str(one.target): one for one in rounds.then().silent}
    was = rounds.latest.known[FRONTEND]
    known = silent[str(FRONTEND)]
    assert (known.trouble, known.failing_since, known.answered_at) == (
        was.trouble,
        was.failing_since,
        was.answered_at,
    )
    rounds.scrapes.troubles = {}
    await rounds.ask()
    assert str(FRONTEND) not in {str(one.target) for one in rounds.then().silent}


def test_a_first_answer_has_no_rates() -> None:
    rounds = Rounds()
    answer = ScrapeResult(OTHER, 5.0, trouble="has a name that does not resolve here")
    rounds.latest.keep([OTHER], 0.0)
    rounds.latest.take([answer])
    shown = Joiner().overview(rounds.latest, rounds.cluster, {}, is_read=True)
    line = rounds.lines.line(shown, 5.0)
    assert line is not None
    rounds.kept.take(figures_of(read_back(line)))
    assert rounds.kept.at is None
    assert [one.trouble for one in rounds.then().silent] == [answer.trouble]
