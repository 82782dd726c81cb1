"""What was scraped is written once, with the figures that the overview had."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.metrics import catalogue
from backends.metrics.latest import LatestMetrics
from backends.metrics.overview import Joiner
from backends.metrics.scraper import ScrapeResult
from backends.recording.lines import FigureReading, MetricsLine, SilentServer, decode, encode
from backends.recording.recorded_figures import FigureLines, figures_of
from tests.metrics.texts import histogram, scrape
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, OTHER

MODEL = "acme/tiny-llm"


class Rounds:
    """One round of scrapes after the other, and the line of each."""

    def __init__(self) -> None:
        self.lines = FigureLines()
        self.latest, self._joiner, self._cluster = LatestMetrics(), Joiner(), Cluster()
        self.latest.keep([FRONTEND, OTHER], 0.0)
        self._cluster.put(registered.record(registered.card(1, MODEL)), FirstSeen(0, False))

    def take(self, at: float, *answers: ScrapeResult) -> MetricsLine | None:
        self.latest.take(answers)
        found = self._joiner.overview(self.latest, self._cluster, {}, is_read=True)
        line = self.lines.line(found, at)
        if line is None:
            return None
        read = decode(encode(line)[:-1])
        assert read == line
        return line


def answer(at: float, done: float, bounds: Mapping[str, float]) -> ScrapeResult:
    label = f'model="{MODEL}"'
    lines = [
        f"{catalogue.REQUESTS}{{{label}}} {done}",
        *histogram(catalogue.FIRST_TOKEN, label, bounds),
    ]
    return ScrapeResult(FRONTEND, at, scrape(at, lines))


def test_each_round_has_the_figures_of_the_time_since_the_last() -> None:
    rounds = Rounds()
    silent = ScrapeResult(OTHER, 100.0, trouble="refuses connections")
    first = rounds.take(100.0, answer(100.0, 4, {"0.5": 4, "+Inf": 4}), silent)
    assert first is not None
    assert [(one.server, one.why, one.since) for one in known(first)] == [
        (str(OTHER), "refuses connections", 100)
    ]
    assert first.rows == (), "a rate takes two scrapes"

    second = rounds.take(110.0, answer(110.0, 24, {"0.5": 14, "+Inf": 24}))
    assert second is not None
    (row,) = second.rows
    assert (row.of, row.at, row.seconds) == (("model", MODEL), 110, 10)
    assert row.figures["requests"] == pytest.approx(2)
    assert row.figures["first-token-99"] == pytest.approx(0.5)
    assert row.over == ("first-token-99",), "half of them took longer than the highest bound"
    assert rounds.take(111.0) is None, "nothing was scraped since"

    restarted = rounds.take(120.0, answer(120.0, 1, {"0.5": 1, "+Inf": 1}))
    assert restarted is not None
    (row,) = restarted.rows
    assert (row.restarted, row.figures) == (True, {})


def test_a_server_that_falls_silent_is_a_line() -> None:
    rounds = Rounds()
    rounds.take(100.0, answer(100.0, 0, {"+Inf": 0}))
    line = rounds.take(110.0, ScrapeResult(FRONTEND, 110.0, trouble="refuses connections"))
    assert line is not None
    (silent,) = known(line)
    assert (silent.server, silent.answered) == (str(FRONTEND), 100)


def known(line: MetricsLine) -> list[SilentServer]:
    return [one for one in line.silent if isinstance(one, SilentServer)]


def test_a_reading_without_figures_is_short() -> None:
    assert encode(MetricsLine(at=1.0, rows=(FigureReading(of=("server", "a"), at=1.0),))) == (
        b'{"kind":"metrics","at":1.0,"rows":[{"of":["server","a"],"at":1.0}]}\n'
    )


def test_figures_that_none_can_be_are_left_out() -> None:
    """A recording is input from others."""
    odd = FigureReading(
        of=("model", "m"),
        at=1.0,
        seconds=-5.0,
        figures={"requests": -1.0, "tokens": 1e308, "kv-use": 7.0, "first-token-50": 0.1, "x": 1},
    )
    names: list[tuple[str, ...]] = [(), ("model",), ("other", "m"), ("model", "m" * 1_001)]
    others = [FigureReading(of=of, at=1.0) for of in names]
    (row,) = figures_of(MetricsLine(at=1.0, rows=(odd, *others), silent=("by name",))).rows
    rates = row.rates
    assert (rates.request_rate, rates.token_rate, rates.seconds, rates.kv_use) == (
        None,
        None,
        None,
        (),
    )
    half = rates.first_token.quantile(0.5)
    assert half is not None
    assert (half.value, rates.first_token.quantile(0.99)) == (0.1, None)
