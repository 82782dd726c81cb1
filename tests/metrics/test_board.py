"""What is remembered of processes from one scrape to the next."""

from __future__ import annotations

import pytest

from backends.cluster import Cluster, FirstSeen
from backends.metrics import board as boards
from backends.metrics import names
from backends.metrics.board import LONGEST_GAP, MOST_POINTS, Board, together
from backends.metrics.joined import overview
from backends.metrics.scrape import parsed
from backends.metrics.scraper import Answer
from backends.metrics.targets import Target
from tests import registered
from tests.metrics.screen import FRONTEND, OTHER
from tests.metrics.texts import RELEASES, SAMPLES, recorded, scrape


def answer(at: float, count: float, target: Target = FRONTEND) -> Answer:
    lines = [
        f'{names.REQUESTS}{{model="a"}} {count}',
        f'{names.OUTPUT_TOKENS}{{model="a"}} {count}',
    ]
    return Answer(target, at, scrape(at, lines))


def test_a_failure_is_told_with_since_when_and_when_it_last_answered() -> None:
    board = Board()
    board.take([answer(0, 1)])
    board.take([answer(5, 6)])
    for at in (10.0, 15.0):
        board.take([Answer(FRONTEND, at, trouble="refuses connections")])
        known = board.known[FRONTEND]
        assert (known.failing_since, known.scraped_at) == (10.0, 5.0)
        assert known.is_frontend
        assert not known.figures.models
    board.take([answer(20, 36)])
    known = board.known[FRONTEND]
    assert (known.trouble, known.failing_since) == ("", None)
    # What came meanwhile is spread over the whole time.
    assert known.figures.models["a"].request_rate == 2
    assert board.history(FRONTEND, "a") == (1, None, None, 2)


def test_what_is_long_ago_says_nothing_of_now() -> None:
    board = Board()
    board.take([answer(0, 1)])
    board.take([answer(LONGEST_GAP + 1, 100)])
    assert board.known[FRONTEND].figures.models == {}
    board.take([answer(LONGEST_GAP + 6, 110)])
    assert board.known[FRONTEND].figures.models["a"].request_rate == 2


def test_a_clock_that_was_set_back_makes_no_rate() -> None:
    board = Board()
    board.take([answer(100, 1)])
    board.take([answer(50, 100)])
    assert board.known[FRONTEND].figures.models == {}


def test_a_history_is_short_and_ends_with_its_process() -> None:
    board = Board()
    for number in range(MOST_POINTS + 20):
        board.take([answer(5.0 * number, 5.0 * number), answer(5.0 * number, 0, OTHER)])
    assert board.history(FRONTEND, "a") == (1.0,) * MOST_POINTS
    board.take([answer(1000, 0, OTHER)])
    assert board.history(FRONTEND, "a") == ()
    assert set(board.known) == {OTHER}


def test_there_are_no_more_histories_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_HISTORIES", 10)
    board = Board()
    for at in range(0, 40, 5):
        series = [f'{names.IN_FLIGHT}{{model="{at}-{number}"}} 1' for number in range(8)]
        board.take([Answer(FRONTEND, at, scrape(at, series))])
        assert len(board._histories) <= 10


def test_histories_are_summed_from_the_newest_back() -> None:
    assert together([(1, 2, None), (10, None)]) == (1, 12, None)
    assert together([]) == ()


def test_before_1_2_a_model_is_found_though_its_label_is_in_lower_case() -> None:
    board = Board()
    for release in RELEASES:
        target = Target(base=f"http://{release}:1")
        served = frozenset({"Acme/Tiny-LLM"})
        found = Answer(target, 10.0, recorded(f"frontend-{release}"), served)
        board.take([found])
        (model,) = overview(board, Cluster(), {}, complete=True).models
        assert model.name == "Acme/Tiny-LLM"
        assert model.served is not None
        assert model.served.differs
        assert model.flow.in_flight == 0


def test_before_the_store_was_read_nothing_is_called_unregistered() -> None:
    board = Board()
    board.take([Answer(FRONTEND, 10.0, recorded("frontend-1.6.1"), frozenset({"ghost"}))])
    (model,) = overview(board, Cluster(), {}, complete=False).models
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
    board = Board()
    board.take([Answer(FRONTEND, 10.0, parsed(busy, 10.0))])
    (worker,) = board.known[FRONTEND].figures.seen
    (model,) = overview(board, cluster_of(worker, 77), {}, complete=True).models
    (known,) = model.workers
    assert (known.id, known.joined_by) == (worker, "named by a frontend that routes to it")
    # 250 blocks of the 1,000 that the model's workers have.
    assert known.flow.kv_use == model.flow.kv_use == (0.25,)
    assert known.seen is not None
    assert known.seen_by == FRONTEND
    # Of one that is not registered any more nothing is shown.
    (model,) = overview(board, cluster_of(77), {}, complete=True).models
    assert model.workers == ()


def test_without_a_frontend_a_model_is_its_workers_together() -> None:
    board, workers = Board(), (Target(base="http://a:1"), Target(base="http://b:1"))
    for at, done in ((0.0, 0), (5.0, 10)):
        board.take(
            Answer(target, at, scrape(at, work(number, done)))
            for number, target in enumerate(workers, start=1)
        )
    (model,) = overview(board, cluster_of(1, 2), {}, complete=True).models
    assert (model.name, model.served, len(model.workers)) == ("Acme/Tiny-LLM", None, 2)
    assert model.flow.request_rate == 4
    assert model.history == (4,)


def work(worker: int, done: int) -> str:
    place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
    return f'{names.WORK_REQUESTS}{{{place},worker_id="{worker:x}"}} {done}'
