"""The history tells what happened, in order, and says no more than is known."""

from __future__ import annotations

import pytest

from backends.discovery import Added, Removed, Resynced
from backends.history import History, What
from backends.records import AnyRecord
from backends.store import Cause, Heard, Loading, Lost, Unreachable
from tests import registered
from tests.registered import record

ONE = record(registered.instance(1))
OTHER = record(registered.instance(2))
CHANGED = record(registered.instance(1), revision="2")
EXPIRED = record(registered.instance(1), expired_at=5.0)
START = Resynced((), (), "")


def whats(history: History) -> list[str]:
    return [happening.what.value for happening in history]


def test_what_was_there_at_the_start_is_one_line() -> None:
    history = History()
    (noted,) = history.apply(Resynced((), (Added(ONE), Added(OTHER)), "42"), 1.0)
    assert noted.what is What.RESYNCED
    assert noted.why == "2 records at the start at revision 42"
    assert noted.record is None


def test_after_a_gap_each_difference_is_a_line_and_the_sum_comes_last() -> None:
    history = History()
    history.apply(START, 1.0)
    noted = history.apply(Resynced((Removed(ONE),), (Added(OTHER),), ""), 2.0)
    assert [(one.what, one.record) for one in noted] == [
        (What.REMOVED, ONE),
        (What.ADDED, OTHER),
        (What.RESYNCED, None),
    ]
    assert [one.why for one in noted] == [
        "differed after a gap",
        "differed after a gap",
        "1 added or changed, 1 removed",
    ]


@pytest.mark.parametrize(
    ("previous", "now", "what"),
    [
        (None, ONE, What.ADDED),
        (ONE, CHANGED, What.CHANGED),
        (ONE, EXPIRED, What.EXPIRED),
        (EXPIRED, ONE, What.REVIVED),
        (EXPIRED, CHANGED, What.CHANGED),
    ],
)
def test_an_added_record_is_told_by_what_it_replaces(
    previous: AnyRecord | None, now: AnyRecord, what: What
) -> None:
    (noted,) = History().apply(Added(now, previous), 1.0)
    assert (noted.what, noted.record) == (what, now)


def test_a_lost_store_is_told_with_its_cause_and_signs_of_life_are_not() -> None:
    history = History()
    history.apply(Lost(Unreachable("etcd:2379", Cause.REFUSED)), 1.0)
    assert history.apply(Heard(), 2.0) == []
    assert history.apply(Loading(1, 2), 3.0) == []
    assert [(one.what, one.why) for one in history] == [(What.LOST, "refused: etcd:2379")]


def test_it_keeps_the_newest_and_numbers_go_on() -> None:
    history = History(kept=2)
    for at in range(4):
        history.apply(Removed(ONE), float(at))
    assert [(one.number, one.at) for one in history] == [(3, 2.0), (4, 3.0)]
    assert [one.number for one in reversed(history)] == [4, 3]
    assert len(history) == 2
    assert whats(history) == ["removed", "removed"]
