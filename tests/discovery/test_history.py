"""The history tells what happened, in order, and says no more than is known."""

from __future__ import annotations

import pytest

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.history import EventType, History
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import ObservedRemoval, Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.store import Cause, Heartbeat, Loading, Lost, TimeToLive, Unreachable
from tests.support import registered
from tests.support.registered import record

ONE = record(registered.instance(1))
OTHER = record(registered.instance(2))
CHANGED = record(registered.instance(1), revision="2")
EXPIRED = record(registered.instance(1), expired_at=5.0)
START = Resynced((), (), "")


def whats(history: History) -> list[str]:
    return [event.type.value for event in history]


def test_what_was_there_at_the_start_is_one_line() -> None:
    history = History()
    (noted,) = history.apply(Resynced((), (Added(ONE), Added(OTHER)), "42"), 1.0)
    assert noted.type is EventType.RESYNCED
    assert noted.why == Reason(ReasonKind.RESYNCED, added=2, revision="42", at_start=True)
    assert noted.record is None


def test_after_a_gap_each_difference_is_a_line_and_the_sum_comes_last() -> None:
    history = History()
    history.apply(START, 1.0)
    noted = history.apply(Resynced((Removed(ONE),), (Added(OTHER),), ""), 2.0)
    assert [(one.type, one.record) for one in noted] == [
        (EventType.REMOVED, ONE),
        (EventType.ADDED, OTHER),
        (EventType.RESYNCED, None),
    ]
    assert [one.why for one in noted] == [
        # It is asked for.
        None,
        Reason(ReasonKind.GAP, after_gap=True),
        Reason(ReasonKind.RESYNCED, added=1, removed=1),
    ]
    assert noted[0].removal == ObservedRemoval(ONE, 2.0, 2.0, after_gap=True)


@pytest.mark.parametrize(
    ("previous", "now", "what"),
    [
        (None, ONE, EventType.ADDED),
        (ONE, CHANGED, EventType.CHANGED),
        (ONE, EXPIRED, EventType.EXPIRED),
        (EXPIRED, ONE, EventType.REVIVED),
        (EXPIRED, CHANGED, EventType.CHANGED),
    ],
)
def test_an_added_record_is_told_by_what_it_replaces(
    previous: AnyRecord | None, now: AnyRecord, what: EventType
) -> None:
    (noted,) = History().apply(Added(now, previous), 1.0)
    assert (noted.type, noted.record) == (what, now)


def test_a_lost_store_is_told_with_its_cause_and_signs_of_life_are_not() -> None:
    history = History()
    history.apply(Lost(Unreachable("etcd:2379", Cause.REFUSED)), 1.0)
    assert history.apply(Heartbeat(), 2.0) == []
    assert history.apply(Loading(1, 2), 3.0) == []
    assert [(one.type, one.why) for one in history] == [
        (EventType.LOST, Reason(ReasonKind.LOST, error="refused: etcd:2379"))
    ]


def test_it_keeps_the_newest_and_numbers_go_on() -> None:
    history = History(kept=2)
    for at in range(4):
        history.apply(Removed(ONE), float(at))
    assert [(one.number, one.at) for one in history] == [(3, 2.0), (4, 3.0)]
    assert [one.number for one in reversed(history)] == [4, 3]
    assert len(history) == 2
    assert whats(history) == ["removed", "removed"]


def test_a_removal_has_what_was_known_of_it_at_that_moment() -> None:
    reading = LeaseTtl(TimeToLive(30.0, 22.0), 4.0)
    (noted,) = History().apply(
        Removed(ONE, "17"), 9.0, since=8.0, reading_of=lambda record: reading
    )
    assert noted.removal == ObservedRemoval(ONE, 9.0, 8.0, revision="17", reading=reading)
    assert noted.why is None


def test_a_key_registered_again_under_another_lease_was_replaced() -> None:
    again = record(registered.instance(1), revision="2", lease=0x7865)
    before = record(registered.instance(1), lease=0x1111)
    (noted,) = History().apply(Added(again, before), 1.0)
    assert (noted.type, noted.why) == (
        EventType.CHANGED,
        Reason(ReasonKind.NEW_LEASE, lease=0x7865),
    )
