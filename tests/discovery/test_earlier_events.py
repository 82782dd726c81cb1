"""What a store still knew of before the start comes before all that is seen, and says no time."""

from __future__ import annotations

from collections import Counter

from backends.discovery.causes import CauseKind, Causes, EventCause
from backends.discovery.discovery import Added, Resynced
from backends.discovery.earlier_events import (
    earlier_events,
    events_of_objects,
    with_store_changes,
)
from backends.discovery.history import Event, EventType, History
from backends.discovery.past_records import RecordChange, StoreChange
from backends.discovery.reasons import ReasonKind
from backends.discovery.record_index import process_of
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.store import Entry, Lifetime, Owner, Revision
from tests.support.registered import KeyAndValue, card, instance
from tui.text.causes.sentences import cause_sentence

START = 1_700_000_000.0
A, B = 0xA1, 0xB2


def record(registered: KeyAndValue, lease: int) -> AnyRecord:
    return read(Entry(*registered, Revision("1"), lease))


ONE, TWO = record(instance(A), A), record(card(A), A)
OTHER = record(instance(B), B)
MOVED = record(instance(A, address="10.0.0.9:9000"), A)


def came(revision: int, *records: AnyRecord) -> list[RecordChange]:
    return [RecordChange(one, None, revision + number) for number, one in enumerate(records)]


def went(revision: int, *records: AnyRecord) -> list[RecordChange]:
    return [RecordChange(None, one, revision) for one in records]


def events_of(*changes: list[RecordChange], left: tuple[AnyRecord, ...] = ()) -> list[Event]:
    """`left`: what is registered after all of them."""
    keys = Counter(map(process_of, left))
    flat = [change for some in changes for change in some]
    return earlier_events(flat, START, lambda record: keys[process_of(record)])


def causes_of(*groups: list[Event]) -> list[EventCause]:
    history = History()
    history.apply(Resynced((), (), "9"), START)
    causes = Causes(Lifetime.LEASED)
    causes.follow(history)
    for events in groups:
        history.put_before(events)
    causes.follow(history)
    return list(causes.newest_first())


def test_each_change_is_an_event_before_all_others_with_its_revision_and_no_time() -> None:
    events = events_of(
        came(3, ONE), [RecordChange(MOVED, ONE, 4), RecordChange(MOVED, MOVED, 5)], went(6, MOVED)
    )
    # What was written again the same is no event.
    assert [(one.number, one.type, one.why and one.why.revision) for one in events] == [
        (-2, EventType.ADDED, "3"),
        (-1, EventType.CHANGED, "4"),
        (0, EventType.REMOVED, "6"),
    ]
    assert {(one.at, one.is_untimed) for one in events} == {(START, True)}
    assert {one.why and one.why.kind for one in events} == {ReasonKind.BEFORE_START}


def test_a_time_that_a_store_keeps_is_that_of_the_event() -> None:
    (event,) = earlier_events([RecordChange(ONE, None, 3, START - 60)], START, lambda _: 1)
    assert (event.at, event.is_untimed) == (START - 60, False)


def test_a_process_started_where_nothing_of_it_was_left_by_what_is_there_now() -> None:
    first, second = events_of(came(3, ONE, TWO), left=(ONE, TWO))
    assert (first.is_first, second.is_first) == (True, False)
    # One more key of it is there, which came before all that is known.
    (event,) = events_of(came(3, TWO), left=(ONE, TWO))
    assert not event.is_first
    *_, again = events_of(came(3, ONE), went(4, ONE), came(5, ONE), left=(ONE,))
    assert again.is_first


def test_causes_of_before_the_start_are_told_apart_by_steps_and_not_by_times() -> None:
    gone = went(6, ONE)
    causes = causes_of(
        events_of(came(3, ONE, TWO), gone, went(8, TWO), came(9, OTHER), left=(OTHER,))
    )
    assert [(one.kind, len(one.events)) for one in causes] == [
        (CauseKind.RESYNCED, 1),
        (CauseKind.STARTED, 1),
        (CauseKind.REMOVED, 1),
        (CauseKind.REMOVED, 1),
        (CauseKind.STARTED, 2),
    ]
    (_, _, ended, *_) = causes_of(events_of(came(3, ONE, TWO), went(6, ONE, TWO), came(9, OTHER)))
    assert len(ended.events) == 2
    assert cause_sentence(ended).endswith(": revision 6, before the start, 2 keys")


def test_what_comes_after_the_start_is_no_part_of_what_was_before() -> None:
    history = History()
    history.apply(Resynced((), (Added(ONE),), "9"), START)
    history.put_before(events_of(came(3, ONE), left=(ONE,)))
    history.apply(Added(TWO), START + 1)
    causes = Causes(Lifetime.LEASED)
    causes.follow(history)
    added, _, started = causes.newest_first()
    assert (len(added.events), len(started.events)) == (1, 1)
    assert [one.number for one in history] == [0, 1, 2]
    assert history.start is not None
    assert history.start.number == 1


def test_earlier_events_push_out_no_later_ones() -> None:
    history = History(kept=3)
    for number in range(2):
        history.apply(Resynced((), (), str(number)), START)
    history.put_before(events_of(came(3, ONE, TWO, OTHER)))
    assert [one.number for one in history] == [0, 1, 2]
    history.put_before([])
    assert len(history) == 3


def in_object(name: str, created: float, applied: float | None, *keys: bytes) -> list[AnyRecord]:
    made = Owner("prod", name, name, created_at=created, applied_at=applied)
    return [read(Entry(key, b"{}", Revision("1"), owner=made)) for key in keys]


def test_objects_of_the_last_minutes_tell_when_what_they_hold_came() -> None:
    events = events_of_objects(
        [
            *in_object("b", START - 30, START - 30, b"v1/claims/1", b"v1/claims/2"),
            *in_object("a", START - 90, START - 10, b"v1/claims/3"),
            *in_object("long ago", START - 3600, START - 10, b"v1/claims/4"),
            *in_object("by hand", START - 5, None, b"v1/claims/5"),
            *in_object("clock ahead", START + 5, START + 5, b"v1/claims/6"),
        ],
        START,
    )
    found = [(one.number, one.record and one.record.key[-1:], one.at - START) for one in events]
    assert found == [(-2, b"3", -10), (-1, b"1", -30), (0, b"2", -30)]
    assert [one.is_untimed for one in events] == [True, False, False]
    assert [one.is_first for one in events] == [True, True, False]


def test_what_was_of_the_store_comes_between_and_counts_what_is_shown() -> None:
    changes = [*came(1, ONE), *went(5, ONE, OTHER), *came(9, OTHER)]
    of_store = [
        StoreChange(START - 9, 1, "away"),
        StoreChange(START - 5, 3, differences=2, revision="5"),
        StoreChange(START - 4, 3, "away again"),
    ]
    shown = [one for one in changes if one.latest is not OTHER]
    events = with_store_changes(
        earlier_events(shown, START, lambda _: 0), changes, of_store, lambda one: one in shown
    )
    assert [(one.number, one.type) for one in events] == [
        (-4, EventType.ADDED),
        (-3, EventType.LOST),
        (-2, EventType.REMOVED),
        (-1, EventType.RESYNCED),
        (0, EventType.LOST),
    ]
    _, lost, gone, resynced, _ = [one.why for one in events]
    assert lost is not None
    assert gone is not None
    assert resynced is not None
    assert (lost.error, gone.after_gap) == ("away", True)
    assert (resynced.added, resynced.removed, resynced.revision) == (0, 1, "5")
