"""What Overview has to say of a cluster, without a screen."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any

import pytest

from backends.discovery.discovery import Added, Removed, Resynced
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.liveness.judge import LeaseTtl
from backends.liveness.tracker import lease_or_key
from backends.memory import Keyspace, MemoryStore
from backends.store import Cause, Lost, TimeToLive, Unreachable
from tests.support.registered import (
    MALFORMED,
    UNKNOWN,
    KeyAndValue,
    card,
    channel,
    instance,
    record,
)
from tests.support.unseen import unseen
from tui.state.destinations import Destination
from tui.state.overview.contents import OverviewContents
from tui.state.overview.rows import OverviewPart, OverviewRow, RowKind
from tui.state.overview.wrong_lines import MANY
from tui.state.tabs import TabId

NOW = 1_700_000_000.0
ROOM = 60


class Overviewed:
    """The contents over records in memory, of which the evidence is what a test says."""

    def __init__(self, *records: AnyRecord) -> None:
        self.dashboard = unseen(MemoryStore(Keyspace(lambda: NOW)), NOW)
        self.view = self.dashboard.view
        self.view.take([Resynced((), tuple(map(Added, records)), "1")], NOW)
        self.contents = OverviewContents(self.dashboard)
        self.changed()

    def changed(self) -> None:
        self.view.take_changes()
        self.contents.rebuild()

    def amended(self) -> None:
        """Take in only what changed."""
        self.contents.amend(self.view.take_changes())
        self.contents.catch_up()

    def renew(self, *leases: int, ago: float = 0.0) -> None:
        """These leases, of 30 s, were renewed so many seconds ago."""
        by_lease = {one.lease: one for one in self.view.cluster.records.values()}
        left = LeaseTtl(TimeToLive(30.0, 30.0 - ago), NOW)
        self.view.verdicts.observe_ttls({lease_or_key(by_lease[one]): left for one in leases})

    def rows(self, part: OverviewPart, room: int = ROOM) -> list[OverviewRow]:
        rows = self.contents.rows(room)
        return [row for row in rows if row.part is part and row.can_be_selected]

    def texts(self, part: OverviewPart, *columns: str, room: int = ROOM) -> list[tuple[str, ...]]:
        """The texts of some columns of the lines of a part."""
        return [_texts(row, columns) for row in self.rows(part, room) if row.kind is RowKind.LINE]

    def sentences(self, room: int = ROOM) -> list[str]:
        rows = self.rows(OverviewPart.WRONG, room)
        return [_sentence(row) for row in rows if row.kind is RowKind.REMARK]


def _texts(row: OverviewRow, columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row.cells[one].text if one in row.cells else "" for one in columns)


def _sentence(row: OverviewRow) -> str:
    return row.cells["text"].lead + row.cells["text"].text


def on_lease(lease: int, *registered: KeyAndValue) -> list[AnyRecord]:
    return [record(one, lease=lease) for one in registered]


def worker(number: int, **where: Any) -> list[AnyRecord]:
    """A worker with five keys."""
    return on_lease(
        number,
        instance(number, **where),
        card(number, **where),
        *(channel(0x1000 * number + one, f"topic-{one}") for one in range(3)),
    )


# --- nothing is wrong ----------------------------------------------------------------------------


def test_nothing_is_said_to_be_wrong_only_once_there_is_evidence_of_every_record() -> None:
    shown = Overviewed(*worker(1), *worker(2))
    assert shown.sentences() == ["? nothing so far: 10 records are unknown: no evidence yet"]
    shown.renew(1)
    shown.amended()
    assert shown.sentences() == ["? nothing so far: 5 records are unknown: no evidence yet"]
    shown.renew(2)
    shown.amended()
    assert shown.sentences() == ["● nothing: all 10 records are live"]


def test_calm_is_said_of_those_that_match_only_where_a_filter_leaves_records_out() -> None:
    shown = Overviewed(*worker(1))
    shown.renew(1)
    for sought, is_part in (("kind:stopped", False), ("10m", False), ("tiny-llm", True)):
        shown.view.narrow(sought)
        shown.changed()
        (sentence,) = shown.sentences()
        assert ("of those that match" in sentence) is is_part


def test_with_findings_it_says_what_is_not_known_yet_below_them() -> None:
    shown = Overviewed(*worker(1), *worker(2), record(MALFORMED))
    shown.renew(1)
    shown.changed()
    assert shown.texts(OverviewPart.WRONG, "state") == [("! malformed",)]
    assert shown.sentences() == ["? more may be wrong: 5 records are unknown: no evidence yet"]


def test_evidence_that_is_missing_is_no_calm() -> None:
    shown = Overviewed(*worker(1))
    shown.renew(1)
    shown.changed()
    shown.dashboard.trouble = "no permission to read leases"
    assert shown.sentences() == [
        "? nothing so far: evidence is missing: no permission to read leases"
    ]


def test_an_empty_store_is_not_said_to_be_well() -> None:
    shown = Overviewed()
    assert shown.sentences() == [
        "? Nothing is registered yet: workers show up here when they start"
    ]


def test_before_anything_was_read_there_is_no_row() -> None:
    dashboard = unseen(MemoryStore(Keyspace(lambda: NOW)), NOW)
    contents = OverviewContents(dashboard)
    contents.rebuild()
    assert contents.rows(ROOM) == []


def test_what_a_lost_store_had_last_is_no_calm() -> None:
    shown = Overviewed(*worker(1))
    shown.renew(1)
    shown.changed()
    shown.view.take([Lost(Unreachable("etcd:2379", Cause.REFUSED))], NOW)
    (said,) = shown.texts(OverviewPart.WRONG, "state", "why")
    assert said[0] == "✗ disconnected"
    assert "nothing:" not in " ".join(shown.sentences())


# --- one line a cause ----------------------------------------------------------------------------


def test_a_worker_with_many_keys_is_one_line_with_their_number() -> None:
    shown = Overviewed(*worker(0x1A), *worker(2))
    shown.renew(2)
    shown.renew(0x1A, ago=25)
    shown.changed()
    columns = ("state", "name", "worker", "host", "keys")
    assert shown.texts(OverviewPart.WRONG, *columns) == [
        ("◐ late", "prod/backend", "1a", "10.0.0.26", "5")
    ]
    (row,) = shown.rows(OverviewPart.WRONG)
    assert len(shown.contents.records(row)) == 5
    assert shown.contents.destination(row) == Destination(TabId.WORKERS, 0x1A)


def test_a_process_with_several_ids_has_the_one_that_it_has_in_workers() -> None:
    # A key without a readable value, of which the id is no lease.
    shown = Overviewed(*on_lease(1, instance(1), MALFORMED))
    shown.renew(1)
    shown.changed()
    (row,) = shown.rows(OverviewPart.WRONG)
    assert row.cells["worker"].text == "2× 1"


def test_the_worst_comes_first_and_of_equal_ones_that_with_most_keys() -> None:
    shown = Overviewed(*worker(1), *on_lease(2, instance(2)), record(MALFORMED))
    shown.renew(1, 2, ago=25)
    shown.changed()
    found = shown.texts(OverviewPart.WRONG, "state", "worker")
    assert found == [("◐ late", "1"), ("◐ late", "2"), ("! malformed", "bad")]


def test_a_key_of_no_known_process_is_a_line_that_leads_to_it() -> None:
    shown = Overviewed(record(MALFORMED), record(UNKNOWN))
    shown.changed()
    rows = shown.rows(OverviewPart.WRONG)
    assert {shown.contents.destination(row) for row in rows if row.kind is RowKind.LINE} >= {
        Destination(TabId.WORKERS, 0xBAD)
    }


def prefill(number: int) -> list[AnyRecord]:
    key, value = card(number, "acme/big", component="prefill")
    needs = b'"card_json":{"worker_type":"prefill","needs":[["decode"]],'
    needing = value.replace(b'"card_json":{', needs)
    return on_lease(number, instance(number, component="prefill"), (key, needing))


def test_workers_that_wait_for_a_role_are_one_line_of_their_model() -> None:
    shown = Overviewed(*prefill(1), *prefill(2), *prefill(3))
    shown.renew(1, 2, 3)
    shown.changed()
    columns = ("state", "name", "keys", "why")
    assert shown.texts(OverviewPart.WRONG, *columns) == [
        ("≠ not served", "acme/big", "3", "no decode worker")
    ]
    (row,) = shown.rows(OverviewPart.WRONG)
    assert shown.contents.destination(row) == Destination(TabId.MODELS, ("acme/big",))
    assert shown.texts(OverviewPart.MODELS, "model", "routable") == [("acme/big", "prefill 0/3")]


def test_a_model_that_no_worker_serves_comes_before_its_dead_worker() -> None:
    shown = Overviewed(*on_lease(1, card(1)))
    shown.renew(1)
    shown.changed()
    states = [state for (state,) in shown.texts(OverviewPart.WRONG, "state")]
    assert states[0] == "≠ not served"


# --- models, scopes and filters ------------------------------------------------------------------


def test_a_model_of_two_namespaces_has_a_line_for_each_below_it() -> None:
    shown = Overviewed(*worker(1), *worker(2, namespace="staging"))
    shown.renew(1, 2)
    shown.changed()
    assert shown.texts(OverviewPart.MODELS, "model", "where", "routable") == [
        ("acme/tiny-llm", "2 namespaces", "aggregated 2/2"),
        ("prod", "", "aggregated 1/1"),
        ("staging", "", "aggregated 1/1"),
    ]


def test_a_scope_and_a_filter_leave_what_is_in_them() -> None:
    shown = Overviewed(
        *worker(1), *on_lease(2, instance(2, "staging"), card(2, namespace="staging"))
    )
    shown.renew(1, 2, ago=25)
    shown.changed()
    shown.dashboard.scope = ("staging",)
    shown.contents.rebuild()
    assert shown.texts(OverviewPart.WRONG, "worker", "keys") == [("2", "2")]
    assert shown.texts(OverviewPart.MODELS, "where") == [("staging",)]
    shown.dashboard.scope = ()
    shown.view.narrow("10.0.0.1")
    shown.contents.rebuild()
    assert shown.texts(OverviewPart.WRONG, "worker") == [("1",)]


def test_what_is_amended_is_what_is_rebuilt() -> None:
    shown = Overviewed(*worker(1), *worker(2))
    shown.renew(1, 2)
    shown.amended()
    steps: list[Callable[[], object]] = [
        lambda: shown.renew(1, ago=25),
        lambda: shown.view.take([Added(one) for one in prefill(3)], NOW),
        lambda: shown.view.take([Removed(worker(2)[0], "7")], NOW),
        lambda: shown.view.take([Added(record(MALFORMED))], NOW),
        lambda: shown.renew(1),
    ]
    for step in steps:
        step()
        shown.amended()
        amended = shown.contents.rows(ROOM)
        shown.contents.rebuild()
        assert shown.contents.rows(ROOM) == amended


# --- the room of a screen ------------------------------------------------------------------------


def test_an_event_of_one_key_has_the_id_in_it_as_in_events() -> None:
    # Of a channel: its publisher's, which is not its worker's.
    (publisher,) = on_lease(1, channel(0x77))
    shown = Overviewed(*on_lease(1, instance(1)))
    shown.view.take([Added(publisher)], NOW + 60)
    shown.changed()
    ((event, _), *_) = shown.texts(OverviewPart.EVENTS, "id", "what")
    assert event == "77"


def test_a_line_of_events_stays_as_it_is_until_a_reason_is_found() -> None:
    shown = Overviewed(*worker(1))
    (gone,) = shown.view.take([Removed(worker(1)[0])], NOW)
    before = shown.rows(OverviewPart.EVENTS)
    assert all(map(is_, shown.rows(OverviewPart.EVENTS), before))
    gone.why = Reason(ReasonKind.STOPPED)
    assert shown.texts(OverviewPart.EVENTS, "what")[0] == ("- stopped",)


def test_the_few_cards_of_a_model_stay_the_same_as_long_as_they_are_registered() -> None:
    shown = Overviewed(*(one for number in range(1, 10) for one in worker(number)))

    def few() -> list[int | None]:
        (row,) = shown.rows(OverviewPart.MODELS)
        return [one.id.instance_id for one in shown.contents.some_records(row, 4)]

    assert few() == [1, 2, 3, 4]
    shown.renew(2, 8)
    shown.view.take([Added(one) for one in worker(0)], NOW)
    shown.amended()
    assert few() == [1, 2, 3, 4]
    shown.view.take([Removed(one) for one in worker(2)], NOW)
    shown.amended()
    assert few() == [0, 1, 3, 4]


def test_how_a_model_is_served_is_looked_at_again_only_where_its_routing_may_be_another() -> None:
    shown = Overviewed(*worker(1), *worker(2))
    shown.renew(1, 2)
    changes = shown.view.take_changes()
    assert len(changes.models) == 1
    assert not changes.served
    # An instance that goes takes its card along, and a key that may not be read may be one.
    shown.view.take([Removed(worker(1)[0])], NOW)
    assert shown.view.take_changes().served == changes.models
    shown.view.verdicts.set_complete(False)
    assert shown.view.take_changes().served == changes.models


def test_of_three_hundred_causes_the_worst_are_shown_and_the_others_counted() -> None:
    workers = [one for number in range(1, 301) for one in worker(number)]
    shown = Overviewed(*workers)
    shown.renew(*range(1, 301), ago=25)
    shown.changed()
    rows = shown.contents.rows(20)
    assert len(rows) + 1 <= 20
    lines = [row for row in rows if row.part is OverviewPart.WRONG]
    assert _sentence(lines[-1]) == f"… and {300 - len(lines) + 1} more: ! shows only findings"
    assert shown.contents.destination(lines[-1]) == Destination(TabId.WORKERS, only_findings=True)


@pytest.mark.parametrize("room", [3, 6, 9, 13, 20, 40])
def test_the_rows_never_need_more_lines_than_there_are(room: int) -> None:
    models = [card(number, f"acme/model-{number}") for number in range(1, 20)]
    shown = Overviewed(*(record(one) for one in models), *worker(0x77))
    shown.changed()
    assert len(shown.contents.rows(room)) + 1 <= max(room, 7)


def test_the_detail_of_a_model_names_its_workers_and_hosts_and_why_one_serves_nothing() -> None:
    shown = Overviewed(*worker(1), *worker(2), *on_lease(3, card(3)))
    shown.renew(1, 2, 3)
    shown.changed()
    (row,) = shown.rows(OverviewPart.MODELS)
    detail = shown.contents.detail(row)
    assert detail is not None
    text = "\n".join(f"{label} {value}" for label, value in detail.fields)
    assert "2/3 routable" in text
    assert "10.0.0.1" in text
    assert "why not 3 ▽ drained: drained or deleted, its lease is alive" in text


def test_of_very_many_causes_one_that_went_is_gone_at_once_and_a_worse_one_comes_in_a_second() -> (
    None
):
    many = range(1, MANY + 10)
    shown = Overviewed(*(one for number in many for one in on_lease(number, instance(number))))
    shown.renew(*many, ago=25)
    shown.changed()
    (first, *_) = shown.texts(OverviewPart.WRONG, "worker", room=20)
    shown.view.take([Removed(record(instance(int(first[0], 16))), "9")], NOW)
    shown.contents.amend(shown.view.take_changes())
    assert first not in shown.texts(OverviewPart.WRONG, "worker", room=20)
    shown.view.take([Added(one) for one in prefill(0x9999)], NOW)
    shown.contents.amend(shown.view.take_changes())
    shown.contents.catch_up()
    assert shown.texts(OverviewPart.WRONG, "name", room=20)[0] == ("acme/big",)
