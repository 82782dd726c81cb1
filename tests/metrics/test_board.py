"""What is remembered of processes from one scrape to the next."""

from __future__ import annotations

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.metrics import catalogue
from backends.metrics import latest as boards
from backends.metrics.catalogue import MetricOwner
from backends.metrics.latest import LONGEST_GAP, LatestMetrics, ScrapedProcess
from backends.metrics.overview import Joiner, Overview
from backends.metrics.parse import MetricsScrape, parsed
from backends.metrics.rates import MOST_NAMES_OF_REVEALED, ProcessRates, figures
from backends.metrics.reports import reports
from backends.metrics.scrape_targets import ScrapeTarget
from backends.metrics.scraper import ScrapeResult
from tests.metrics.texts import RELEASES, SAMPLES, recorded, scrape
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, OTHER, WORKER

SEEN = "acme/seen"


def answer(at: float, count: float, target: ScrapeTarget = FRONTEND) -> ScrapeResult:
    lines = [
        f'{catalogue.REQUESTS}{{model="a"}} {count}',
        f'{catalogue.OUTPUT_TOKENS}{{model="a"}} {count}',
    ]
    return ScrapeResult(target, at, scrape(at, lines))


def test_a_failure_is_told_with_since_when_and_when_it_last_answered() -> None:
    board = LatestMetrics()
    board.take([answer(0, 1)])
    board.take([answer(5, 6)])
    for at in (10.0, 15.0):
        board.take([ScrapeResult(FRONTEND, at, trouble="refuses connections")])
        known = board.known[FRONTEND]
        assert (known.failing_since, known.scraped_at) == (10.0, 5.0)
        assert known.kinds == {MetricOwner.FRONTEND}
        assert known.models == {"a"}
        assert not known.figures.models
    board.take([answer(20, 36)])
    known = board.known[FRONTEND]
    assert (known.trouble, known.failing_since) == ("", None)
    # What came meanwhile is spread over the whole time.
    assert known.figures.models["a"].request_rate == 2


def test_what_is_long_ago_says_nothing_of_now() -> None:
    board = LatestMetrics()
    board.take([answer(0, 1)])
    board.take([answer(LONGEST_GAP + 1, 100)])
    assert board.known[FRONTEND].figures.models == {}
    board.take([answer(LONGEST_GAP + 6, 110)])
    assert board.known[FRONTEND].figures.models["a"].request_rate == 2


def test_a_clock_that_was_set_back_makes_no_rate() -> None:
    board = LatestMetrics()
    board.take([answer(100, 1)])
    board.take([answer(50, 100)])
    assert board.known[FRONTEND].figures.models == {}


def test_before_1_2_a_model_is_found_though_its_label_is_in_lower_case() -> None:
    board = LatestMetrics()
    for release in RELEASES:
        target = ScrapeTarget(base=f"http://{release}:1")
        served = frozenset({"Acme/Tiny-LLM"})
        found = ScrapeResult(target, 10.0, recorded(f"frontend-{release}"), served)
        board.take([found])
        (model,) = overview(board, Cluster()).models
        assert model.name == "Acme/Tiny-LLM"
        assert model.served is not None
        assert model.served.differs
        assert model.rates.in_flight == 0


def test_before_the_store_was_read_nothing_is_called_unregistered() -> None:
    board = LatestMetrics()
    board.take([ScrapeResult(FRONTEND, 10.0, recorded("frontend-1.6.1"), frozenset({"ghost"}))])
    (model,) = Joiner().overview(board, Cluster(), {}, is_read=False).models
    assert (model.name, model.served) == ("Acme/Tiny-LLM", None)


def cluster_of(*workers: int) -> Cluster:
    found = Cluster()
    for worker in workers:
        for put in (registered.instance(worker), registered.card(worker, "Acme/Tiny-LLM")):
            found.put(registered.record(put), FirstSeen(0.0, was_there=True))
    return found


