"""Times of revisions are known as far as a store was followed, and no further."""

from __future__ import annotations

import pytest

from backends.store import NoPast
from backends.timeline import TimeNotKnown
from backends.timeline.known_times import KnownTimes


def followed() -> KnownTimes:
    times = KnownTimes("etcd")
    times.observe(10, 100.0, is_all=True)
    times.observe(12, 130.0)
    times.observe(12, 131.0)
    times.observe(15, 160.0)
    return times


def test_a_revision_has_the_time_at_which_it_was_seen_to_come_first() -> None:
    times = followed()
    assert (times.of(10), times.of(12), times.of(15)) == (100.0, 130.0, 160.0)
    # At 10 it was read, and came at some time before.
    assert (times.came_at(10), times.came_at(12)) == (None, 130.0)
    assert times.of(11) is times.of(9) is times.of(16) is None
    assert (times.newest, times.first) == (15, (10, 100.0))


def test_a_revision_without_a_time_was_before_that_of_the_next() -> None:
    times = followed()
    assert [times.latest_of(one) for one in (1, 11, 13, 15, 16)] == [100, 130, 160, 160, None]


def test_at_a_time_a_store_had_the_last_revision_before_it() -> None:
    times = followed()
    assert [times.revision_at(at) for at in (100, 129.9, 130, 159, 160, 9e9)] == [
        10,
        10,
        12,
        12,
        15,
        15,
    ]


def test_what_was_before_the_first_time_is_not_known() -> None:
    with pytest.raises(TimeNotKnown) as error:
        followed().revision_at(99.9)
    assert (error.value.known_from, error.value.gap_since) == (100.0, None)
    with pytest.raises(NoPast):
        KnownTimes("etcd").revision_at(99.9)


def test_what_was_in_a_gap_is_not_known() -> None:
    times = followed()
    times.lose(170.0)
    times.lose(175.0)
    times.observe(30, 200.0, is_all=True)
    assert (times.revision_at(170.0), times.revision_at(200.0)) == (15, 30)
    with pytest.raises(TimeNotKnown) as error:
        times.revision_at(185.0)
    assert (error.value.gap_since, error.value.known_from) == (170.0, 200.0)


def test_a_store_that_was_restored_from_a_backup_counts_anew() -> None:
    times = followed()
    times.observe(11, 300.0, is_all=True)
    assert (times.newest, times.first) == (11, (11, 300.0))
    assert times.of(12) is None


def test_only_the_newest_times_are_kept() -> None:
    times = KnownTimes("etcd", kept=100)
    for revision in range(1, 1001):
        times.observe(revision, float(revision))
    first, _ = times.first
    assert 900 <= first <= 911
    assert times.of(1000) == 1000.0
