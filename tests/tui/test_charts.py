"""The charts of a model or worker: opened by a key, measured while they are open."""

from __future__ import annotations

from collections.abc import Callable

from tests.metrics.test_tab import MODEL, busy, metrics, world
from tests.support.metrics_screen import OTHER, WORKER, SaidScrapes
from tests.support.moved_timer import MovedTimer
from tests.support.operating import Operator, dashboard
from tui.screens.charts import ChartScreen
from tui.widgets.chart_view import ChartView


def shown(operator: Operator) -> str:
    """Return all pages of the open charts."""
    return operator.app.screen.query_one(ChartView).shown_text()


async def open_charts(operator: Operator) -> ChartScreen:
    await operator.press("m")
    await operator.until(lambda: isinstance(operator.app.screen, ChartScreen), "charts")
    screen = operator.app.screen
    assert isinstance(screen, ChartScreen)
    return screen


def asks_on(scrapes: SaidScrapes) -> Callable[[], bool]:
    """Return whether anything was asked since now."""
    before = len(scrapes.asked)
    return lambda: len(scrapes.asked) > before + 1


async def test_a_models_row_opens_its_charts_and_closing_them_leaves_the_row() -> None:
    scrapes = busy()
    scrapes.failing[scrapes.given[0]] = {MODEL: 1.0}
    async with metrics(scrapes, size=(120, 40)) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await open_charts(operator)
        titles = ("TTFT  p50 50ms  p99 99ms", "ITL  p50 15ms  p99 20ms", "Requests/s  5.0")
        for title in (*titles, "Tokens/s  40.0", "Errors/s  1.0"):
            await operator.until(lambda title=title: title in shown(operator), title)  # type: ignore[misc]
        assert "×" in shown(operator)
        await operator.until_shown(f"model {MODEL}   the last ten minutes")
        await operator.until_shown("not measured: asked only while")
        await operator.press("z")
        await operator.until_shown(f"model {MODEL}   the last hour")
        await operator.press("escape")
        await operator.until(lambda: operator.app.screen is operator.main)
        assert operator.at("name") == f"▸ {MODEL}"


async def test_a_row_below_a_model_has_charts_of_its_own_and_a_failing_process_none() -> None:
    scrapes = busy()
    scrapes.given = (*scrapes.given, OTHER)
    scrapes.models[OTHER] = {MODEL: 1.0}
    scrapes.troubles[WORKER] = "refuses connections"
    async with metrics(scrapes, size=(140, 40)) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await operator.press("l", "j", "j")
        await open_charts(operator)
        await operator.until_shown(f"model {MODEL} at frontend-1:8000")
        await operator.until(lambda: "Requests/s  1.0" in shown(operator), "its requests")
        await operator.press("q")
        await operator.go_to("name", "· ✗ 10.0.0.1:8081")
        await operator.press("m")
        await operator.until_shown("This row has no figures.")


async def test_what_does_not_fit_is_on_pages_that_keys_turn() -> None:
    async with metrics(busy(), size=(80, 24)) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await open_charts(operator)
        await operator.until_shown("page 1/3: ↓ goes on")
        await operator.press("j")
        await operator.until_shown("page 2/3")
        await operator.until_shown("Requests/s  4.0")
        await operator.press("G")
        await operator.until_shown("page 3/3")
        await operator.until_shown("Errors/s  0")
        await operator.press("up", "pageup")
        await operator.until_shown("page 1/3")


async def test_processes_are_asked_while_charts_are_open_over_another_tab_and_not_after() -> None:
    scrapes = busy()
    async with dashboard(world(), scrapes=scrapes) as operator:
        operator.dashboard.figures.metrics.interval = 0.05
        assert not scrapes.asked
        await operator.go_to("id", "1")
        await open_charts(operator)
        await operator.until_shown("worker 1   the last ten minutes")
        await operator.until(lambda: "Requests/s  4.0" in shown(operator), "a worker's requests")
        assert "First response  p50 5.0ms  p99 9.9ms" in shown(operator)
        await operator.press("f")
        await operator.until_shown("frozen: f lets it go on")
        frozen, asked = shown(operator), len(scrapes.asked)
        await operator.press("z", "z")
        await operator.until_shown("the last ten minutes")
        assert (shown(operator), len(scrapes.asked)) == (frozen, asked)
        await operator.press("f")
        await operator.until(asks_on(scrapes), "scrapes again")
        await operator.press("q")
        await operator.until(lambda: operator.app.screen is operator.main)
        assert not operator.dashboard.figures.metrics._polling._looked_at.is_set()


async def test_models_have_their_charts_in_overview_and_models_too() -> None:
    async with dashboard(world(), scrapes=busy(), size=(120, 40)) as operator:
        operator.dashboard.figures.metrics.interval = 0.05
        for tab in ("overview", "models"):
            await operator.open(tab)
            key = ("model", MODEL, None) if tab == "overview" else (MODEL,)
            await operator.until(lambda key=key: operator.pane.select(key), "the model")  # type: ignore[misc]
            await open_charts(operator)
            await operator.until_shown(f"model {MODEL}  ")
            await operator.until(lambda: "TTFT  p50 50ms" in shown(operator), "its latency")
            await operator.press("escape")
            await operator.until(lambda: operator.app.screen is operator.main)


async def test_a_kept_hour_goes_on_while_another_tab_is_open() -> None:
    scrapes, timer = busy(), MovedTimer()
    async with dashboard(world(), scrapes=scrapes, timer=timer, metrics_always=True) as operator:
        await timer.until(lambda: len(scrapes.asked) > 3, "scrapes")
        assert {target for targets in scrapes.asked for target in targets} == {*scrapes.given}
        series = operator.dashboard.figures.hour.of(("model", MODEL))
        assert series is not None
        assert len(series.at) > 1
        # The frozen view asks nobody.
        await operator.press("f")
        asked = len(scrapes.asked)
        await timer.advance(60)
        assert len(scrapes.asked) == asked


async def test_without_figures_it_is_said_why_there_are_no_charts() -> None:
    async with dashboard(world(), scrapes=SaidScrapes()) as operator:
        await operator.open("models")
        await open_charts(operator)
        await operator.until_shown("No process is known to have metrics.")
