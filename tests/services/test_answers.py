"""From what services say to figures: whatever they say, and however much of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.services import parse
from backends.services.parse import NO_FIGURES, AnswerLimits, ServiceAnswers
from backends.services.types import RequestStats
from tests.support.saying import GENERATE, endpoint, said, scraped

NS = 1_000_000


def test_a_service_is_read_as_a_real_worker_of_1_2_1_writes_it() -> None:
    (service,) = scraped(
        said("ping"),
        said("info", {"subject": GENERATE, "queue_group": "q"}, description="a component"),
        said("stats", endpoint(last_error="500: no", num_errors=2, data={"waiting": 3})),
    ).services
    assert (service.id, service.name, service.version) == ("one", "prod_backend", "1.2.1")
    assert service.description == "a component"
    assert service.started == pytest.approx(1795279871.336781)
    (stats,) = service.endpoints
    assert stats.figures == RequestStats(10, 2, 10 * NS, "500: no")
    assert stats.figures.mean_ms == 1.0
    assert stats.data == '{"waiting":3}'


def test_each_service_has_the_moment_when_its_figures_came() -> None:
    found = ServiceAnswers(())
    found.take(said("stats", endpoint()), 3.0)
    found.take(said("info"), 4.0)
    found.take(said("stats", endpoint(), id="two"), 5.0)
    assert [service.moment for service in found.scrape(0).services] == [3.0, 5.0]


def test_no_user_data_is_none() -> None:
    """0.6.1 writes null, 1.2.1 nothing."""
    for one in (endpoint(data=None), endpoint()):
        (service,) = scraped(said("stats", one)).services
        assert service.endpoints[0].data == ""


@pytest.mark.parametrize(
    "odd", [b"", b"{", b"[]", b"null", b"\xff", b'{"type": "x"}', b"[" * 100_000, b'{"a":' * 9999]
)
def test_what_is_no_answer_is_counted_and_passed_over(odd: bytes) -> None:
    found = scraped(odd, said("stats", endpoint()))
    assert len(found.services) == 1
    assert found.ignored == 1


@pytest.mark.parametrize("name", ["num_requests", "num_errors", "processing_time"])
@pytest.mark.parametrize("value", [None, "3", -1, 1.5, True, [1], 2**64, float("1e300")])
def test_a_counter_that_is_none_leaves_the_endpoint_without_figures(
    name: str, value: object
) -> None:
    (service,) = scraped(said("stats", endpoint() | {name: value})).services
    assert service.endpoints[0].figures is None
    assert name in service.endpoints[0].problem


def test_a_counter_may_be_written_as_a_float() -> None:
    """`average_processing_time` was one in early releases."""
    (service,) = scraped(said("stats", endpoint(processing_time=4.0))).services
    assert service.endpoints[0].figures == RequestStats(10, 0, 4, "")


@pytest.mark.parametrize("started", [None, 3, "soon", "2026-11-21T16:51:11", "9" * 9999])
def test_a_start_that_is_no_time_is_not_known(started: object) -> None:
    (service,) = scraped(said("stats", endpoint(), started=started)).services
    assert service.started is None


def test_odd_endpoints_are_passed_over_and_counted() -> None:
    odd = [1, None, {}, {"subject": 1}, {"subject": ""}, {"subject": "x" * 2000}]
    found = scraped(said("stats", *odd, endpoint()))
    assert [one.subject for one in found.services[0].endpoints] == [GENERATE]
    assert found.ignored == len(odd)
    assert scraped(said("stats", endpoints={"a": 1})).services[0].endpoints == ()


def test_of_two_answers_of_one_service_the_first_counts() -> None:
    found = scraped(
        said("stats", endpoint(requests=10)),
        said("stats", endpoint(requests=99)),
        said("stats", endpoint(requests=98), name="other"),
    )
    (service,) = found.services
    assert service.endpoints[0].figures == RequestStats(10, 0, 10 * NS, "")
    assert found.ignored == 2


def test_an_endpoint_that_is_listed_and_has_no_figures_is_there() -> None:
    found = scraped(said("info", {"subject": GENERATE}), said("stats"))
    (stats,) = found.services[0].endpoints
    assert (stats.subject, stats.figures, stats.problem) == (GENERATE, None, NO_FIGURES)


def test_it_is_enough_when_all_that_is_expected_or_promised_is_there() -> None:
    found = ServiceAnswers([GENERATE])
    assert not found.take(said("ping"), 1.0)
    assert not found.take(said("ping", id="two", name="other"), 1.0)
    assert not found.take(said("stats", endpoint()), 1.0)
    assert found.take(said("stats", id="two", name="other"), 1.0)
    # One more that nobody expected: its figures are waited for, too.
    assert not found.take(said("info", id="three"), 1.0)


def test_what_is_kept_of_a_scrape_is_bounded() -> None:
    many = [endpoint(f"s.e{number}") for number in range(4)]
    found = ServiceAnswers((), AnswerLimits(most_services=3, most_endpoints=5))
    for number in range(5):
        found.take(said("stats", *many, id=str(number)), 1.0)
        found.take(said("info", *many, id=str(number)), 1.0)
    kept = found.scrape(0)
    assert len(kept.services) == 3
    # Two lists of at most five each: those with figures, and those that were only named.
    assert [len(service.endpoints) for service in kept.services] == [4, 1, 0]
    assert kept.left_out > 0
    assert found.scrape(0, unread=3).left_out == kept.left_out + 3


def test_answers_beyond_the_bytes_that_are_kept_are_left_out() -> None:
    small = said("stats", endpoint())
    limits = AnswerLimits(longest_answer=len(small) + 100, most_bytes=3 * len(small) + 2000)
    huge = said("stats", endpoint(data="x" * 1000), id="two")
    small_ones = (said("stats", endpoint(), id=f"{n:03}") for n in range(9))
    found = scraped(huge, *small_ones, limits=limits)
    assert "two" not in {service.id for service in found.services}
    assert 0 < len(found.services) < 9
    assert found.left_out + len(found.services) == 10


def test_long_texts_are_cut() -> None:
    (service,) = scraped(said("stats", endpoint(last_error="x" * 10**5))).services
    assert service.endpoints[0].figures is not None
    assert len(service.endpoints[0].figures.last_error) == parse.LONGEST_TEXT


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([[{}]])
)
FIELDS = ("type", "id", "name", "version", "description", "started", "endpoints")


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), ODD),
    st.dictionaries(st.sampled_from(tuple(endpoint())), ODD),
    st.sampled_from(("ping", "info", "stats")),
)
def test_no_answer_raises(changed: dict[str, object], inner: dict[str, object], kind: str) -> None:
    whole = json.loads(said(kind, {**endpoint(), **inner}))
    found = ServiceAnswers([GENERATE])
    found.take(json.dumps(whole | changed).encode(), 1.0)
    found.take(json.dumps(whole).encode(), 1.0)
    for service in found.scrape(0).services:
        for stats in service.endpoints:
            assert stats.figures is None or stats.figures.requests >= 0
            assert not stats.data or json.loads(stats.data) is not None
