"""The monitor says what it knows and no more: the link, the counts, the filter, the freeze."""

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
from tui.state.monitor import Monitor, searchable
from tui.state.store_state import LinkState

ONE = record(registered.instance(1))
OTHER = record(registered.instance(2))
GONE = Lost(Unreachable("etcd:2379", Cause.REFUSED))
EMPTY = Resynced((), (), "")


def monitor_after(*told: WatchEvent) -> Monitor:
    """Each event in a batch of its own, one second after the other, from 0 on."""
    monitor = Monitor(0.0, Lifetime.LEASED)
    for at, event in enumerate(told):
        monitor.take([event], float(at))
    return monitor


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
    state = monitor_after(*told).store
    assert (state.link, state.since) == (link, since)
    assert (state.error is not None) == (link is LinkState.DISCONNECTED)


def test_loading_is_told_while_it_lasts() -> None:
    assert monitor_after(EMPTY, GONE, Loading(5, 10)).store.loading == Loading(5, 10)
    assert monitor_after(EMPTY, GONE, Loading(5, 10), EMPTY).store.loading is None
    assert monitor_after(Loading(5, 10), GONE).store.loading is None


def test_nothing_is_complete_before_the_first_snapshot_and_all_is_after_it() -> None:
    assert not monitor_after(Loading(10, 20), GONE, Heartbeat()).complete
    assert monitor_after(EMPTY, GONE).complete


def test_the_age_of_the_data_counts_from_the_last_sign_of_life() -> None:
    assert monitor_after(Loading(1, 2), GONE).store.heard_at is None
    assert monitor_after(EMPTY, Added(ONE), Heartbeat(), GONE, GONE).store.heard_at == 2


def test_warnings_are_those_heard_last() -> None:
    assert monitor_after(EMPTY, Heartbeat(("no space",)), Added(ONE)).store.warnings == (
        "no space",
    )
    assert monitor_after(EMPTY, Heartbeat(("no space",)), Heartbeat()).store.warnings == ()


def test_the_rate_is_of_the_last_ten_seconds_and_without_the_first_snapshot() -> None:
    monitor = Monitor(0.0, Lifetime.LEASED)
    monitor.take([Resynced((), (Added(ONE), Added(OTHER)), "")], 0.0)
    monitor.take([Removed(ONE), Removed(OTHER)], 1.0)
    monitor.take([Added(ONE), Heartbeat()], 5.0)
    assert monitor.rate(6.0) == pytest.approx(0.3)
    assert monitor.rate(11.0) == pytest.approx(0.1)
    assert monitor.rate(15.0) == 0


