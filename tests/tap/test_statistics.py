"""How much came, from whom, and what was missed; with times that are passed in."""

from __future__ import annotations

from msgspec.structs import replace

from backends.tap.messages import TapMessage, of_nats, rank_of
from backends.tap.statistics import MOST_MISSED, MOST_PUBLISHERS, SPAN, Statistics
from tests.support.wire import envelope, removed


def message(
    at: float, sequence: int | None = 0, publisher: int | None = 1, size: int = 10
) -> TapMessage:
    return TapMessage(at, publisher, sequence, "t", size, b"")


def heard(*sequences: int) -> Statistics:
    statistics = Statistics(100.0)
    for sequence in sequences:
        statistics.count(message(100.0, sequence))
    return statistics


def test_numbers_in_order_leave_no_gap_wherever_they_begin() -> None:
    statistics = heard(7, 8, 9)
    assert (statistics.messages, statistics.gaps, statistics.restarts) == (3, 0, 0)
    assert statistics.publishers()[0].last == 9


def test_missed_numbers_are_counted_and_found_again_when_they_come_late() -> None:
    statistics = heard(1, 5)
    assert statistics.gaps == 3
    statistics.count(message(100.0, 3))
    assert statistics.gaps == 2
    assert statistics.restarts == 0
    assert statistics.publishers()[0].last == 5


def test_a_number_that_went_down_is_a_restart() -> None:
    statistics = heard(8, 9, 0, 1, 3)
    assert (statistics.restarts, statistics.gaps) == (1, 1)
    assert statistics.publishers()[0].last == 3


def test_numbers_that_overtook_each_other_at_the_start_are_no_restart() -> None:
    statistics = heard(5, 4, 6, 7, 8)
    assert (statistics.restarts, statistics.gaps) == (0, 0)
    statistics = heard(5, 2, 6, 3)
    assert (statistics.restarts, statistics.gaps) == (0, 1)
    assert statistics.publishers()[0].last == 6


def test_a_number_that_comes_twice_is_neither_missed_nor_a_restart() -> None:
    for numbers in ((5, 6, 6, 7, 8), (0, 0, 1), (5, 6, 7, 6, 8)):
        statistics = heard(*numbers)
        assert (statistics.restarts, statistics.gaps) == (0, 0), numbers


def test_a_restart_whose_first_numbers_were_missed_is_one_if_it_is_far_below() -> None:
    high = 2 * MOST_MISSED
    statistics = heard(0, *range(1, high), 3, 4)
    assert (statistics.restarts, statistics.gaps) == (1, 0)
    assert statistics.publishers()[0].last == 4


def test_a_huge_gap_is_counted_in_full_and_remembered_in_part() -> None:
    statistics = heard(0, 2**64 - 1)
    assert statistics.gaps == 2**64 - 2
    (publisher,) = statistics.publishers()
    assert len(publisher._whole._missed) == MOST_MISSED


def test_publishers_are_told_apart_up_to_a_bound() -> None:
    statistics = Statistics(0.0)
    for publisher in range(MOST_PUBLISHERS + 50):
        statistics.count(message(1.0, 0, publisher))
    found = statistics.publishers()
    assert len(found) == MOST_PUBLISHERS + 1
    assert found[-1].id is None
    assert found[-1].messages == 50
    assert statistics.messages == MOST_PUBLISHERS + 50
    assert statistics.gaps == statistics.restarts == 0


def test_rates_are_means_of_the_last_whole_seconds() -> None:
    statistics = Statistics(100.0)
    for second in range(100, 110):
        for _ in range(second - 99):
            statistics.count(message(second + 0.5))
    assert statistics.rates(110.2) == (8.0, 80.0)  # (6 + 7 + 8 + 9 + 10) / 5
    messages, sizes = statistics.history(110.2)
    assert messages[-10:] == list(range(1, 11))
    assert messages[0] == sizes[0] == 0
    assert sum(sizes) == statistics.bytes
    assert statistics.rates(200.0) == (0.0, 0.0)


def test_a_rate_at_the_start_is_of_the_seconds_there_were() -> None:
    statistics = Statistics(100.0)
    for _ in range(6):
        statistics.count(message(100.5))
    assert statistics.rates(101.0) == (6.0, 60.0)
    assert statistics.rates(102.0) == (3.0, 30.0)


def test_the_history_is_bounded_and_a_clock_set_back_loses_nothing() -> None:
    statistics = Statistics(0.0)
    for second in range(3 * SPAN):
        statistics.count(message(float(second)))
    statistics.count(message(5.0))
    history, _ = statistics.history(3.0 * SPAN)
    assert len(history) == SPAN
    assert sum(history) == SPAN + 1
    assert len(statistics._seconds) <= SPAN + 1


# Data-parallel ranks.


def event(sequence: int, rank: int) -> TapMessage:
    body = removed(1)
    body["event"]["dp_rank"] = rank
    return of_nats("s", envelope([body], publisher=1, sequence=sequence), 100.0)


def test_ranks_with_a_counter_each_miss_nothing_and_do_not_restart() -> None:
    """Up to 1.2.1 one publisher serves all ranks."""
    statistics = Statistics(100.0)
    for number in range(5):
        for rank in (0, 1):
            statistics.count(event(number, rank))
    assert (statistics.gaps, statistics.restarts) == (0, 0)
    (publisher,) = statistics.publishers()
    assert (publisher.ranks, publisher.last, publisher.messages) == (2, 4, 10)
    # One of them misses two; the other began anew.
    statistics.count(event(7, 0))
    statistics.count(event(0, 1))
    assert (statistics.gaps, statistics.restarts) == (2, 1)


def test_ranks_under_one_counter_miss_nothing_either() -> None:
    """As a router's events about many workers."""
    statistics = Statistics(100.0)
    for number in range(10):
        statistics.count(event(number, number % 3))
    assert (statistics.gaps, statistics.restarts) == (0, 0)
    (publisher,) = statistics.publishers()
    assert (publisher.ranks, publisher.last) == (1, 9)


def test_a_rank_that_is_no_small_number_is_none() -> None:
    assert rank_of(event(0, 16)) == 16
    assert rank_of(event(0, 300)) is None
    assert rank_of(message(1.0)) is None
    cut = event(0, 3)
    assert rank_of(replace(cut, body=cut.body[: cut.body.find(b"dp_rank") + 7])) is None
