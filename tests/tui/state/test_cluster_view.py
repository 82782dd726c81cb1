"""The view says what it knows and no more: the link, the counts, the filter, the freeze."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added, Removed, Resynced, WatchEvent
from backends.discovery.history import KEPT, EventType
from backends.discovery.record_index import RecordIndex, Selection
from backends.dynamo import lookup
from backends.dynamo.ids import Kind
from backends.store import Cause, Heartbeat, Lifetime, Loading, Lost, Unreachable
from tests.discovery.test_cluster import answers, answers_on_places, scopes_in
from tests.support import events, registered
from tests.support.events import Event
from tests.support.registered import record
from tui.state.cluster_view import Changes, ClusterView
from tui.state.narrowing import searchable
from tui.state.store_state import LinkState

ONE = record(registered.instance(1))
OTHER = record(registered.instance(2))
GONE = Lost(Unreachable("etcd:2379", Cause.REFUSED))
EMPTY = Resynced((), (), "")


def view_after(*told: WatchEvent) -> ClusterView:
    """Each event in a batch of its own, one second after the other, from 0 on."""
    view = ClusterView(0.0, Lifetime.LEASED)
    for at, event in enumerate(told):
        view.take([event], float(at))
    return view


@pytest.mark.parametrize(
    ("told", "link", "since"),
    [
        ([], LinkState.CONNECTING, 0),
        ([Loading(10, None)], LinkState.LOADING, 0),
        ([Loading(10, 20), EMPTY], LinkState.CONNECTED, 1),
        ([EMPTY, Heartbeat(), Added(ONE)], LinkState.CONNECTED, 0),
        ([EMPTY, EMPTY], LinkState.CONNECTED, 0),
        ([GONE], LinkState.DISCONNECTED, 0),
        ([EMPTY, GONE, GONE], LinkState.DISCONNECTED, 1),
        ([EMPTY, GONE, Heartbeat()], LinkState.DISCONNECTED, 1),
        ([EMPTY, GONE, Loading(1, 2)], LinkState.DISCONNECTED, 1),
        ([EMPTY, GONE, Loading(1, 2), EMPTY], LinkState.CONNECTED, 3),
    ],
)
def test_a_lost_store_is_disconnected_until_it_is_resynced(
    told: list[WatchEvent], link: LinkState, since: int
) -> None:
    state = view_after(*told).store
    assert (state.link, state.since) == (link, since)
    assert (state.error is not None) == (link is LinkState.DISCONNECTED)


def test_loading_is_told_while_it_lasts() -> None:
    assert view_after(EMPTY, GONE, Loading(5, 10)).store.loading == Loading(5, 10)
    assert view_after(EMPTY, GONE, Loading(5, 10), EMPTY).store.loading is None
    assert view_after(Loading(5, 10), GONE).store.loading is None


def test_nothing_is_complete_before_the_first_snapshot_and_all_is_after_it() -> None:
    assert not view_after(Loading(10, 20), GONE, Heartbeat()).complete
    assert view_after(EMPTY, GONE).complete


def test_the_age_of_the_data_counts_from_the_last_sign_of_life() -> None:
    assert view_after(Loading(1, 2), GONE).store.last_contact is None
    assert view_after(EMPTY, Added(ONE), Heartbeat(), GONE, GONE).store.last_contact == 2


def test_warnings_are_those_heard_last() -> None:
    assert view_after(EMPTY, Heartbeat(("no space",)), Added(ONE)).store.warnings == ("no space",)
    assert view_after(EMPTY, Heartbeat(("no space",)), Heartbeat()).store.warnings == ()


def test_the_rate_is_of_the_last_ten_seconds_and_without_the_first_snapshot() -> None:
    view = ClusterView(0.0, Lifetime.LEASED)
    view.take([Resynced((), (Added(ONE), Added(OTHER)), "")], 0.0)
    view.take([Removed(ONE), Removed(OTHER)], 1.0)
    view.take([Added(ONE), Heartbeat()], 5.0)
    assert view.rate(6.0) == pytest.approx(0.3)
    assert view.rate(11.0) == pytest.approx(0.1)
    assert view.rate(15.0) == 0


def test_an_event_can_be_seen_while_the_history_or_a_tombstone_has_it() -> None:
    view = view_after(EMPTY, Added(ONE), Added(OTHER))
    (first,) = view.take([Removed(ONE)], 3.0)
    (other,) = view.take([Removed(OTHER)], 3.0)
    assert view.still_shows(first)
    for _ in range(KEPT // 2 + 1):
        view.take([Added(ONE), Removed(ONE)], 4.0)
    assert not view.still_shows(first)
    assert view.still_shows(other)


def test_while_frozen_nothing_changes_and_what_waits_is_counted() -> None:
    view = view_after(Resynced((), (Added(ONE),), ""))
    view.freeze(True)
    view.take([Removed(ONE), Resynced((), (Added(ONE), Added(OTHER)), "")], 5.0)
    assert list(view.cluster.records) == [ONE.key]
    assert view.waiting == 3
    assert len(view.events()) == 1
    view.freeze(False)
    assert list(view.cluster.records) == [ONE.key, OTHER.key]
    assert len(view.events()) > 1


def test_while_frozen_the_state_of_the_store_is_still_told() -> None:
    view = view_after(EMPTY)
    view.freeze(True)
    noted = view.take([GONE], 5.0)
    assert view.store.link is LinkState.DISCONNECTED
    assert [one.type for one in noted] == [EventType.LOST]


@given(events.events, st.lists(st.booleans(), max_size=25))
def test_freezing_at_any_time_loses_nothing(told: list[Event], freezes: list[bool]) -> None:
    frozen, plain = ClusterView(0.0, Lifetime.LEASED), ClusterView(0.0, Lifetime.LEASED)
    for at, event in enumerate(told):
        if at < len(freezes):
            frozen.freeze(freezes[at])
        frozen.take([event], float(at))
        plain.take([event], float(at))
    frozen.freeze(False)
    scopes = scopes_in(told)
    assert answers(frozen.cluster, scopes) == answers(plain.cluster, scopes)
    assert seen(frozen) == seen(plain)
    assert happened(frozen) == happened(plain)
    assert frozen.waiting == 0


def seen(view: ClusterView) -> dict[bytes, FirstSeen]:
    return {key: view.cluster.first_seen(key) for key in view.cluster.records}


def happened(view: ClusterView) -> list[tuple[Any, ...]]:
    return [(one.at, one.type, one.record, one.why) for one in view.history]


filters = st.sampled_from(["", "a", "b", "a b", "1", "tcp", "generate", "é", "model", " A "])


@given(events.events, st.lists(st.none() | filters, max_size=25))
def test_a_filter_set_at_any_time_shows_what_filtering_everything_shows(
    told: list[Event], chosen: list[str | None]
) -> None:
    view = view_after(EMPTY)
    for at, event in enumerate(told):
        view.take([event], float(at))
        if at < len(chosen) and (text := chosen[at]) is not None:
            view.narrow(text)
        view.take_changes()
        words = [lookup.needles(word) for word in lookup.words(view.filter)]
        expected = Cluster()
        for one in view.cluster.records.values():
            if lookup.is_in(words, searchable(one)):
                expected.put(one, FirstSeen(0.0, was_there=True))
        scopes = scopes_in(told)
        chosen_ones: RecordIndex = expected
        if view.narrowed:
            chosen_ones = Selection(expected, expected.records)
        found = answers_on_places(view.shown, scopes)
        assert found == answers_on_places(chosen_ones, scopes)


@given(events.events, st.lists(st.none() | filters, max_size=25), st.integers(1, 3))
def test_a_filter_that_is_looked_for_while_records_change_shows_what_it_shows_at_once(
    told: list[Event], chosen: list[str | None], step: int
) -> None:
    view, other = (ClusterView(0.0, Lifetime.LEASED, step=each) for each in (step, 1000))
    for each in (view, other):
        each.take([EMPTY], 0.0)
    for at, event in enumerate(told):
        for each in (view, other):
            each.take([event], float(at))
            each.take_changes()
        shown_before = dict(view.shown.records)
        if at < len(chosen) and (text := chosen[at]) is not None:
            if not view.begin_filter(text):
                assert view.shown.records == shown_before
            other.narrow(text)
        else:
            view.go_on_with_filter()
    view.finish_filter()
    assert view.filter == other.filter
    scopes = scopes_in(told)
    assert answers_on_places(view.shown, scopes) == answers_on_places(other.shown, scopes)


@given(events.events, filters, st.integers(1, 3), st.integers(0, 40))
def test_a_first_snapshot_taken_in_step_by_step_is_as_if_taken_in_at_once(
    told: list[Event], text: str, step: int, left_after: int
) -> None:
    snapshot = Resynced((), tuple(map(Added, events.contents(told).values())), "")
    view, other = (ClusterView(0.0, Lifetime.LEASED, step=each) for each in (step, 1000))
    for number, _ in enumerate(view.load(snapshot, 1.0)):
        assert not view.complete
        assert not view.shown.records
        assert view.take_changes() == Changes()
        if number == 0:
            view.narrow(text)
            assert not view.shown.records
        if number == left_after:
            break
    view.narrow(text)
    for each in (view, other):
        each.take([snapshot], 1.0)
        each.take_changes()
    other.narrow(text)
    scopes = scopes_in([snapshot])
    assert answers(view.cluster, scopes) == answers(other.cluster, scopes)
    assert answers_on_places(view.shown, scopes) == answers_on_places(other.shown, scopes)
    assert seen(view) == seen(other)
    for key in view.cluster.records:
        assert view.verdicts.of(key) is other.verdicts.of(key)
        assert view.verdicts.serving.routing(key) == other.verdicts.serving.routing(key)
        assert view.models.of({key}) == other.models.of({key})


def test_a_filter_asks_for_every_word_in_any_order_and_case() -> None:
    view = view_after(Resynced((), (Added(ONE), Added(OTHER)), ""))
    view.narrow("  GENERATE 10.0.0.2 ")
    assert list(view.shown.records) == [OTHER.key]
    view.narrow("generate nowhere")
    assert not view.shown.records
    view.narrow(" ")
    assert view.shown is view.cluster


@pytest.mark.parametrize(
    "text",
    ["prod", "prod/backend/generate", "1a2b", "10.0.0.43:9000", "tcp", "v1/instances/prod"],
)
def test_names_ids_addresses_and_keys_are_found(text: str) -> None:
    assert text in searchable(record(registered.instance(0x1A2B)))


@pytest.mark.parametrize(
    "text",
    [
        *("52cba2252f21fb17", "52CBA2252F21FB17", "0x52cba2252f21fb17", "0X52CBA2252F21FB17"),
        *("5966040411970599703", "59660404119", "instance_id=5966040411970599703"),
        *("instance_id: 5966040411970599703,", '"instance_id":5966040411970599703', "52cba225"),
        *("instance_id=52cba2252f21fb17", "tcp://10.0.0.23:9000", "lease=1234567", "0x12d687"),
    ],
)
def test_an_id_is_found_however_it_is_written(text: str) -> None:
    """Case: `/` with an id as Dynamo's logs and `/health` print it found nothing."""
    view = view_after(EMPTY)
    found = record(registered.instance(0x52CBA2252F21FB17), lease=1234567)
    view.take([Added(found), Added(OTHER)], 0.0)
    view.take_changes()
    view.narrow(text)
    assert list(view.shown.records) == [found.key]