def test_a_happening_can_be_seen_while_the_history_or_a_tombstone_has_it() -> None:
    monitor = monitor_after(EMPTY, Added(ONE), Added(OTHER))
    (first,) = monitor.take([Removed(ONE)], 3.0)
    (other,) = monitor.take([Removed(OTHER)], 3.0)
    assert monitor.tells_of(first)
    for _ in range(KEPT // 2 + 1):
        monitor.take([Added(ONE), Removed(ONE)], 4.0)
    assert not monitor.tells_of(first)
    assert monitor.tells_of(other)


def test_while_frozen_nothing_changes_and_what_waits_is_counted() -> None:
    monitor = monitor_after(Resynced((), (Added(ONE),), ""))
    monitor.freeze(True)
    monitor.take([Removed(ONE), Resynced((), (Added(ONE), Added(OTHER)), "")], 5.0)
    assert list(monitor.cluster.records) == [ONE.key]
    assert monitor.waiting == 3
    assert len(monitor.happenings()) == 1
    monitor.freeze(False)
    assert list(monitor.cluster.records) == [ONE.key, OTHER.key]
    assert len(monitor.happenings()) > 1


def test_while_frozen_the_state_of_the_store_is_still_told() -> None:
    monitor = monitor_after(EMPTY)
    monitor.freeze(True)
    noted = monitor.take([GONE], 5.0)
    assert monitor.store.link is LinkState.DISCONNECTED
    assert [one.type for one in noted] == [EventType.LOST]


@given(events.events, st.lists(st.booleans(), max_size=25))
def test_freezing_at_any_time_loses_nothing(told: list[Event], freezes: list[bool]) -> None:
    frozen, plain = Monitor(0.0, Lifetime.LEASED), Monitor(0.0, Lifetime.LEASED)
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


def seen(monitor: Monitor) -> dict[bytes, FirstSeen]:
    return {key: monitor.cluster.first_seen(key) for key in monitor.cluster.records}


def happened(monitor: Monitor) -> list[tuple[Any, ...]]:
    return [(one.at, one.type, one.record, one.why) for one in monitor.history]


filters = st.sampled_from(["", "a", "b", "a b", "1", "tcp", "generate", "é", "model", " A "])


@given(events.events, st.lists(st.none() | filters, max_size=25))
def test_a_filter_set_at_any_time_shows_what_filtering_everything_shows(
    told: list[Event], chosen: list[str | None]
) -> None:
    monitor = Monitor(0.0, Lifetime.LEASED)
    for at, event in enumerate(told):
        monitor.take([event], float(at))
        if at < len(chosen) and (text := chosen[at]) is not None:
            monitor.set_filter(text)
        monitor.take_changes()
        words = [lookup.needles(word) for word in lookup.words(monitor.filter)]
        expected = Cluster()
        for one in monitor.cluster.records.values():
            if lookup.is_in(words, searchable(one)):
                expected.put(one, FirstSeen(0.0, was_there=True))
        scopes = scopes_in(told)
        chosen_ones: RecordIndex = expected
        if monitor.narrowed:
            chosen_ones = Selection(expected, expected.records)
        found = answers_on_places(monitor.shown, scopes)
        assert found == answers_on_places(chosen_ones, scopes)


def test_a_filter_asks_for_every_word_in_any_order_and_case() -> None:
    monitor = monitor_after(Resynced((), (Added(ONE), Added(OTHER)), ""))
    monitor.set_filter("  GENERATE 10.0.0.2 ")
    assert list(monitor.shown.records) == [OTHER.key]
    monitor.set_filter("generate nowhere")
    assert not monitor.shown.records
    monitor.set_filter(" ")
    assert monitor.shown is monitor.cluster


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
    monitor = Monitor(0.0, Lifetime.LEASED)
    found = record(registered.instance(0x52CBA2252F21FB17), lease=1234567)
    monitor.take([Added(found), Added(OTHER)], 0.0)
    monitor.take_changes()
    monitor.set_filter(text)
    assert list(monitor.shown.records) == [found.key]


def test_a_record_is_found_by_the_id_in_its_body_where_clients_route_by_that() -> None:
    monitor = Monitor(0.0, Lifetime.LEASED)
    key, value = registered.instance(0x52CBA2252F21FB17)
    found = record((key.replace(b"52cba2252f21fb17", b"1a2b"), value))
    monitor.take([Added(found), Added(OTHER)], 0.0)
    monitor.take_changes()
    for text in ("5966040411970599703", "0x52cba2252f21fb17", "1a2b"):
        monitor.set_filter(text)
        assert list(monitor.shown.records) == [found.key], text


def test_a_short_number_is_found_in_ids_as_a_whole() -> None:
    monitor = Monitor(0.0, Lifetime.LEASED)
    ten, hundred = (record(registered.instance(number)) for number in (10, 100))
    monitor.take([Added(ten), Added(hundred)], 0.0)
    monitor.take_changes()
    monitor.set_filter("100 backend")
    assert list(monitor.shown.records) == [hundred.key]


def test_a_model_is_found_by_its_name_its_base_and_what_is_wrong_with_it() -> None:
    lora = searchable(record(registered.card(1, "acme/tiny", "acme/sql")))
    assert "acme/sql" in lora
    assert "acme/tiny" in lora
    assert "not json" in searchable(record(registered.MALFORMED))


def test_the_changes_of_what_is_shown_are_told_with_a_filter_and_without() -> None:
    monitor = monitor_after(EMPTY)
    monitor.set_filter("10.0.0.1")
    monitor.take([Added(ONE), Added(OTHER)], 5.0)
    changes = monitor.take_changes()
    assert changes.keys == {ONE.key}
    assert ("prod", "backend", "generate") in changes.scopes
    monitor.take([Removed(ONE)], 6.0)
    assert monitor.take_changes().keys == {ONE.key}
    assert monitor.shown.count(Kind.ENDPOINT) == 0
    monitor.set_filter("")
    monitor.take([Removed(OTHER)], 7.0)
    assert monitor.take_changes().keys == {OTHER.key}


def test_a_filter_that_was_prepared_follows_what_changed_before_it_was_typed() -> None:
    monitor = Monitor(0.0, Lifetime.LEASED)
    one, other = record(registered.instance(0x1A)), record(registered.instance(0x2B))
    monitor.cluster.put(one, FirstSeen(0.0, was_there=True))
    monitor.take_changes()
    monitor.prepare_filter()
    monitor.cluster.put(other, FirstSeen(1.0, was_there=False))
    monitor.take_changes()
    monitor.set_filter("2b")
    assert set(monitor.shown.records) == {other.key}