def test_a_worker_that_only_a_frontend_tells_of_has_what_that_knows() -> None:
    text = (SAMPLES / "frontend-1.6.1.txt").read_bytes()
    busy = text.replace(b'worker_type="decode"} 0', b'worker_type="decode"} 250')
    board = LatestMetrics()
    board.take([ScrapeResult(FRONTEND, 10.0, parsed(busy, 10.0))])
    (worker,) = board.known[FRONTEND].figures.seen
    (model,) = overview(board, cluster_of(worker, 77)).models
    (known,) = model.workers
    assert (known.id, known.joined_by) == (worker, "named by a frontend that routes to it")
    # 250 blocks of the 1,000 that the model's workers have.
    assert known.rates.kv_use == model.rates.kv_use == (0.25,)
    assert known.seen is not None
    assert known.seen_by == FRONTEND
    # Of one that is not registered any more nothing is shown.
    (model,) = overview(board, cluster_of(77)).models
    assert model.workers == ()


def test_without_a_frontend_a_model_is_its_workers_together() -> None:
    board, workers = (
        LatestMetrics(),
        (ScrapeTarget(base="http://a:1"), ScrapeTarget(base="http://b:1")),
    )
    for at, done in ((0.0, 0), (5.0, 10)):
        board.take(
            ScrapeResult(target, at, scrape(at, work(number, done)))
            for number, target in enumerate(workers, start=1)
        )
    (model,) = overview(board, cluster_of(1, 2)).models
    assert (model.name, model.served, len(model.workers)) == ("Acme/Tiny-LLM", None, 2)
    assert model.rates.request_rate == 4


def work(worker: int, done: int) -> str:
    place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
    return f'{catalogue.WORK_REQUESTS}{{{place},worker_id="{worker:x}"}} {done}'


def test_what_is_too_old_for_now_is_forgotten_and_a_trouble_is_not() -> None:
    board = LatestMetrics()
    for at in (0.0, 5.0):
        board.take([answer(at, at), ScrapeResult(OTHER, at, trouble="refuses connections")])
    board.keep([FRONTEND, OTHER, WORKER], 5.0 + LONGEST_GAP)
    assert board.known[FRONTEND].answers
    board.keep([FRONTEND, OTHER], 6.0 + LONGEST_GAP)
    # What it is does not change.
    kinds = frozenset({MetricOwner.FRONTEND})
    assert board.known[FRONTEND] == ScrapedProcess(FRONTEND, kinds=kinds, answered_at=5.0)
    assert board.known[OTHER].failing_since == 0.0


def test_an_answer_that_dyntop_fails_at_is_a_trouble_of_its_own_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(
        earlier: MetricsScrape | None, scrape: MetricsScrape, most_names: int
    ) -> ProcessRates:
        if scrape.found == {catalogue.WORK_UPTIME}:
            raise OverflowError("a defect")
        return figures(earlier, scrape, most_names)

    monkeypatch.setattr(boards, "figures", fails)
    board = LatestMetrics()
    odd = ScrapeResult(OTHER, 0.0, scrape(0.0, f"{catalogue.WORK_UPTIME} 1"))
    board.take([odd, answer(0, 1)])
    assert "OverflowError" in board.known[OTHER].trouble
    assert board.known[FRONTEND].answers


def test_a_worker_that_is_known_by_two_urls_is_counted_once_as_it_was_given() -> None:
    board = LatestMetrics()
    given, found = (
        ScrapeTarget(base="http://localhost:1"),
        ScrapeTarget(base="http://127.0.0.1:1", given=False),
    )
    board.keep([given, found], 0.0)
    for at, done in ((0.0, 0), (5.0, 10)):
        board.take(ScrapeResult(target, at, scrape(at, work(1, done))) for target in (found, given))
    (model,) = overview(board, cluster_of(1)).models
    assert model.rates.request_rate == 2
    assert [worker.known.target for worker in model.workers if worker.known] == [given]


def test_ids_that_are_the_same_are_one_worker_however_they_are_written() -> None:
    board = LatestMetrics()
    lines = [
        work(1, 0).replace('worker_id="1"', f'worker_id="{text}"') for text in ("1", "01", "0x1")
    ]
    for at in (0.0, 5.0):
        board.take([ScrapeResult(WORKER, at, scrape(at, lines))])
    (model,) = overview(board, cluster_of(1)).models
    assert [worker.id for worker in model.workers] == [1]


