"""The tab Metrics: what is in it, what it says, and when it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backends.dynamo.registration import ModelSpec
from backends.metrics.poller import FIRST_INTERVAL, INTERVAL
from backends.metrics.scrape_targets import MOST_REVEALED, ScrapeTarget
from backends.metrics.scraper import ScrapeResult
from tests.support.metrics_screen import FRONTEND, OTHER, WORKER, SaidScrapes, open_metrics
from tests.support.moved_timer import MovedTimer
from tests.support.operating import LOST, Operator, World, dashboard
from tests.support.registered import card, instance

MODEL, SEEN = "acme/tiny-llm", "acme/seen"


def world() -> World:
    found = World(leases=False)
    found.put(instance(1), card(1), lease=1)
    found.put(instance(2, "test"), card(2, "acme/idle", namespace="test"), lease=2)
    return found


def world_with_seen() -> World:
    """By one more model a frontend that lists it is known to look at the namespace `test`."""
    found = world()
    found.put(instance(3, "test", "seen"), card(3, SEEN, None, "test", "seen"), lease=3)
    return found


def busy() -> SaidScrapes:
    scrapes = SaidScrapes(FRONTEND, WORKER)
    scrapes.models[FRONTEND] = {MODEL: 4.0}
    scrapes.served[FRONTEND] = frozenset({MODEL, "acme/idle"})
    scrapes.workers[WORKER] = ("1", 4.0)
    return scrapes


@asynccontextmanager
async def metrics(scrapes: SaidScrapes, **options: Any) -> AsyncIterator[Operator]:
    """The dashboard with the tab open, after a few scrapes."""
    there, size = options.get("world") or world(), options.get("size", (180, 45))
    async with dashboard(there, scrapes=scrapes, size=size) as operator:
        operator.dashboard.figures.metrics.interval = 0.05
        await open_metrics(operator)
        await operator.until(lambda: len(scrapes.asked) > 3, "scrapes")
        # From here on seldom enough to leave the machine to the test.
        operator.dashboard.figures.metrics.interval = 0.3
        yield operator


async def test_a_model_has_its_figures_in_a_line() -> None:
    async with metrics(busy()) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        said = {
            column: operator.at(column) for column in ("requests", "tokens", "flight", "queued")
        }
        assert said == {"requests": "4.0", "tokens": "40.0", "flight": "3", "queued": "1"}
        latencies = [operator.at(f"{name}{part}") for name in ("ttft", "itl") for part in (50, 99)]
        assert latencies == ["50ms", "99ms", "15ms", "20ms"]
        assert operator.at("kv") == "25%"
        assert operator.at("state") == "● served"
        await operator.until(lambda: "██" in (operator.at("trend") or ""), "a trend")
        detail = operator.detail()
        assert detail["to first token"] == "p50 50ms, p99 99ms (20 observed)"
        assert detail["state"] == "served by http://frontend-0:8000"
        assert detail["over"] == "the last 5.0 s"


async def test_a_model_opens_to_its_worker_and_to_frontends_where_there_are_several() -> None:
    scrapes = busy()
    async with metrics(scrapes) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await operator.press("l")
        assert operator.rows("name")[1:3] == [f"▾ {MODEL}", "  · backend 1"]
        assert operator.rows("requests")[1:3] == ["4.0", "4.0"]
        await operator.press("j")
        assert operator.detail()["joined"] == "its metrics name it"
        await operator.press("h")
        assert operator.at("name") == f"▾ {MODEL}"
        await operator.press("enter")
        assert operator.at("name") == f"▸ {MODEL}"
        await operator.press("enter")

        scrapes.given = (FRONTEND, OTHER, WORKER)
        scrapes.models[OTHER] = {MODEL: 1.0}
        scrapes.served[OTHER] = frozenset()
        await operator.until(lambda: operator.at("requests") == "5.0", "the sum")
        assert operator.rows("name")[2:5] == [
            "  · frontend-0:8000",
            "  · frontend-1:8000",
            "  · backend 1",
        ]
        assert operator.rows("requests")[2:5] == ["4.0", "1.0", "4.0"]
        # The second one does not list it, and is not known to look where the other model is.
        assert operator.rows("state")[:2] == ["● served", "◐ partly served"]


async def test_models_asks_those_that_were_named_and_metrics_the_others_too() -> None:
    scrapes, timer = busy(), MovedTimer()
    scrapes.given = (FRONTEND,)
    there = world()
    spec = ModelSpec(
        namespace="prod",
        component="backend",
        endpoint="generate",
        card={"display_name": "acme/own", "source_path": f"{WORKER.base}/v1/metadata/x"},
    )
    there.put(spec.entry(9), lease=9)
    async with dashboard(there, scrapes=scrapes, timer=timer) as operator:
        await operator.press("2")
        await operator.until(lambda: scrapes.asked, "a scrape")
        await timer.advance(FIRST_INTERVAL + INTERVAL)
        assert {one.base for some in scrapes.asked for one in some} == {FRONTEND.base}
        await open_metrics(operator)
        await operator.until(lambda: len(scrapes.asked[-1]) == 2, "both")
        assert {one.base for one in scrapes.asked[-1]} == {FRONTEND.base, WORKER.base}
        await operator.press("2")
        scrapes.asked.clear()
        await timer.advance(3 * INTERVAL)
        assert {one.base for some in scrapes.asked for one in some} == {FRONTEND.base}


async def test_one_that_a_frontend_lists_as_not_ready_is_not_served_by_it() -> None:
    scrapes = busy()
    scrapes.ready[FRONTEND] = {MODEL: False, "acme/idle": True}
    async with metrics(scrapes) as operator:
        await operator.go_to("name", f"▸ ≠ {MODEL}")
        assert operator.at("state") == "≠ not served"
        said = "registered but not served: http://frontend-0:8000 says it is not ready"
        assert operator.detail()["state"].startswith(said)


async def test_nobody_is_asked_while_another_tab_is_open() -> None:
    scrapes, timer = busy(), MovedTimer()
    async with dashboard(world(), scrapes=scrapes, timer=timer) as operator:
        await operator.press("3", "1")
        await timer.advance(60)
        assert scrapes.asked == []
        await open_metrics(operator)
        await operator.until(lambda: scrapes.asked, "a scrape")
        await timer.advance(FIRST_INTERVAL + INTERVAL)
        assert len(scrapes.asked) == 3
        await operator.press("1")
        await timer.advance(60)
        assert len(scrapes.asked) == 3


async def test_both_differences_are_marked_and_explained() -> None:
    scrapes = busy()
    scrapes.served[FRONTEND] = frozenset({MODEL, SEEN, "acme/ghost"})
    async with metrics(scrapes, world=world_with_seen()) as operator:
        rows = ["· ≠ acme/ghost", "· ≠ acme/idle", f"· {SEEN}", f"▸ {MODEL}"]
        assert operator.rows("name") == rows
        states = ["≠ unregistered", "≠ not served", "● served", "● served"]
        assert operator.rows("state") == states
        assert "http://frontend-0:8000 lists it" in operator.detail()["state"]
        await operator.press("j")
        assert "http://frontend-0:8000 does not list it" in operator.detail()["state"]
        assert operator.detail()["figures"].startswith("none")
        await operator.press("exclamation_mark")
        assert operator.rows("name") == ["· ≠ acme/ghost", "· ≠ acme/idle"]


async def test_only_findings_leave_a_model_of_which_a_record_is_one() -> None:
    there, scrapes = world(), busy()
    async with metrics(scrapes, world=there) as operator:
        await operator.until(lambda: f"▸ {MODEL}" in operator.rows("name"))
        await operator.press("exclamation_mark")
        assert not any(MODEL in name for name in operator.rows("name"))
        there.keyspace.delete(instance(1)[0])
        # Its card is not routed to: a finding, as in Models and Workers.
        await operator.until(lambda: any(MODEL in name for name in operator.rows("name")))


async def test_of_a_namespace_that_no_frontend_looks_at_nothing_is_said() -> None:
    scrapes = busy()
    scrapes.served[FRONTEND] = frozenset({MODEL})
    async with metrics(scrapes) as operator:
        assert operator.rows("name") == [f"▸ {MODEL}"]
        assert operator.rows("state") == ["● served"]


async def test_what_a_frontend_lists_is_not_served_beside_a_conflict_or_without_instances() -> None:
    there, scrapes = world(), busy()
    async with metrics(scrapes, world=there) as operator:
        key, value = card(4)
        there.put(instance(4), (key, value.replace(b'"source_path":', b'"prompt_context":')))
        await operator.go_to("name", f"▸ ≠ {MODEL}")
        assert operator.at("state") == "≠ conflict"
        assert operator.detail()["state"].startswith("conflict: ")
        for worker in (1, 4):
            there.keyspace.delete(instance(worker)[0])
        await operator.until(lambda: "↛ unroutable" in operator.rows("state"), "no instance")


async def test_one_that_fails_is_a_line_that_says_why_and_since_when() -> None:
    scrapes = busy()
    async with metrics(scrapes) as operator:
        scrapes.troubles[WORKER] = "refuses connections"
        await operator.go_to("name", "· ✗ 10.0.0.1:8081")
        assert operator.detail()["state"] == "failing: it refuses connections"
        assert operator.detail()["since"]
        assert operator.detail()["url"] == "http://10.0.0.1:8081/metrics"
        # Others go on.
        assert operator.rows("requests")[1] == "4.0"
        del scrapes.troubles[WORKER]
        await operator.until(lambda: len(operator.rows("name")) == 2, "it answers again")


async def test_who_answers_without_any_metrics_of_dynamo_is_said_to() -> None:
    async with metrics(SaidScrapes(FRONTEND)) as operator:
        assert operator.rows("name") == ["· frontend-0:8000"]
        assert operator.rows("state") == ["? not Dynamo's"]
        assert "none of the metrics" in operator.detail()["state"]


async def test_without_anybody_to_ask_it_says_how_to_name_somebody() -> None:
    async with dashboard(world(), scrapes=SaidScrapes()) as operator:
        await open_metrics(operator)
        await operator.until_shown("http://host:port,…", "DYN_SYSTEM_PORT")
        assert "--probe never" not in operator.text()
    silent = SaidScrapes()
    silent.reveals = False
    async with dashboard(world(), scrapes=silent) as operator:
        await open_metrics(operator)
        await operator.until_shown("are not asked (--probe never)")


async def test_a_worker_that_its_metrics_do_not_name_is_found_by_its_place_or_is_not() -> None:
    scrapes = busy()
    # As 0.6.1 tells it.
    scrapes.workers[WORKER] = ("", 4.0)
    there = world()
    async with metrics(scrapes, world=there) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await operator.press("l", "j")
        assert operator.at("name") == "  · backend 1"
        assert operator.detail()["joined"] == "the only worker that is registered there"
        there.put(instance(3, address="10.0.0.1:9000"), card(3), lease=3)
        await operator.until(
            lambda: operator.rows("name")[-1] == "· backend 10.0.0.1:8081", "nobody's"
        )
        there.keyspace.delete(instance(1)[0])
        there.keyspace.delete(card(1)[0])
        await operator.until(lambda: "  · backend 3" in operator.rows("name"), "the other's")


async def test_the_tree_and_the_filter_narrow_it() -> None:
    async with metrics(busy()) as operator:
        await operator.select("test")
        assert operator.rows("name") == ["· acme/idle"]
        await operator.select()
        await operator.type("/prod\r")
        await operator.until(lambda: len(operator.rows("name")) == 2, "a model and its worker")
        assert operator.rows("name") == [f"▾ {MODEL}", "  · backend 1"]
        await operator.type("/nowhere\r")
        await operator.until_shown("Nothing here matches “nowhere”")


async def test_it_sorts_by_every_column_and_keeps_what_is_open_together() -> None:
    async with metrics(busy()) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await operator.press("l")
        for column in operator.pane.table.columns:
            for _ in range(2):
                operator.pane.sort_by(column.id)
                rows = operator.rows("name")
                assert rows[rows.index(f"▾ {MODEL}") + 1] == "  · backend 1"
                assert operator.at("name") == f"▾ {MODEL}"


async def test_a_frozen_view_does_not_move_and_asks_nobody() -> None:
    scrapes, timer = busy(), MovedTimer()
    async with dashboard(world(), scrapes=scrapes, size=(180, 45), timer=timer) as operator:
        await open_metrics(operator)
        await timer.until(lambda: len(scrapes.asked) > 3, "scrapes")
        await timer.until(lambda: "██" in operator.text(), "a trend")
        await operator.press("f")
        before, asked = operator.rows("trend"), len(scrapes.asked)
        await timer.advance(60)
        await operator.pilot.pause()
        assert operator.rows("trend") == before
        assert len(scrapes.asked) == asked
        scrapes.models[FRONTEND] = {MODEL: 40.0}
        await operator.press("f")
        await timer.until(lambda: len(scrapes.asked) > asked + 2, "scrapes")


async def test_what_processes_say_cannot_touch_the_terminal() -> None:
    scrapes = SaidScrapes(FRONTEND)
    nasty = "evil\x1b[2J\u202e[bold]"
    scrapes.models[FRONTEND] = {nasty: 1.0}
    scrapes.served[FRONTEND] = frozenset({nasty, "x" * 900})
    scrapes.troubles[OTHER] = "never asked"
    async with metrics(scrapes) as operator:
        text = operator.text()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "evil\\x1b[2J\\u202e[bold]" in text


async def test_a_frontend_that_does_not_answer_is_missing_in_its_models_line() -> None:
    scrapes = busy()
    scrapes.given = (FRONTEND, OTHER, WORKER)
    scrapes.models[OTHER] = {MODEL: 4.0}
    scrapes.served[OTHER] = scrapes.served[FRONTEND]
    async with metrics(scrapes) as operator:
        scrapes.troubles[OTHER] = "does not answer within 4 s"
        await operator.go_to("name", f"▸ ◐ {MODEL}")
        assert operator.at("state") == "◐ 1/2 frontends"
        assert operator.detail()["missing"] == (
            "http://frontend-1:8000, which reported it before: it does not answer within 4 s"
        )


async def test_without_the_store_there_are_figures_and_no_verdicts() -> None:
    scrapes, there = busy(), world()
    async with metrics(scrapes, world=there) as operator:
        await operator.until(lambda: operator.rows("state") == ["● served"] * 2, "verdicts")
        there.keyspace.break_off(LOST)
        scrapes.served[FRONTEND] = frozenset({MODEL, "acme/new"})
        await operator.until_shown("the store is not read now: figures only")
        await operator.until(lambda: operator.rows("state") == [""], "no verdicts")
        await operator.go_to("name", f"▸ {MODEL}")
        assert operator.at("requests") == "4.0"
        assert operator.detail()["state"].startswith("the store is not read now")


async def test_of_too_many_servers_it_is_said_how_many_are_asked() -> None:
    there = World(leases=False)
    for worker in range(1, MOST_REVEALED + 45):
        server = f"http://10.0.{worker // 250}.{worker % 250}:8081/v1/metadata/x"
        spec = ModelSpec(
            namespace="prod",
            component="backend",
            endpoint="generate",
            card={"display_name": MODEL, "model_info": {"u": server}},
        )
        there.put(spec.entry(worker))
    async with dashboard(there, scrapes=SaidScrapes(FRONTEND), size=(120, 40)) as operator:
        await open_metrics(operator)
        await operator.until_shown("256 of 300 servers that cards reveal are asked")


async def test_who_comes_back_after_long_sees_no_old_figures() -> None:
    scrapes = busy()
    asks = asyncio.Event()
    asks.set()
    ask = scrapes.ask

    async def waits(target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        await asks.wait()
        return await ask(target, proven=proven)

    scrapes.ask = waits  # type: ignore[method-assign]
    async with metrics(scrapes) as operator:
        await operator.press("1")
        asks.clear()
        scrapes.asked += [[] for _ in range(720)]
        await open_metrics(operator)
        await operator.until_shown("Asking 2 processes for metrics")
        assert operator.rows("name") == []
        asks.set()
        await operator.until(lambda: f"▸ {MODEL}" in operator.rows("name"), "it asks again")


async def test_numbers_that_are_too_large_harm_nobody() -> None:
    scrapes = busy()
    scrapes.workers[WORKER] = ("1", 1.7e307)
    async with metrics(scrapes) as operator:
        assert operator.rows("state") == ["● served"] * 2


async def test_who_was_not_asked_is_not_called_failing() -> None:
    scrapes = busy()
    ask = scrapes.ask

    async def asks(target: ScrapeTarget, *, proven: bool) -> ScrapeResult:
        answer = await ask(target, proven=proven)
        if target == WORKER:
            return ScrapeResult(
                WORKER, answer.at, trouble="was not asked: for a reason", unasked=True
            )
        return answer

    scrapes.ask = asks  # type: ignore[method-assign]
    async with metrics(scrapes) as operator:
        await operator.go_to("name", "· 10.0.0.1:8081")
        assert operator.at("state") == "? not asked"
        assert operator.detail()["state"] == "it was not asked: for a reason"


async def test_errors_and_refusals_are_in_the_line_the_detail_and_below_the_table() -> None:
    scrapes = busy()
    scrapes.failing[FRONTEND] = {MODEL: 1.0}
    async with metrics(scrapes) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        await operator.until(lambda: operator.at("errors") == "1.0")
        # What ended, with and without an error.
        assert operator.at("requests") == "5.0"
        refused = "requests a second that frontends refuse or fail: 1.0 backend.unavailable (no w"
        await operator.until_shown(refused)
        detail = operator.detail()
        assert detail["errors"] == "1.0 a second of these"
        assert detail["ended in errors"].endswith("unavailable, since the start")
        assert detail["refused, failed"].endswith(
            "backend.unavailable (no worker to take it), 1.0 a second now"
        )


async def test_requests_for_models_that_nobody_serves_are_explained() -> None:
    scrapes = busy()
    scrapes.failing[FRONTEND] = {"unknown_model": 2.0}
    async with metrics(scrapes) as operator:
        await operator.go_to("name", "· unknown_model")
        assert operator.at("state") == "? no such model"
        assert "does not keep which model they asked for" in operator.detail()["state"]


async def test_a_workers_first_response_is_no_time_to_first_token() -> None:
    async with metrics(busy(), size=(220, 45)) as operator:
        await operator.go_to("name", f"▸ {MODEL}")
        assert (operator.at("ttft50"), operator.at("resp50")) == ("50ms", "–")
        await operator.press("l", "j")
        assert (operator.at("ttft50"), operator.at("resp50")) == ("–", "5.0ms")
        assert operator.detail()["to first response"].endswith("from its arrival at the worker")
