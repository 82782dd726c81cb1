"""Services joined to what is registered, rates and totals."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from backends.services.exposition import exposition
from backends.services.latest import LATE, LatestStats
from backends.services.overview import Answering, Usage, join, rates, subjects, total
from backends.services.parse import ServiceAnswers
from backends.services.types import NotScraped
from tests.support.registered import instance, record
from tests.support.saying import GENERATE, endpoint, nats_entry, nats_instance, said, scraped
from tui.text.sanitize import plain

BACKEND = ("prod", "backend")


def by_subject(usages: list[Usage]) -> dict[str, Answering]:
    return {one.subject: one.answering for one in usages}


def test_they_are_joined_by_subject() -> None:
    found = join(
        scraped(said("stats", endpoint(GENERATE), endpoint("prod_backend.clear-2"))),
        [nats_instance(1), nats_instance(3)],
        {},
    )
    assert by_subject(found) == {
        GENERATE: Answering.ANSWERS,
        "prod_backend.generate-3": Answering.SILENT,
        "prod_backend.clear-2": Answering.UNREGISTERED,
    }
    stranger = next(one for one in found if one.answering is Answering.UNREGISTERED)
    # Its component is known by another's registration.
    place = (stranger.namespace, stranger.component, stranger.endpoint, stranger.instance_id)
    assert place == (*BACKEND, "clear", 2)


def test_a_service_of_which_nothing_is_known_keeps_its_name() -> None:
    (one,) = join(scraped(said("stats", endpoint("jobs.run"), name="jobs")), [], {})
    assert (one.namespace, one.component, one.endpoint) == ("", "jobs", "run")
    (one,) = join(scraped(said("stats", endpoint())), [], {}, known=[BACKEND])
    assert (one.namespace, one.component, one.instance_id) == (*BACKEND, 1)


def test_before_the_store_was_read_nobody_is_called_unregistered() -> None:
    answers = scraped(said("stats", endpoint()))
    (one,) = join(answers, [], {}, complete=False)
    assert one.answering is Answering.ANSWERS
    (one,) = join(answers, [nats_instance(1)], {}, complete=False)
    assert (one.answering, len(one.records)) == (Answering.ANSWERS, 1)


def test_a_copied_record_does_not_take_the_figures_to_another_place() -> None:
    key, value = nats_entry(1)
    copied = record((key.replace(b"/prod/", b"/aaa/"), value))
    (one,) = join(scraped(said("stats", endpoint())), [copied, nats_instance(1)], {})  # type: ignore[list-item]
    assert (one.namespace, one.component) == BACKEND
    assert len(one.records) == 2


def test_without_a_scrape_nobody_is_silent_and_tcp_is_never_expected() -> None:
    assert join(None, [nats_instance(1)], {}) == []
    tcp = record(instance(1))
    assert subjects([nats_instance(1), tcp]) == {GENERATE}  # type: ignore[list-item]
    assert join(scraped(), [tcp], {}) == []  # type: ignore[list-item]


def test_processes_that_share_a_subject_are_told_apart_and_added_up() -> None:
    answers = [said("stats", endpoint(requests=n), id=str(n)) for n in (3, 4)]
    found = join(scraped(*answers), [nats_instance(1)], {})
    assert [one.answering for one in found] == [Answering.ANSWERS] * 2
    assert total(found).requests == 7
    assert total(found).services == 2


def test_a_rate_is_what_came_since_the_last_scrape() -> None:
    before = scraped(said("stats", endpoint(requests=10)), moment=1.0)
    now = scraped(said("stats", endpoint(requests=20)), moment=6.0)
    assert rates(before, now, LATE) == {("one", GENERATE): 2.0}
    assert rates(None, now, LATE) == {}


def test_a_rate_is_by_when_the_service_itself_answered() -> None:
    """A scrape is longer by a second where anybody is silent."""
    before, now = ServiceAnswers(()), ServiceAnswers(())
    for id, first, second in (("one", 1.0, 6.0), ("two", 1.9, 5.9)):
        before.take(said("stats", endpoint(requests=10), id=id), first)
        now.take(said("stats", endpoint(requests=30), id=id), second)
    found = rates(before.scrape(0), now.scrape(0), LATE)
    assert found == {("one", GENERATE): 4.0, ("two", GENERATE): 5.0}


def test_what_came_in_an_hour_is_no_rate_of_late() -> None:
    """As after another tab was looked at."""
    before, now = (
        scraped(said("stats", endpoint(requests=moment)), moment=moment) for moment in (0, 3600)
    )
    for board, rate in ((LatestStats(), None), (LatestStats(late=4000), 1.0)):
        board.take(before)
        board.take(now)
        assert [one.rate for one in board.usages([])] == [rate]


def test_a_counter_that_went_down_was_reset_and_is_no_negative_rate() -> None:
    before = scraped(said("stats", endpoint(requests=10)), moment=1.0)
    assert rates(before, scraped(said("stats", endpoint(requests=3)), moment=6.0), LATE) == {}
    # After a restart the service has another id: what it counted since is no rate yet.
    again = scraped(said("stats", endpoint(requests=30), id="two"), moment=6.0)
    assert rates(before, again, LATE) == {}
    # A clock that stood still.
    still = scraped(said("stats", endpoint(requests=12)), moment=1.0)
    assert rates(before, still, LATE) == {}


def test_a_total_weighs_the_mean_by_requests() -> None:
    slow = endpoint(
        "prod_backend.a-1", 1, processing_time=101_000_000, num_errors=1, last_error="x"
    )
    fast = endpoint("prod_backend.b-1", 99, processing_time=99_000_000)
    unused = endpoint("prod_backend.c-1", 0)
    broken = endpoint("prod_backend.d-1", "many")
    known = {("one", f"prod_backend.{name}-1"): rate for name, rate in (("a", 0.5), ("b", 1.0))}
    answers, records = scraped(said("stats", slow, fast, unused, broken)), [nats_instance(9)]
    # Of one that answers the rate is not known: the sum of the others' would be too little.
    assert total(join(answers, records, known)).rate is None
    whole = total(join(answers, records, known | {("one", "prod_backend.c-1"): 0.0}))
    assert (whole.requests, whole.errors, whole.rate, whole.last_error) == (100, 1, 1.5, "x")
    assert whole.mean_ms == 2.0
    assert whole.numbers[Answering.SILENT] == 1


def test_of_nothing_there_is_no_total() -> None:
    whole = total([])
    assert (whole.requests, whole.errors, whole.rate, whole.mean_ms) == (None, None, None, None)
    (unused,) = join(scraped(said("stats", endpoint(requests=0))), [], {})
    assert total([unused]).mean_ms is None
    assert total([unused]).requests == 0


def test_the_board_keeps_the_last_figures_while_nobody_can_be_asked() -> None:
    board = LatestStats()
    board.fail(NotScraped("NATS refuses connections"), 5.0)
    board.fail(NotScraped("NATS does not answer in time"), 8.0)
    assert (board.trouble_since, board.age(9.0)) == (5.0, None)
    board.take(scraped(said("stats", endpoint()), at=10.0))
    assert board.trouble is None
    board.fail(NotScraped("NATS refuses connections"), 12.0)
    assert board.trouble_since == 12.0
    assert board.age(13.0) == 3.0
    assert len(board.usages([])) == 1


def samples(text: str) -> dict[str, dict[str, float]]:
    """Values by metric and component."""
    return {
        family.name: {one.labels["service_name"]: one.value for one in family.samples}
        for family in text_string_to_metric_families(text)
    }


def test_prometheus_text_has_a_components_totals() -> None:
    usages = join(
        scraped(
            said("stats", endpoint(requests=3)),
            said("stats", endpoint("jobs.x"), id="2", name="jobs"),
        ),
        [nats_instance(1), nats_instance(2)],
        {},
    )
    prefix = "dynamo_component_nats_service_"
    assert samples(exposition(usages)) == {
        prefix + name: {"prod_backend": value}
        for name, value in {
            "active_endpoints": 1,
            "active_services": 1,
            "errors_total": 0,
            "processing_ms_avg": 1,
            "processing_ms_total": 3,
            "requests_total": 3,
        }.items()
    }


def test_prometheus_text_holds_names_only_as_they_are_made_fit() -> None:
    key, value = nats_entry(1)
    odd = record((key.replace(b"prod", "p\x1b[31m\x9b\u202eod".encode()), value))
    usages = join(scraped(said("stats", endpoint())), [odd], {})  # type: ignore[list-item]
    text = exposition(usages, plain)
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    assert len(samples(text)) == 6


def test_prometheus_text_never_shows_a_silent_component_as_one_that_counted_nothing() -> None:
    found = samples(exposition(join(scraped(), [nats_instance(1)], {})))
    assert {name.rpartition("service_")[2] for name, values in found.items() if values} == {
        "active_endpoints",
        "active_services",
    }