def test_how_full_a_worker_of_several_ranks_is_is_their_mean() -> None:
    board = LatestMetrics()
    lines = [
        f'{catalogue.TOTAL_BLOCKS}{{model="Acme/Tiny-LLM"}} 1000',
        f"{catalogue.DISCONNECTED} 0",
    ]
    blocks = catalogue.WORKER_BLOCKS
    lines += [f'{blocks}{{worker_id="1",dp_rank="{rank}"}} 300' for rank in range(4)]
    board.take([ScrapeResult(FRONTEND, 0.0, scrape(0.0, lines), frozenset({"Acme/Tiny-LLM"}))])
    (model,) = overview(board, cluster_of(1)).models
    assert model.rates.kv_use == (0.3,)


def test_a_frontend_that_fails_is_missing_at_the_models_that_it_told_of() -> None:
    board = LatestMetrics()
    served = frozenset({"Acme/Tiny-LLM"})
    text = recorded("frontend-0.6.1")
    for target in (FRONTEND, OTHER):
        board.take([ScrapeResult(target, 10.0, text, served)])
    assert overview(board, cluster_of(1)).models[0].missing == ()
    board.take([ScrapeResult(OTHER, 15.0, trouble="refuses connections")])
    (model,) = overview(board, cluster_of(1)).models
    assert [one.known.target for one in model.frontends] == [FRONTEND]
    assert [one.target for one in model.missing] == [OTHER]
    assert not model.not_served
    # If all fail, the model does not look as if nobody had ever told of it.
    board.take([ScrapeResult(FRONTEND, 15.0, trouble="refuses connections")])
    (model,) = overview(board, cluster_of(1)).models
    assert len(model.missing) == 2


def test_what_only_a_frontend_serves_that_fails_is_not_called_not_served() -> None:
    # By the second the frontend is known to look at its namespace.
    cluster = cluster_of(1)
    cluster.put(registered.record(registered.card(9, SEEN)), FirstSeen(0.0, was_there=True))
    board, served = LatestMetrics(), frozenset({"Acme/Tiny-LLM"})
    idle = recorded("frontend-1.6.1")
    board.take(
        [
            ScrapeResult(
                FRONTEND, 0.0, scrape(0.0, f"{catalogue.DISCONNECTED} 0"), frozenset({"b", SEEN})
            )
        ]
    )
    board.take([ScrapeResult(OTHER, 0.0, idle, served)])
    board.take([ScrapeResult(OTHER, 5.0, trouble="refuses connections")])
    found = {model.name: model for model in overview(board, cluster).models}
    assert not found["Acme/Tiny-LLM"].not_served
    assert found["b"].not_registered
    board.keep([FRONTEND], 5.0)
    found = {model.name: model for model in overview(board, cluster).models}
    assert found["Acme/Tiny-LLM"].not_served


def test_a_list_that_is_cut_makes_nothing_not_served() -> None:
    board = LatestMetrics()
    found = ScrapeResult(
        FRONTEND, 0.0, recorded("frontend-1.6.1"), frozenset({"other"}), served_cut=True
    )
    board.take([found])
    (model,) = (one for one in overview(board, cluster_of(1)).models if one.name != "other")
    assert model.served is not None
    assert not model.served.differs


def test_of_a_server_that_only_a_card_speaks_for_fewer_names_are_kept() -> None:
    board, target = LatestMetrics(), ScrapeTarget(base="http://a:1", given=False)
    series = [f'{catalogue.IN_FLIGHT}{{model="{number}"}} 1' for number in range(200)]
    board.take([ScrapeResult(one, 0.0, scrape(0.0, series)) for one in (FRONTEND, target)])
    kept = [(len(known.figures.models), known.cut) for known in board.known.values()]
    assert kept == [(200, False), (MOST_NAMES_OF_REVEALED, True)]


def overview(board: LatestMetrics, cluster: Cluster) -> Overview:
    return Joiner().overview(board, cluster, {}, is_read=True)


def frontend_answer(at: float, served: set[str] | None, **ready: int) -> ScrapeResult:
    lines = [f"{catalogue.DISCONNECTED} 0"]
    lines += [f'{catalogue.READY}{{model="{model}"}} {value}' for model, value in ready.items()]
    listed = None if served is None else frozenset(served)
    return ScrapeResult(FRONTEND, at, scrape(at, lines), listed)


