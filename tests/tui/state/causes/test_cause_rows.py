"""The rows of Events: what a filter shows of the causes, and each event below its own."""

from __future__ import annotations

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.past_records import RecordChange
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.store import Cause, Lifetime, Lost, Unreachable
from tests.support.registered import card, instance, record
from tui.state.causes.cause_rows import CauseRow, CauseRows
from tui.state.cluster_view import ClusterView

LOST = Lost(Unreachable("etcd:2379", Cause.REFUSED))
STOPPED = Reason(ReasonKind.STOPPED, left=22.0, granted=30.0)


def worker(lease: int, namespace: str = "prod") -> list[AnyRecord]:
    made = (instance(lease, namespace), card(lease, namespace=namespace))
    return [record(one, lease=lease) for one in made]


class Rows:
    """Rows over a view, on a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.view = ClusterView(self.now, Lifetime.LEASED)
        self.view.take([Resynced((), (), "1")], self.now)
        self.rows = CauseRows(self.view, lambda: self.now)

    def come(self, *records: AnyRecord) -> None:
        self.view.take([Added(one) for one in records], self.now)
        self.view.take_changes()

    def go(self, *records: AnyRecord) -> None:
        for event in self.view.take([Removed(one) for one in records], self.now):
            event.why = STOPPED

    def shown(self, text: str = "", opened: tuple[int, ...] = ()) -> list[CauseRow]:
        self.view.narrow(text)
        return self.rows.rows(opened, lambda rows: None)

    def kinds(self, text: str = "") -> list[str]:
        return [row.cause.kind.value for row in self.shown(text)]


def test_an_open_row_has_all_its_events_below_it_and_tells_of_each_once() -> None:
    rows = Rows()
    rows.come(*worker(1))
    rows.go(*worker(1))
    (stopped, started, start) = rows.shown()
    assert [one.opened for one in (stopped, started, start)] == [False, False, None]
    assert rows.rows.why(stopped) == "in order: lease revoked with 22 of 30 s left, 2 keys"
    opened = rows.shown(opened=(started.cause.number, stopped.cause.number))
    assert [row.level for row in opened] == [0, 1, 1, 0, 1, 1, 0]
    assert [row.key for row in opened[:3]] == [(4,), (4, 5), (4, 4)]
    assert [row.event for row in opened[1:3]] == list(reversed(stopped.cause.events))
    assert [rows.rows.why(row) for row in opened[1:3]] == ["", ""]
    shown = {one.number for row in opened for one in ([row.event] if row.event else [])}
    assert shown == {one.number for one in rows.view.history}


def test_a_filter_looks_at_causes_and_at_their_events() -> None:
    rows = Rows()
    rows.come(*worker(0xA1))
    rows.come(*worker(0xB2, "staging"))
    rows.go(*worker(0xA1))
    rows.view.take([LOST], rows.now)
    found = ["lost", "stopped", "started", "started", "resynced"]
    for text, kinds in {
        "": found,
        "a1": ["stopped", "started"],
        "b2": ["started"],
        "removed": ["stopped"],
        "host=10.0.0.161": ["stopped", "started"],
        "177": [],
        "178": ["started"],
        "tiny-llm card": ["stopped", "started", "started"],
        "kind:stopped": ["stopped"],
        "kind:st": ["lost", "stopped", "started", "started", "resynced"],
        "kind:model": ["stopped", "started", "started"],
        "kind:lora": [],
        "ns:staging": ["started"],
        "ns:prod worker": ["stopped", "started"],
        "nowhere": [],
    }.items():
        assert rows.kinds(text) == kinds, text


def test_a_reason_that_is_found_later_is_searched_too() -> None:
    rows = Rows()
    rows.come(*worker(1))
    gone = rows.view.take([Removed(worker(1)[0])], rows.now)
    assert rows.kinds("revoked") == []
    gone[0].why = STOPPED
    assert rows.kinds("revoked") == ["stopped"]


def test_rows_leave_as_they_age_and_not_before() -> None:
    rows = Rows()
    rows.come(*worker(1))
    rows.now += 30
    rows.go(*worker(1))
    rows.now += 20
    assert rows.kinds("1m") == ["stopped", "started", "resynced"]
    assert not rows.rows.is_outdated()
    rows.now += 10
    assert rows.rows.is_outdated()
    assert rows.kinds("1m") == ["stopped"]
    rows.now += 29.9
    assert not rows.rows.is_outdated()
    # What stands still goes on standing.
    rows.view.freeze(True)
    assert rows.kinds("1m") == ["stopped"]
    rows.now += 30
    assert not rows.rows.is_outdated()
    assert rows.kinds("1m") == ["stopped"]
    rows.view.freeze(False)
    assert rows.kinds("1m") == []
    assert not rows.rows.is_outdated()


def test_a_time_hides_no_record() -> None:
    rows = Rows()
    rows.come(*worker(1))
    rows.now += 60
    assert rows.kinds("10s") == []
    assert not rows.view.narrowed
    assert set(rows.view.shown.records) == {one.key for one in worker(1)}
    rows.view.narrow("10s ns:staging")
    assert rows.view.narrowed
    assert not rows.view.shown.records


def test_a_frozen_view_shows_the_causes_of_then() -> None:
    rows = Rows()
    first, second = worker(1)
    rows.come(first)
    rows.view.freeze(True)
    rows.come(second)
    rows.come(*worker(2))
    assert [len(row.cause.events) for row in rows.shown()] == [1, 1]
    rows.view.freeze(False)
    assert [len(row.cause.events) for row in rows.shown()] == [2, 2, 1]


def test_a_worker_that_came_while_frozen_starts_once() -> None:
    rows = Rows()
    rows.view.freeze(True)
    one, other = worker(1)
    rows.come(one)
    rows.now += 60
    rows.come(other)
    rows.view.freeze(False)
    assert rows.kinds() == ["added", "started", "resynced"]


def test_what_has_no_time_is_in_no_span_of_time_and_keeps_each_revision() -> None:
    rows = Rows()
    changes = [RecordChange(one, None, 40 + n) for n, one in enumerate(worker(1))]
    rows.view.put_before(rows.view.earlier_events(changes))
    assert rows.kinds() == ["resynced", "started"]
    assert rows.kinds("10m") == ["resynced"]
    assert rows.kinds("before the start") == ["started"]
    _, started, *below = rows.shown(opened=(-1,))
    assert [row.is_untimed for row in (started, *below)] == [True, True, True]
    assert [rows.rows.why(row) for row in below] == ["revision 41, before the start", ""]


def test_a_filter_by_time_counts_what_it_hides_since_no_time_is_known() -> None:
    rows = Rows()
    changes = [RecordChange(one, None, 40 + n) for n, one in enumerate([*worker(1), *worker(2)])]
    rows.view.put_before(rows.view.earlier_events(changes))
    assert rows.kinds() == ["resynced", "started", "started"]
    assert rows.rows.without_time == 0
    assert rows.kinds("10m") == ["resynced"]
    assert rows.rows.without_time == 2
    # Of those that it would show otherwise.
    assert rows.kinds("10m ns:staging") == []
    assert rows.rows.without_time == 0


def test_a_reason_has_shorter_forms_that_say_no_more_than_the_whole() -> None:
    rows = Rows()
    changes = [RecordChange(one, None, 40 + n) for n, one in enumerate(worker(1))]
    rows.view.put_before(rows.view.earlier_events(changes))
    rows.come(*worker(2))
    rows.go(*worker(2))
    (stopped, started, start, before) = rows.shown()
    assert rows.rows.words(stopped) == ("in order: lease revoked with 22 of 30 s left", "in order")
    assert rows.rows.words(started) == ("acme/tiny-llm, 10.0.0.2", "acme/tiny-llm")
    assert rows.rows.words(before)[-1] == "revision 40"
    assert rows.rows.words(start) == ()
