"""A change of an object's owner is one event, and a new revision of its entries is none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from backends.discovery.discovery import Added, Resynced
from backends.discovery.history import EventType, History
from backends.discovery.owner_changes import why_owner_changed
from backends.discovery.reasons import Reason, ReasonKind
from backends.dynamo.records import AnyRecord
from backends.store import Owner, PodExistence, Readiness
from tests.support import registered
from tests.support.owned import (
    GONE,
    IN_CONTAINER,
    LABEL_OFF,
    NOT_READY,
    POD,
    POD_STATE,
    READY,
    TAKEN_OUT,
    UNREAD,
    WORKER,
    owned,
    with_container,
)
from tui.text.reasons import reason_text

ENTRIES = [registered.instance(WORKER), registered.card(WORKER), registered.channel(9)]


def changed(history: History, before: Owner, now: Owner, revision: str = "1") -> list[str]:
    """The reasons of the events when the owner of all entries of an object changes."""
    found = []
    for content in ENTRIES:
        event = Added(owned(content, now, revision), owned(content, before))
        for one in history.apply(event, 1.0):
            assert one.type is EventType.CHANGED
            found.append(reason_text(one.why))
    return found


def test_a_new_revision_of_an_unchanged_entry_is_no_event() -> None:
    assert changed(History(), READY, replace(READY, applied_at=200.0), revision="2") == []


def test_a_changed_value_is_an_event_whatever_else_changed() -> None:
    before = owned(registered.instance(WORKER, address="10.0.0.1:9000"))
    now = owned(registered.instance(WORKER, address="10.0.0.1:9001"), NOT_READY, "2")
    (noted,) = History().apply(Added(now, before), 1.0)
    assert (noted.type, noted.why) == (EventType.CHANGED, None)


def test_readiness_that_goes_and_returns_is_two_events_of_the_object() -> None:
    history = History()
    assert changed(history, READY, NOT_READY) == [
        f"not ready: the endpoint of its pod {POD} is not ready, so clients do not discover it"
    ]
    assert changed(history, NOT_READY, READY) == ["ready again: clients discover it"]
    assert len(changed(history, READY, NOT_READY)) == 1


def test_a_label_that_goes_and_returns_is_told_apart_from_a_pod_that_is_not_ready() -> None:
    history = History()
    label = f"label {LABEL_OFF.text} of pod {POD}"
    assert changed(history, READY, TAKEN_OUT) == [f"taken out of discovery by hand: {label} is off"]
    back = replace(READY, readiness=Readiness.NO_ENDPOINT)
    assert changed(history, TAKEN_OUT, back) == [
        f"{label} is back: its Service selects it in a moment"
    ]
    assert changed(history, back, READY) == ["ready again: clients discover it"]


def test_each_object_has_its_own_events() -> None:
    history = History()
    changed(history, READY, NOT_READY)
    other = replace(READY, name="prod-backend-worker-1")
    assert len(changed(history, other, replace(other, readiness=Readiness.NOT_READY))) == 1


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (READY, with_container(restarts=2), "container restarted (restarts: 2)"),
        (
            READY,
            replace(READY, pod=replace(POD_STATE, deleted_at=9.0)),
            "its pod is being deleted",
        ),
        (READY, GONE, "its pod does not exist any more"),
        (
            READY,
            replace(NOT_READY, existence=PodExistence.REPLACED),
            "its pod was replaced by another of that name",
        ),
        (
            READY,
            replace(READY, pod_uid="uid-2", pod=replace(POD_STATE, uid="uid-2")),
            "its pod was replaced by another of that name",
        ),
        (
            IN_CONTAINER,
            replace(IN_CONTAINER, readiness=Readiness.NOT_READY),
            f"not ready: its container engine-0 is not ready, in pod {POD}, so clients do not "
            "discover it",
        ),
        (
            READY,
            replace(READY, readiness=Readiness.OTHER_UID),
            "not ready: the ready endpoint is that of another pod with the name of its pod "
            f"{POD}, so clients of 1.6 do not discover it, those of 0.8 to 1.5 do",
        ),
    ],
)
def test_the_event_says_what_changed(before: Owner, now: Owner, text: str) -> None:
    assert changed(History(), before, now) == [text]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (READY, UNREAD),
        (UNREAD, READY),
        (READY, replace(READY, node="node-b")),
        # A pod that may be read again was restarted before.
        (replace(UNREAD, readiness=READY.readiness), with_container(restarts=3)),
    ],
)
def test_what_may_be_read_is_no_change(before: Owner, now: Owner) -> None:
    assert why_owner_changed(before, now) is None
    assert changed(History(), before, now) == []


def test_a_gap_tells_of_the_change_that_it_hid() -> None:
    history = History()
    history.apply(Resynced((), (), ""), 0.0)
    added = tuple(Added(owned(one, NOT_READY, "2"), owned(one)) for one in ENTRIES)
    *noted, resynced = history.apply(Resynced((), added, ""), 1.0)
    assert resynced.type is EventType.RESYNCED
    assert [(one.type, one.why) for one in noted] == [
        (
            EventType.CHANGED,
            Reason(ReasonKind.NOT_READY, after_gap=True, pod=POD, readiness="not ready"),
        )
    ]


def test_in_other_stores_an_equal_value_written_again_is_an_event() -> None:
    def etcd(revision: str) -> AnyRecord:
        return registered.record(registered.instance(1), revision=revision)

    (noted,) = History().apply(Added(etcd("2"), etcd("1")), 1.0)
    assert noted.type is EventType.CHANGED