def test_a_record_is_found_by_the_id_in_its_body_where_clients_route_by_that() -> None:
    view = view_after(EMPTY)
    key, value = registered.instance(0x52CBA2252F21FB17)
    found = record((key.replace(b"52cba2252f21fb17", b"1a2b"), value))
    view.take([Added(found), Added(OTHER)], 0.0)
    view.take_changes()
    for text in ("5966040411970599703", "0x52cba2252f21fb17", "1a2b"):
        view.narrow(text)
        assert list(view.shown.records) == [found.key], text


def test_a_short_number_is_found_in_ids_as_a_whole() -> None:
    view = view_after(EMPTY)
    ten, hundred = (record(registered.instance(number)) for number in (10, 100))
    view.take([Added(ten), Added(hundred)], 0.0)
    view.take_changes()
    view.narrow("100 backend")
    assert list(view.shown.records) == [hundred.key]


def test_a_model_is_found_by_its_name_its_base_and_what_is_wrong_with_it() -> None:
    lora = searchable(record(registered.card(1, "acme/tiny", "acme/sql")))
    assert "acme/sql" in lora
    assert "acme/tiny" in lora
    assert "not json" in searchable(record(registered.MALFORMED))


def test_the_changes_of_what_is_shown_are_told_with_a_filter_and_without() -> None:
    view = view_after(EMPTY)
    view.narrow("10.0.0.1")
    view.take([Added(ONE), Added(OTHER)], 5.0)
    changes = view.take_changes()
    assert changes.keys == {ONE.key}
    assert ("prod", "backend", "generate") in changes.scopes
    view.take([Removed(ONE)], 6.0)
    assert view.take_changes().keys == {ONE.key}
    assert view.shown.count(Kind.ENDPOINT) == 0
    view.narrow("")
    view.take([Removed(OTHER)], 7.0)
    assert view.take_changes().keys == {OTHER.key}


def test_a_filter_that_was_prepared_follows_what_changed_before_it_was_typed() -> None:
    view = view_after(EMPTY)
    one, other = record(registered.instance(0x1A)), record(registered.instance(0x2B))
    view.cluster.put(one, FirstSeen(0.0, was_there=True))
    view.take_changes()
    list(view.prepare_filter())
    view.cluster.put(other, FirstSeen(1.0, was_there=False))
    view.take_changes()
    view.narrow("2b")
    assert set(view.shown.records) == {other.key}
