"""Prometheus text: what real processes send, and what others may."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.metrics import catalogue
from backends.metrics.catalogue import MetricOwner, kinds_of, not_found
from backends.metrics.histogram import MOST_BOUNDS
from backends.metrics.parse import LONGEST_LINE, MOST_LABELS, MOST_SERIES, NotText, parsed
from tests.metrics.texts import RELEASES, SAMPLES, histogram, recorded, scrape


@pytest.mark.parametrize("release", RELEASES)
def test_a_real_frontend_is_told_from_a_real_worker(release: str) -> None:
    assert kinds_of(recorded(f"frontend-{release}").found) == {MetricOwner.FRONTEND}
    assert kinds_of(recorded(f"worker-{release}").found) == {MetricOwner.WORKER}


@pytest.mark.parametrize(
    ("process", "missing"),
    [
        ("frontend-0.6.1", [catalogue.WORKER_BLOCKS]),
        ("frontend-1.2.1", [catalogue.WORKER_BLOCKS]),
        ("frontend-1.6.1", []),
        ("worker-0.6.1", [catalogue.WORK_QUEUE, catalogue.WORK_FIRST_RESPONSE]),
        ("worker-1.2.1", [catalogue.KV_USE]),
        ("worker-1.6.1", [catalogue.KV_USE]),
    ],
)
def test_what_a_release_does_not_have_is_named(process: str, missing: list[str]) -> None:
    assert [one.names[0] for one in not_found(recorded(process).found)] == missing


def test_an_idle_frontend_is_one_all_the_same() -> None:
    idle = scrape(
        0.0, "dynamo_frontend_disconnected_clients 0", "dynamo_component_uptime_seconds 7"
    )
    assert kinds_of(idle.found) == {MetricOwner.FRONTEND}
    assert kinds_of(scrape(0.0, "dynamo_component_uptime_seconds 7").found) == {MetricOwner.WORKER}


def test_names_are_matched_exactly() -> None:
    found = scrape(
        0.0,
        "dynamo_frontend_requests_total_of_mine 1",
        "my_dynamo_frontend_requests_total 1",
        "vllm:time_to_first_token_seconds_count 1",
        "DYNAMO_FRONTEND_REQUESTS_TOTAL 1",
        "process_cpu_seconds_total 3",
    )
    assert not found.found
    assert not kinds_of(found.found)


def test_numbers_that_are_none_are_left_out() -> None:
    found = scrape(
        0.0,
        'dynamo_frontend_inflight_requests{model="a"} NaN',
        'dynamo_frontend_inflight_requests{model="b"} +Inf',
        'dynamo_frontend_inflight_requests{model="c"} 2',
        'dynamo_frontend_inflight_requests{model="d"} 1.7e308',
        'dynamo_frontend_inflight_requests{model="e"} -1.7e308',
        'dynamo_frontend_time_to_first_token_seconds_bucket{model="c",le="1e300"} 2',
        'dynamo_frontend_time_to_first_token_seconds_bucket{model="c",le="NaN"} 2',
        'dynamo_frontend_time_to_first_token_seconds_bucket{model="c",le="soon"} 2',
    )
    assert found.total(catalogue.IN_FLIGHT) == 2
    assert catalogue.FIRST_TOKEN not in found.histograms


def test_what_is_no_text_of_prometheus_is_said_to_be_none() -> None:
    with pytest.raises(NotText):
        scrape(0.0, 'dynamo_frontend_inflight_requests{model="a} 2 3 4')
    assert not parsed(b"<html>dynamo_frontend_inflight_requests 1</html>", 0.0).found
    assert not parsed(b"\x1f\x8b\x08\x00" * 100, 0.0).found


def test_there_is_a_limit_to_what_is_kept() -> None:
    line = 'dynamo_frontend_inflight_requests{{model="{}"}} 1'
    found = scrape(0.0, [line.format(number) for number in range(MOST_SERIES + 5)])
    assert found.cut
    assert len(found.values[catalogue.IN_FLIGHT]) == MOST_SERIES
    assert (
        len(
            parsed(b"".join(b"%s\n" % line.format(n).encode() for n in range(9)), 0.0, 5).values[
                catalogue.IN_FLIGHT
            ]
        )
        == 5
    )
    long = scrape(0.0, line.format("a" * LONGEST_LINE))
    assert (long.found, long.cut) == (frozenset(), True)
    for count, kept in ((MOST_LABELS, True), (MOST_LABELS + 1, False)):
        labels = ",".join(f'a{number}="b"' for number in range(count))
        assert bool(scrape(0.0, f"{catalogue.IN_FLIGHT}{{{labels}}} 1").found) == kept
    for count, kept in ((MOST_BOUNDS, True), (MOST_BOUNDS + 1, False)):
        found = scrape(0.0, histogram(catalogue.FIRST_TOKEN, "", {str(n): n for n in range(count)}))
        assert (bool(found.histograms), found.cut) == (kept, not kept)
    assert not recorded("frontend-1.6.1").cut


@given(st.binary(max_size=300))
def test_no_text_makes_another_error(text: bytes) -> None:
    sample = (SAMPLES / "worker-1.6.1.txt").read_bytes()
    with suppress(NotText):
        parsed(sample[:700] + b"\ndynamo_frontend_requests_total" + text + b"\n" + sample, 0.0)
