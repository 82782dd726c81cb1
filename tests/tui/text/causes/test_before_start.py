"""What happened before the start is said with its revision, and with no time."""

from __future__ import annotations

from datetime import datetime

from backends.discovery.causes import EventCause
from backends.discovery.discovery import Resynced
from backends.discovery.earlier_events import earlier_events
from backends.discovery.history import Event, History
from backends.discovery.past_records import RecordChange
from backends.discovery.reasons import Reason, ReasonKind
from tests.support.registered import MALFORMED, card, instance, record
from tui.text.causes.cause_detail import cause_detail
from tui.text.causes.sentences import (
    cause_sentence,
    cause_why,
    hidden_before,
    kept_since,
    known_until,
    time_text,
)
from tui.text.detail import with_event
from tui.text.timestamps import time_of_day

NOON = 1_700_000_000.0
AT = f"{datetime.fromtimestamp(NOON):%Y-%m-%d %H:%M:%S}"
WORKER = [record(one, lease=0x697A) for one in (instance(0x697A), card(0x697A))]
MOVED = record(instance(0x697A), lease=0x697B)


def events(*changes: RecordChange) -> list[Event]:
    return earlier_events(changes, NOON, lambda _: 2)


STARTED = events(*(RecordChange(one, None, 40 + n) for n, one in enumerate(WORKER)))
ENDED = events(*(RecordChange(None, one, 50) for one in WORKER))


def test_a_start_and_an_end_have_their_revisions() -> None:
    assert cause_sentence(EventCause(STARTED)) == (
        "worker 697a prod/backend started: revision 40, before the start: acme/tiny-llm, "
        "10.0.0.122, 2 keys"
    )
    assert cause_sentence(EventCause(ENDED)) == (
        "worker 697a prod/backend removed: revision 50, before the start, 2 keys"
    )
    (moved,) = events(RecordChange(MOVED, WORKER[0], 45))
    assert cause_sentence(EventCause([moved])).endswith(
        "changed: revision 45, before the start: registered again under lease 697b"
    )


def test_the_detail_has_the_revision_of_each_event_and_no_time() -> None:
    fields = cause_detail(EventCause(STARTED)).fields
    assert fields[0] == (
        "when",
        f"before {AT}, revisions 40 to 41; the store keeps no time of it",
    )
    assert "why" not in dict(fields)
    assert fields[-2:] == (
        ("2 keys", "revision 40  + added  instance prod/backend/generate"),
        (" ", "revision 41  + added  card acme/tiny-llm"),
    )
    when = dict(cause_detail(EventCause(ENDED)).fields)["when"]
    assert when.startswith(f"before {AT}, revision 50;")
    alone = with_event(None, ENDED[0])
    assert alone.fields[0] == (
        "removed",
        f"revision 50, before the start (the store keeps no time of it: before {AT})",
    )


def test_what_is_not_known_of_a_start_leaves_its_revision_alone() -> None:
    broken = record(MALFORMED)
    (started,) = events(RecordChange(broken, None, 30))
    started.is_first = True
    assert cause_why(EventCause([started])) == "revision 30, before the start"


def test_where_no_time_is_known_neither_is_how_long_it_was_gone() -> None:
    (went,) = events(RecordChange(None, WORKER[0], 50))
    (back,) = events(RecordChange(WORKER[0], None, 52))
    back.went_before = went
    for event, revision in ((went, "50"), (back, "52")):
        event.why = Reason(ReasonKind.IN_THE_PAST, revision=revision)
    cause = EventCause([back])
    assert cause_why(cause) == "revision 52: after it went at revision 50"
    assert dict(cause_detail(cause).fields)["why"] == (
        "registered again, after it went at revision 50"
    )
    for event, at in ((went, NOON), (back, NOON + 42)):
        event.is_untimed, event.at = False, at
    assert cause_why(cause) == "revision 52: 42s after it went at revision 50"


def test_a_time_that_is_not_known_is_one_before() -> None:
    assert time_text(NOON, is_untimed=True) == f"<{time_of_day(NOON)}"
    assert time_text(NOON, is_untimed=False) == time_of_day(NOON)
    assert time_text(NOON, is_untimed=False, start=NOON + 60) == time_of_day(NOON)


def test_an_event_of_a_day_before_the_start_has_its_date() -> None:
    then = datetime(2026, 11, 28, 16, 4, 57)
    start = datetime(2026, 12, 1, 12, 0)
    text = time_text(then.timestamp(), is_untimed=False, start=start.timestamp())
    assert text == "11-28 16:04"
    later = start.timestamp() + 86_400
    assert time_text(later, is_untimed=False, start=start.timestamp()) == time_of_day(later)


def test_the_last_line_tells_the_start_and_how_many_are_from_before() -> None:
    history = History()
    history.apply(Resynced((), (), "50"), NOON)
    since = f"Kept since {time_of_day(NOON)}, dyntop's start; "
    assert kept_since(history) == f"{since}earlier events are not known"
    history.put_before(ENDED)
    assert kept_since(history) == f"{since}before it 2 that the store still knew"


def test_the_last_line_of_an_earlier_moment_tells_no_time_that_is_not_known() -> None:
    history = History(is_begun=True)
    assert known_until(history) == ""
    history.put_before(ENDED)
    assert known_until(history) == "The last 2 events up to this moment"
    for event in ENDED:
        event.is_untimed = False
    assert known_until(history) == (
        f"The last 2 events up to this moment, since {time_of_day(NOON)}"
    )


def test_what_a_filter_by_time_hides_is_counted() -> None:
    history = History()
    history.apply(Resynced((), (), "49"), NOON)
    at = time_of_day(NOON)
    some = hidden_before(history, 39)
    assert some == f"Kept since {at}; the filter hides 39 from before: they have no time"
    assert hidden_before(history, 1).endswith("hides 1 from before: it has no time")
