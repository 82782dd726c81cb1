"""Two scrapes of one process, and the figures they make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics import catalogue
from backends.metrics.parse import LARGEST, MetricsScrape, parsed
from backends.metrics.rates import Failures, Rates, WorkerLabels, figures, total
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
    (place,) = figures(BEFORE, recorded("worker-1.6.1")).endpoints
    assert f"{worker:x}" == place.worker_id
    assert found.seen[worker].blocks == 0
    assert found.seen[worker].first_token == pytest.approx(0.02775354)


@pytest.mark.parametrize("release", RELEASES)
def test_figures_of_a_real_worker(release: str) -> None:
    found = figures(BEFORE, recorded(f"worker-{release}"))
    ((place, flow),) = found.endpoints.items()
    assert place[:3] == ("prod", "backend", "generate")
    assert bool(place.worker_id) == (release != "0.6.1")
    assert flow.request_rate == pytest.approx(3 / 5)
    assert flow.in_flight == 0
    assert found.process.queued == (None if release == "0.6.1" else 0)
    assert found.process.first_response.total == (0 if release == "0.6.1" else 3)
    assert found.process.kv_use == ((0.0,) if release == "0.6.1" else ())


def test_the_first_scrape_has_gauges_and_no_rates() -> None:
    flow = figures(None, recorded("frontend-1.6.1")).models["Acme/Tiny-LLM"]
    assert (flow.request_rate, flow.token_rate, flow.seconds) == (None, None, None)
    assert flow.first_token.quantile(0.5) is None
    assert flow.in_flight == 0


def requests(at: float, count: float) -> MetricsScrape:
    return scrape(at, f'{catalogue.REQUESTS}{{model="a"}} {count}')


def test_a_counter_that_fell_began_anew() -> None:
    assert figures(requests(0, 100), requests(5, 20)).models["a"].request_rate == 4
    assert figures(requests(0, 100), requests(5, 100)).models["a"].request_rate == 0


def test_two_scrapes_at_once_make_no_rate() -> None:
    assert "a" not in figures(requests(5, 1), requests(5, 2)).models


def test_tokens_are_counted_by_sequences_where_there_is_no_better_count() -> None:
    before, after = (f'{catalogue.OUTPUT_SEQUENCE}_sum{{model="a"}} {count}' for count in (10, 40))
    assert figures(scrape(0.0, before), scrape(2.0, after)).models["a"].token_rate == 15
    newer = scrape(2.0, after, f'{catalogue.OUTPUT_TOKENS}{{model="a"}} 8')
    assert figures(scrape(0.0, before), newer).models["a"].token_rate == 4


def test_active_requests_are_those_in_flight() -> None:
    active, in_flight = (
        f'{name}{{model="a"}} 2' for name in (catalogue.ACTIVE, catalogue.IN_FLIGHT)
    )
    assert figures(None, scrape(0.0, active)).models["a"].in_flight == 2
    assert figures(None, scrape(0.0, active, in_flight)).models["a"].in_flight == 2


def test_the_use_of_a_cache_that_cannot_be_is_not_shown() -> None:
    for said, use in (("0.5", (0.5,)), ("1", (1.0,)), ("-1", ()), ("85", ())):
        assert figures(None, scrape(0.0, f"{catalogue.KV_USE} {said}")).process.kv_use == use
    ranks = [f'{catalogue.KV_USE}{{dp_rank="{rank}"}} {use}' for rank, use in ((0, 0.2), (1, 0.4))]
    assert figures(None, scrape(0.0, ranks)).process.kv_use == pytest.approx((0.3,))


def test_numbers_at_the_limit_of_what_is_kept_add_up() -> None:
    def at(moment: float, number: float) -> MetricsScrape:
        series = [f'model="a",x="{x}"' for x in range(40)]
        return scrape(
            moment,
            [f"{catalogue.REQUESTS}{{{one}}} {number}" for one in series],
            [f'{catalogue.WORK_QUEUE}{{x="{x}"}} {number}' for x in range(40)],
            *(
                histogram(catalogue.FIRST_TOKEN, one, {"1": number / 2, "9e18": number})
                for one in series
            ),
        )

    found = figures(at(0, 0), at(1, LARGEST))
    flow = found.models["a"]
    assert flow.request_rate == found.process.queued == pytest.approx(40 * LARGEST)
    assert flow.first_token.quantile(0.99) is not None


def test_histograms_of_one_model_with_bounds_of_their_own_are_left_out_and_that_is_said() -> None:
    def at(moment: float, count: int) -> MetricsScrape:
        return scrape(
            moment,
            *(
                histogram(
                    catalogue.FIRST_TOKEN, f'model="a",x="{x}"', {bound: count, "+Inf": count}
                )
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
        for name in (catalogue.WORKER_BLOCKS, catalogue.WORKER_FIRST_TOKEN)
        for rank in range(4)
    ]
    assert figures(None, scrape(0.0, lines)).seen[7][:2] == (150, 150)


counts = st.lists(st.integers(0, 1000), min_size=2, max_size=2).map(sorted)
process = st.tuples(counts, counts, st.lists(counts, min_size=3, max_size=3))


def said(at: float, requests: int, tokens: int, buckets: list[int]) -> MetricsScrape:
    sums = [sum(buckets[: number + 1]) for number in range(3)]
    return scrape(
        at,
        f'{catalogue.REQUESTS}{{model="a"}} {requests}',
        f'{catalogue.OUTPUT_TOKENS}{{model="a"}} {tokens}',
        f'{catalogue.IN_FLIGHT}{{model="a"}} {requests % 7}',
        histogram(
            catalogue.FIRST_TOKEN, 'model="a"', dict(zip(("0.1", "1", "+Inf"), sums, strict=True))
        ),
    )


@given(st.lists(process, min_size=1, max_size=4))
def test_several_frontends_are_as_one_that_did_it_all(
    frontends: list[tuple[list[int], list[int], list[list[int]]]],
) -> None:
    def at(moment: int, some: list[tuple[list[int], list[int], list[list[int]]]]) -> MetricsScrape:
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
    assert total([]) == Rates()
    assert (Rates() + Rates(request_rate=1.0)).request_rate == 1
    assert (Rates() + Rates()).request_rate is None
    assert WorkerLabels("a", "b", "c", "d").worker_id == "d"
    assert Rates(kv_use=(0.25, 0.75)).mean_kv_use == 0.5


# What fails, and why.


def test_errors_and_refusals_of_a_real_frontend_have_their_reasons() -> None:
    """Recorded of 1.6.1 after one request that was answered, two for unknown models, one without a
    prompt, one while the instance was drained, and three after its worker was killed."""
    found = figures(None, recorded("frontend-1.6.1-failures"))
    assert [(one.reason, one.kind, one.number) for one in found.failures] == [
        ("backend.unavailable", "Unavailable", 3),
        ("request.not_found", "NotFound", 2),
        ("request.invalid", "InvalidRequest", 1),
        ("transport.cannot_connect", "Unavailable", 1),
    ]
    # Most of what was refused is in no model's requests.
    assert found.models["acme/tiny-llm"].errors == (Failures("unavailable", "", 1, None),)
    assert found.models[catalogue.UNKNOWN_MODEL].errors == (Failures("not_found", "", 2, None),)


def errors(at: float, failed: float, well: float = 10) -> MetricsScrape:
    series = f'{catalogue.REQUESTS}{{model="a",error_type='
    return scrape(
        at,
        f'{series}"",status="success"}} {well}',
        f'{series}"unavailable",status="error"}} {failed}',
        f'{catalogue.FAILURES}{{class="Unavailable",reason="backend.unavailable"}} {2 * failed}',
    )


def test_errors_have_a_rate_between_two_scrapes() -> None:
    found = figures(errors(0, 5), errors(5, 15, well=20))
    flow = found.models["a"]
    assert (flow.request_rate, flow.error_rate) == (4, 2)
    assert found.failures == (Failures("backend.unavailable", "Unavailable", 30, 4),)
    # At several frontends together.
    both = flow + flow
    assert (both.error_rate, both.errors) == (4, (Failures("unavailable", "", 30, 4),))
    # The frontend began anew.
    assert figures(errors(0, 15), errors(5, 5)).models["a"].error_rate == 1
    # All went well, and before the second scrape nothing is known.
    assert figures(errors(0, 0), errors(5, 0)).models["a"].error_rate == 0
    assert figures(None, errors(5, 5)).models["a"].error_rate is None


def test_ranks_of_one_worker_are_told_apart_and_those_of_several_are_not_mixed() -> None:
    uses = [f'{catalogue.KV_USE}{{dp_rank="{rank}"}} {use}' for rank, use in ((10, 0.5), (2, 0.1))]
    process = figures(None, scrape(0.0, uses)).process
    assert process.kv_ranks == (("2", 0.1), ("10", 0.5))
    assert (process + process).kv_ranks == ()
    # One rank is the whole.
    assert figures(None, scrape(0.0, uses[:1])).process.kv_ranks == ()
    blocks = [
        f'{catalogue.WORKER_BLOCKS}{{worker_id="7",dp_rank="{rank}"}} {used}'
        for rank, used in ((0, 10), (1, 30))
    ]
    seen = figures(None, scrape(0.0, blocks)).seen[7]
    assert (seen.blocks, seen.rank_blocks) == (20, (("0", 10), ("1", 30)))
