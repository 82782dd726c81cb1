"""The detail of a cause: when, why, what its process was, and each of its events."""

from __future__ import annotations

from datetime import datetime

from backends.discovery.causes import EventCause
from backends.discovery.history import Event, EventType
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import ObservedRemoval, Reason, ReasonKind
from backends.store import TimeToLive
from tests.support.registered import card, instance, record
from tui.text.causes.cause_detail import MOST_EVENTS, cause_detail
from tui.text.timestamps import time_of_day

WORKER = [record(one, lease=0x697A) for one in (instance(0x697A), card(0x697A))]
STOPPED = Reason(ReasonKind.STOPPED, left=22.0, granted=30.0)
NOON = 1_700_000_000.0
AT = f"{datetime.fromtimestamp(NOON):%Y-%m-%d %H:%M:%S}"
TIME, LATER = time_of_day(NOON), time_of_day(NOON + 2)


def stopped() -> EventCause:
    gone = []
    for number, one in enumerate(WORKER):
        at = NOON + 2 * number
        reading = LeaseTtl(TimeToLive(30.0, 24.0), at - 2.0)
        removal = ObservedRemoval(one, at, at, reading=reading)
        gone.append(Event(number + 1, at, EventType.REMOVED, one, STOPPED, removal))
    return EventCause(gone)


def test_what_stopped_is_told_with_its_process_and_evidence() -> None:
    found = cause_detail(stopped(), now="nothing of it is registered", replaced_by="697b")
    assert found.title == "- worker prod/backend stopped"
    assert list(found.fields) == [
        ("when", f"{AT} to {LATER}"),
        ("why", "stopped in order: lease revoked with 22 of 30 s left"),
        ("evidence", "its lease had 24 of 30 s left when it was read last, 2s before"),
        ("worker", "697a, in decimal 27002"),
        ("models", "acme/tiny-llm"),
        ("host", "10.0.0.122"),
        ("endpoints", "prod/backend/generate"),
        ("replaced", "by 697b"),
        ("now", "nothing of it is registered"),
        ("2 keys", f"{TIME}  - removed  instance prod/backend/generate"),
        (" ", f"{LATER}  - removed  card acme/tiny-llm"),
    ]


def test_what_is_back_is_told_with_why_it_went() -> None:
    went = stopped().events[0]
    back = [Event(n, NOON + 32, EventType.ADDED, WORKER[0], went_before=went) for n in (8, 9)]
    fields = dict(cause_detail(EventCause(back)).fields)
    assert fields["why"] == (
        "registered again, 32s after it went: stopped in order: lease revoked with 22 of 30 s left"
    )


def test_a_lost_store_is_told_with_each_attempt() -> None:
    why = Reason(ReasonKind.LOST, error="refused")
    lost = [Event(n, NOON, EventType.LOST, None, why) for n in range(MOST_EVENTS + 5)]
    found = cause_detail(EventCause(lost))
    assert found.title == "✗ store lost"
    assert [label for label, _ in found.fields[:4]] == ["when", "why", "105 events", " "]
    assert found.fields[2][1] == f"{TIME}  ✗ lost  refused"
    assert found.fields[-1] == (" ", "… 105 in all")
    assert len(found.fields) == 2 + MOST_EVENTS + 1
