"""What is remembered of processes from one scrape to the next."""

from __future__ import annotations

import pytest

from backends.cluster import Cluster, FirstSeen
from backends.metrics import board as boards
from backends.metrics import names
from backends.metrics.board import LONGEST_GAP, MOST_POINTS, Board, Known, together
from backends.metrics.flow import MOST_NAMES_OF_REVEALED, Figures, figures
from backends.metrics.joined import Joiner, Overview
from backends.metrics.names import Kind
from backends.metrics.scrape import Scrape, parsed
from backends.metrics.scraper import Answer
from backends.metrics.targets import Target
from tests import registered
from tests.metrics.screen import FRONTEND, OTHER, WORKER
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
        assert known.kinds == {Kind.FRONTEND}
        assert known.models == {"a"}
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
    board.keep([OTHER], 5.0 * (MOST_POINTS + 20))
    assert board.history(FRONTEND, "a") == ()
    assert set(board.known) == {OTHER}


def test_there_are_no_more_histories_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_HISTORIES", 10)
    board = Board()
    for at in range(0, 40, 5):
        series = [f'{names.IN_FLIGHT}{{model="{at}-{number}"}} 1' for number in range(8)]
        board.take([Answer(FRONTEND, at, scrape(at, series))])
        assert sum(map(len, board._histories.values())) <= 10


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
        (model,) = overview(board, Cluster()).models
        assert model.name == "Acme/Tiny-LLM"
        assert model.served is not None
        assert model.served.differs
        assert model.flow.in_flight == 0


def test_before_the_store_was_read_nothing_is_called_unregistered() -> None:
    board = Board()
    board.take([Answer(FRONTEND, 10.0, recorded("frontend-1.6.1"), frozenset({"ghost"}))])
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
    board = Board()
    board.take([Answer(FRONTEND, 10.0, parsed(busy, 10.0))])
    (worker,) = board.known[FRONTEND].figures.seen
    (model,) = overview(board, cluster_of(worker, 77)).models
    (known,) = model.workers
    assert (known.id, known.joined_by) == (worker, "named by a frontend that routes to it")
    # 250 blocks of the 1,000 that the model's workers have.
    assert known.flow.kv_use == model.flow.kv_use == (0.25,)
    assert known.seen is not None
    assert known.seen_by == FRONTEND
    # Of one that is not registered any more nothing is shown.
    (model,) = overview(board, cluster_of(77)).models
    assert model.workers == ()


def test_without_a_frontend_a_model_is_its_workers_together() -> None:
    board, workers = Board(), (Target(base="http://a:1"), Target(base="http://b:1"))
    for at, done in ((0.0, 0), (5.0, 10)):
        board.take(
            Answer(target, at, scrape(at, work(number, done)))
            for number, target in enumerate(workers, start=1)
        )
    (model,) = overview(board, cluster_of(1, 2)).models
    assert (model.name, model.served, len(model.workers)) == ("Acme/Tiny-LLM", None, 2)
    assert model.flow.request_rate == 4
    assert model.history == (4,)


def work(worker: int, done: int) -> str:
    place = 'dynamo_namespace="prod",dynamo_component="backend",dynamo_endpoint="generate"'
    return f'{names.WORK_REQUESTS}{{{place},worker_id="{worker:x}"}} {done}'


def test_what_is_too_old_for_now_is_forgotten_and_a_trouble_is_not() -> None:
    board = Board()
    for at in (0.0, 5.0):
        board.take([answer(at, at), Answer(OTHER, at, trouble="refuses connections")])
    board.keep([FRONTEND, OTHER, WORKER], 5.0 + LONGEST_GAP)
    assert board.known[FRONTEND].answers
    board.keep([FRONTEND, OTHER], 6.0 + LONGEST_GAP)
    assert board.known[FRONTEND] == Known(FRONTEND)
    assert board.history(FRONTEND, "a") == ()
    assert board.known[OTHER].failing_since == 0.0


def test_a_history_ends_where_it_was_not_looked_at_for_long() -> None:
    board = Board()
    for number in range(5):
        board.take([answer(5.0 * number, 5.0 * number)])
    back = 20.0 + LONGEST_GAP + 1
    board.take([answer(back, 1000.0)])
    board.take([answer(back + 5, 1005.0)])
    assert board.history(FRONTEND, "a") == (1.0,)


def test_an_answer_that_dyntop_fails_at_is_a_trouble_of_its_own_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(earlier: Scrape | None, scrape: Scrape, most_names: int) -> Figures:
        if scrape.found == {names.WORK_UPTIME}:
            raise OverflowError("a defect")
        return figures(earlier, scrape, most_names)

    monkeypatch.setattr(boards, "figures", fails)
    board = Board()
    odd = Answer(OTHER, 0.0, scrape(0.0, f"{names.WORK_UPTIME} 1"))
    board.take([odd, answer(0, 1)])
    assert "OverflowError" in board.known[OTHER].trouble
    assert board.known[FRONTEND].answers


