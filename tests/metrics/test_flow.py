"""Two scrapes of one process, and the figures they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics import names
from backends.metrics.flow import Flow, Place, figures, total
from backends.metrics.scrape import LARGEST, Scrape, parsed
from tests.metrics.texts import RELEASES, histogram, recorded, scrape

BEFORE = parsed(b"", 5.0)
"""Of a process that had not had any request; five seconds before what was recorded."""


@pytest.mark.parametrize("release", RELEASES)
def test_figures_of_a_real_frontend(release: str) -> None:
    found = figures(BEFORE, recorded(f"frontend-{release}"))
    # 0.6.1 writes the name in lower case here.
    (name,) = found.models
    assert name.casefold() == "acme/tiny-llm"
    flow = found.models[name]
    assert flow.request_rate == pytest.approx(3 / 5)
    assert flow.token_rate == pytest.approx(15 / 5)
    assert (flow.in_flight, flow.queued, flow.seconds) == (0, 0, 5)
    assert flow.first_token.total == 3
    assert flow.between_tokens.total == 12
    middle = flow.between_tokens.quantile(0.5)
    # A token came each 20 ms.
    assert middle is not None
    assert 0.011 < middle.value < 0.035
    assert found.blocks == {"Acme/Tiny-LLM": 1000}


def test_a_real_frontend_with_the_kv_router_tells_of_its_worker_in_decimal() -> None:
    found = figures(BEFORE, recorded("frontend-1.6.1"))
    (worker,) = found.seen
    (place,) = figures(BEFORE, recorded("worker-1.6.1")).places
    assert f"{worker:x}" == place.worker_id
    assert found.seen[worker].blocks == 0
    assert found.seen[worker].first_token == pytest.approx(0.02775354)


@pytest.mark.parametrize("release", RELEASES)
def test_figures_of_a_real_worker(release: str) -> None:
    found = figures(BEFORE, recorded(f"worker-{release}"))
    ((place, flow),) = found.places.items()
    assert place[:3] == ("prod", "backend", "generate")
    assert bool(place.worker_id) == (release != "0.6.1")
    assert flow.request_rate == pytest.approx(3 / 5)
    assert flow.in_flight == 0
    assert found.process.queued == (None if release == "0.6.1" else 0)
    assert found.process.first_token.total == (0 if release == "0.6.1" else 3)
    assert found.process.kv_use == ((0.0,) if release == "0.6.1" else ())


def test_the_first_scrape_has_gauges_and_no_rates() -> None:
    flow = figures(None, recorded("frontend-1.6.1")).models["Acme/Tiny-LLM"]
    assert (flow.request_rate, flow.token_rate, flow.seconds) == (None, None, None)
    assert flow.first_token.quantile(0.5) is None
    assert flow.in_flight == 0


def requests(at: float, count: float) -> Scrape:
    return scrape(at, f'{names.REQUESTS}{{model="a"}} {count}')


def test_a_counter_that_fell_began_anew() -> None:
    assert figures(requests(0, 100), requests(5, 20)).models["a"].request_rate == 4
    assert figures(requests(0, 100), requests(5, 100)).models["a"].request_rate == 0


def test_two_scrapes_at_once_make_no_rate() -> None:
    assert "a" not in figures(requests(5, 1), requests(5, 2)).models


def test_tokens_are_counted_by_sequences_where_there_is_no_better_count() -> None:
    before, after = (f'{names.OUTPUT_SEQUENCE}_sum{{model="a"}} {count}' for count in (10, 40))
    assert figures(scrape(0.0, before), scrape(2.0, after)).models["a"].token_rate == 15
    newer = scrape(2.0, after, f'{names.OUTPUT_TOKENS}{{model="a"}} 8')
    assert figures(scrape(0.0, before), newer).models["a"].token_rate == 4


def test_active_requests_are_those_in_flight() -> None:
    active, in_flight = (f'{name}{{model="a"}} 2' for name in (names.ACTIVE, names.IN_FLIGHT))
    assert figures(None, scrape(0.0, active)).models["a"].in_flight == 2
    assert figures(None, scrape(0.0, active, in_flight)).models["a"].in_flight == 2


def test_the_use_of_a_cache_that_cannot_be_is_not_shown() -> None:
    for said, use in (("0.5", (0.5,)), ("1", (1.0,)), ("-1", ()), ("85", ())):
        assert figures(None, scrape(0.0, f"{names.KV_USE} {said}")).process.kv_use == use
    ranks = [f'{names.KV_USE}{{dp_rank="{rank}"}} {use}' for rank, use in ((0, 0.2), (1, 0.4))]
    assert figures(None, scrape(0.0, ranks)).process.kv_use == pytest.approx((0.3,))


def test_numbers_at_the_limit_of_what_is_kept_add_up() -> None:
    def at(moment: float, number: float) -> Scrape:
        series = [f'model="a",x="{x}"' for x in range(40)]
        return scrape(
            moment,
            [f"{names.REQUESTS}{{{one}}} {number}" for one in series],
            [f'{names.WORK_QUEUE}{{x="{x}"}} {number}' for x in range(40)],
            *(
                histogram(names.FIRST_TOKEN, one, {"1": number / 2, "9e18": number})
                for one in series
            ),
        )

    found = figures(at(0, 0), at(1, LARGEST))
    flow = found.models["a"]
    assert flow.request_rate == found.process.queued == pytest.approx(40 * LARGEST)
    assert flow.first_token.quantile(0.99) is not None


def test_histograms_of_one_model_with_bounds_of_their_own_are_left_out_and_that_is_said() -> None:
    def at(moment: float, count: int) -> Scrape:
        return scrape(
            moment,
            *(
                histogram(names.FIRST_TOKEN, f'model="a",x="{x}"', {bound: count, "+Inf": count})
                for x, bound in enumerate(("1", "2", "1"))
            ),
        )

    found = figures(at(0, 0), at(1, 3))
    assert found.models["a"].first_token.total == 6
    assert found.cut
    assert not figures(BEFORE, recorded("frontend-1.6.1")).cut


def test_what_a_frontend_tells_of_a_worker_is_the_mean_of_its_ranks() -> None:
    lines = [
        f'{name}{{worker_id="7",dp_rank="{rank}",worker_type="decode"}} {rank * 100}'
        for name in (names.WORKER_BLOCKS, names.WORKER_FIRST_TOKEN)
        for rank in range(4)
    ]
    assert figures(None, scrape(0.0, lines)).seen[7][:2] == (150, 150)


counts = st.lists(st.integers(0, 1000), min_size=2, max_size=2).map(sorted)
process = st.tuples(counts, counts, st.lists(counts, min_size=3, max_size=3))


def said(at: float, requests: int, tokens: int, buckets: list[int]) -> Scrape:
    sums = [sum(buckets[: number + 1]) for number in range(3)]
    return scrape(
        at,
        f'{names.REQUESTS}{{model="a"}} {requests}',
        f'{names.OUTPUT_TOKENS}{{model="a"}} {tokens}',
        f'{names.IN_FLIGHT}{{model="a"}} {requests % 7}',
        histogram(
            names.FIRST_TOKEN, 'model="a"', dict(zip(("0.1", "1", "+Inf"), sums, strict=True))
        ),
    )


@given(st.lists(process, min_size=1, max_size=4))
def test_several_frontends_are_as_one_that_did_it_all(
    frontends: list[tuple[list[int], list[int], list[list[int]]]],
) -> None:
    def at(moment: int, some: list[tuple[list[int], list[int], list[list[int]]]]) -> Scrape:
        return said(
            5.0 * moment,
            sum(one[0][moment] for one in some),
            sum(one[1][moment] for one in some),
            [sum(one[2][bucket][moment] for one in some) for bucket in range(3)],
        )

    apart = [figures(at(0, [one]), at(1, [one])).models["a"] for one in frontends]
    together = total(apart)
    as_one = figures(at(0, frontends), at(1, frontends)).models["a"]
    assert together.request_rate == pytest.approx(as_one.request_rate)
    assert together.token_rate == pytest.approx(as_one.token_rate)
    assert together.first_token == as_one.first_token
    assert together.in_flight == sum(one[0][1] % 7 for one in frontends)
    assert together.seconds == 5


@given(process, process)
def test_whatever_counters_do_nothing_is_negative(
    one: tuple[list[int], list[int], list[list[int]]],
    other: tuple[list[int], list[int], list[list[int]]],
) -> None:
    before = said(0.0, one[0][1], one[1][1], [bucket[1] for bucket in one[2]])
    after = said(5.0, other[0][0], other[1][0], [bucket[0] for bucket in other[2]])
    flow = figures(before, after).models["a"]
    assert flow.request_rate is not None
    assert flow.token_rate is not None
    assert min(flow.request_rate, flow.token_rate, *flow.first_token.counts) >= 0


def test_nothing_known_adds_nothing_known() -> None:
    assert total([]) == Flow()
    assert (Flow() + Flow(request_rate=1.0)).request_rate == 1
    assert (Flow() + Flow()).request_rate is None
    assert Place("a", "b", "c", "d").worker_id == "d"
    assert Flow(kv_use=(0.25, 0.75)).mean_kv_use == 0.5