def test_it_is_kept_since_when_a_frontend_says_what_it_says_of_a_model() -> None:
    board = LatestMetrics()
    board.keep([FRONTEND], 10.0)

    def since(answer: ScrapeResult) -> dict[str, float]:
        board.take([answer])
        return dict(board.known[FRONTEND].since)

    # What it says at first it may have said for long.
    assert since(frontend_answer(10.0, {"a"}, a=1)) == {}
    assert since(frontend_answer(15.0, {"a", "b"}, a=1)) == {"b": 15.0}
    assert since(frontend_answer(20.0, {"a", "b"}, a=0)) == {"a": 20.0, "b": 15.0}
    assert since(frontend_answer(25.0, {"a"}, a=0)) == {"a": 20.0, "b": 25.0}
    # A list that did not come changes nothing of what it listed.
    assert since(frontend_answer(30.0, None, a=0)) == {"a": 20.0, "b": 25.0}
    assert board.known[FRONTEND].first_at == 10.0
    # What it said while it could not be asked is not known.
    board.take([ScrapeResult(FRONTEND, 35.0, trouble="refuses connections")])
    assert since(frontend_answer(40.0, {"a"}, a=0)) == {}
    assert board.known[FRONTEND].first_at == 40.0


def test_reports_are_of_frontends_that_a_person_named_and_not_of_long_ago() -> None:
    worker = ScrapeTarget(base="http://10.0.0.1:8081")
    revealed = ScrapeTarget(base="http://10.0.0.2:8081", given=False)
    mute = ScrapeTarget(base="http://10.0.0.3:8000")
    board = LatestMetrics()
    board.keep([FRONTEND, worker, revealed, mute], 10.0)
    assert list(reports(board, 10.0)) == []
    listed = frozenset({"a"})
    failing = f'{catalogue.FAILURES}{{class="U",reason="backend.unavailable"}} 3'
    lines = [f"{catalogue.DISCONNECTED} 0", f'{catalogue.READY}{{model="b"}} 0', failing]
    board.take(
        [
            ScrapeResult(FRONTEND, 10.0, scrape(10.0, lines), listed),
            ScrapeResult(worker, 10.0, scrape(10.0, [f"{catalogue.KV_USE} 0.5"])),
            ScrapeResult(revealed, 10.0, scrape(10.0, lines), listed),
            ScrapeResult(mute, 10.0, trouble="refuses connections"),
        ]
    )
    one, other = sorted(reports(board, 12.0), key=lambda one: one.trouble)
    assert (one.name, one.listed, one.ready, one.known) == (
        str(FRONTEND),
        listed,
        {"b": False},
        frozenset({"a", "b"}),
    )
    assert one.failures == (("backend.unavailable", 3.0, None),)
    assert (other.name, other.trouble) == (str(mute), "refuses connections")
    # Nobody ever saw what it is: it may be a worker.
    assert (one.was_seen, other.was_seen) == (True, False)
    assert [one.name for one in reports(board, 10.0 + LONGEST_GAP + 1)] == [str(mute)]


@pytest.mark.parametrize("looked_away", [False, True])
def test_a_frontend_that_stops_answering_is_known_for_one_and_a_worker_is_none(
    *, looked_away: bool
) -> None:
    board = LatestMetrics()
    board.keep([FRONTEND, WORKER], 10.0)
    empty = scrape(10.0, [f"{catalogue.DISCONNECTED} 0"])
    board.take(
        [
            ScrapeResult(FRONTEND, 10.0, empty, frozenset()),
            ScrapeResult(WORKER, 10.0, scrape(10.0, [f"{catalogue.KV_USE} 0.5"])),
        ]
    )
    at = 10.0 + (2 * LONGEST_GAP if looked_away else 5.0)
    board.keep([FRONTEND, WORKER], at)
    board.take(ScrapeResult(one, at, trouble="refuses connections") for one in (FRONTEND, WORKER))
    (report,) = reports(board, at)
    assert (report.name, report.was_seen) == (str(FRONTEND), True)
    assert board.known[FRONTEND].answered_at == 10.0