def test_a_worker_that_is_known_by_two_urls_is_counted_once_as_it_was_given() -> None:
    board = Board()
    given, found = Target(base="http://localhost:1"), Target(base="http://127.0.0.1:1", given=False)
    board.keep([given, found], 0.0)
    for at, done in ((0.0, 0), (5.0, 10)):
        board.take(Answer(target, at, scrape(at, work(1, done))) for target in (found, given))
    (model,) = overview(board, cluster_of(1)).models
    assert model.flow.request_rate == 2
    assert [worker.known.target for worker in model.workers if worker.known] == [given]


def test_ids_that_are_the_same_are_one_worker_however_they_are_written() -> None:
    board = Board()
    lines = [
        work(1, 0).replace('worker_id="1"', f'worker_id="{text}"') for text in ("1", "01", "0x1")
    ]
    for at in (0.0, 5.0):
        board.take([Answer(WORKER, at, scrape(at, lines))])
    (model,) = overview(board, cluster_of(1)).models
    assert [worker.id for worker in model.workers] == [1]


def test_how_full_a_worker_of_several_ranks_is_is_their_mean() -> None:
    board = Board()
    lines = [f'{names.TOTAL_BLOCKS}{{model="Acme/Tiny-LLM"}} 1000', f"{names.DISCONNECTED} 0"]
    blocks = names.WORKER_BLOCKS
    lines += [f'{blocks}{{worker_id="1",dp_rank="{rank}"}} 300' for rank in range(4)]
    board.take([Answer(FRONTEND, 0.0, scrape(0.0, lines), frozenset({"Acme/Tiny-LLM"}))])
    (model,) = overview(board, cluster_of(1)).models
    assert model.flow.kv_use == (0.3,)


def test_a_frontend_that_fails_is_missing_at_the_models_that_it_told_of() -> None:
    board = Board()
    served = frozenset({"Acme/Tiny-LLM"})
    text = recorded("frontend-0.6.1")
    for target in (FRONTEND, OTHER):
        board.take([Answer(target, 10.0, text, served)])
    assert overview(board, cluster_of(1)).models[0].missing == ()
    board.take([Answer(OTHER, 15.0, trouble="refuses connections")])
    (model,) = overview(board, cluster_of(1)).models
    assert [one.known.target for one in model.frontends] == [FRONTEND]
    assert [one.target for one in model.missing] == [OTHER]
    assert not model.not_served
    # If all fail, the model does not look as if nobody had ever told of it.
    board.take([Answer(FRONTEND, 15.0, trouble="refuses connections")])
    (model,) = overview(board, cluster_of(1)).models
    assert len(model.missing) == 2


def test_what_only_a_frontend_serves_that_fails_is_not_called_not_served() -> None:
    board, served = Board(), frozenset({"Acme/Tiny-LLM"})
    idle = recorded("frontend-1.6.1")
    board.take([Answer(FRONTEND, 0.0, scrape(0.0, f"{names.DISCONNECTED} 0"), frozenset({"b"}))])
    board.take([Answer(OTHER, 0.0, idle, served)])
    board.take([Answer(OTHER, 5.0, trouble="refuses connections")])
    found = {model.name: model for model in overview(board, cluster_of(1)).models}
    assert not found["Acme/Tiny-LLM"].not_served
    assert found["b"].not_registered
    board.keep([FRONTEND], 5.0)
    found = {model.name: model for model in overview(board, cluster_of(1)).models}
    assert found["Acme/Tiny-LLM"].not_served


def test_a_list_that_is_cut_makes_nothing_not_served() -> None:
    board = Board()
    found = Answer(FRONTEND, 0.0, recorded("frontend-1.6.1"), frozenset({"other"}), served_cut=True)
    board.take([found])
    (model,) = (one for one in overview(board, cluster_of(1)).models if one.name != "other")
    assert model.served is not None
    assert not model.served.differs


def test_of_a_server_that_only_a_card_speaks_for_fewer_names_are_kept() -> None:
    board, target = Board(), Target(base="http://a:1", given=False)
    series = [f'{names.IN_FLIGHT}{{model="{number}"}} 1' for number in range(200)]
    board.take([Answer(one, 0.0, scrape(0.0, series)) for one in (FRONTEND, target)])
    kept = [(len(known.figures.models), known.cut) for known in board.known.values()]
    assert kept == [(200, False), (MOST_NAMES_OF_REVEALED, True)]


def overview(board: Board, cluster: Cluster) -> Overview:
    return Joiner().overview(board, cluster, {}, is_read=True)
