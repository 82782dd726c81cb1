"""Once all is shown, the history is filled with what the store still knew of before: once, from the
last revisions, never with anything that counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from backends.discovery.causes import CauseKind
from backends.discovery.discovery import Added, Resynced
from backends.discovery.history import Event, EventType
from backends.discovery.reasons import ReasonKind
from backends.dynamo.ids import Kind
from backends.dynamo.parse import read
from backends.memory import MemoryStore
from backends.removal.audit.audit import Audit
from backends.removal.audit.operation import Item
from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.store import (
    Entry,
    Forbidden,
    Lifetime,
    Owner,
    PodEvent,
    PodExistence,
    Resync,
    Revision,
    StoreError,
)
from backends.store.past import PastChange
from backends.store.pods import PodWarning
from tests.support.owned import READY, owned
from tests.support.registered import KeyAndValue, card, instance
from tests.support.unseen import unseen
from tests.tui.state.test_dashboard import Told
from tui.state.dashboard import Dashboard
from tui.state.looking_back.earlier import REVISIONS
from tui.text.reasons import reason_text

NOW = 1_700_000_000.0
NEWEST = 1_000
A, B = 0xA1, 0xB2


def entry(registered: KeyAndValue, revision: int, lease: int) -> Entry:
    return Entry(*registered, Revision(str(revision)), lease)


CAME, WENT = entry(instance(A), 990, A), entry(card(B), 980, B)
CHANGES = (
    PastChange(400, b"v1/claims/x", Entry(b"v1/claims/x", b"1", Revision("400")), None),
    PastChange(980, WENT.key, WENT, None),
    PastChange(985, WENT.key, None, WENT),
    PastChange(990, CAME.key, CAME, None),
)


class Remembered:
    """A past as a test says."""

    def __init__(
        self, oldest: int = 1, error: StoreError | None = None, at: float | None = None
    ) -> None:
        self.kept_from = oldest
        self.error = error
        self.at_time = at
        self.asked: list[tuple[int, int]] = []

    def time_of(self, revision: int) -> float | None:
        return self.at_time

    def revision_at(self, at: float) -> int | None:
        raise NotImplementedError

    async def newest(self) -> int:
        raise NotImplementedError

    async def oldest(self, prefixes: Sequence[bytes]) -> int:
        raise NotImplementedError

    async def at(self, prefixes: Sequence[bytes], revision: int) -> Resync:
        raise NotImplementedError

    async def changes(
        self, prefixes: Sequence[bytes], after: int, until: int
    ) -> tuple[PastChange, ...]:
        raise NotImplementedError

    async def recent(
        self, prefixes: Sequence[bytes], until: int, most: int
    ) -> tuple[PastChange, ...]:
        self.asked.append((until, most))
        if self.error is not None:
            raise self.error
        after = max(until - most, self.kept_from)
        found = (one for one in CHANGES if after < one.revision <= until)
        return tuple(replace(one, at=self.at_time) for one in found)


@asynccontextmanager
async def looking(
    past: Remembered, audit: Audit | None = None, *, frozen: bool = False
) -> AsyncIterator[tuple[Dashboard, Told]]:
    """A dashboard of which all is shown, and that looked back."""
    store = MemoryStore()
    store.past = past
    dashboard, told = unseen(store, NOW, audit), Told()
    dashboard.updates.observer = told
    dashboard.view.freeze(frozen)
    dashboard.take_in([Resynced((), (Added(read(CAME)),), str(NEWEST))])
    assert told.begun == []  # nothing is asked before the first picture is there
    await asyncio.sleep(0)
    assert told.begun == ["earlier events"]
    await asyncio.gather(*told.tasks)
    yield dashboard, told


def in_short(events: Sequence[Event]) -> list[tuple[int, EventType, str]]:
    return [(one.number, one.type, one.why.revision if one.why else "") for one in events]


async def test_the_last_revisions_come_before_the_start_and_count_for_nothing() -> None:
    past = Remembered()
    async with looking(past) as (dashboard, told):
        assert past.asked == [(NEWEST, REVISIONS)]
        assert in_short(dashboard.view.events()) == [
            (1, EventType.RESYNCED, str(NEWEST)),
            (0, EventType.ADDED, "990"),
            (-1, EventType.REMOVED, "985"),
            (-2, EventType.ADDED, "980"),
        ]
        assert told.updates[-1].history
        assert dashboard.view.gone(frozenset(Kind)) == []
        assert len(dashboard.view.tombstones) == 0
        newest, *_ = dashboard.view.causes()
        assert newest.number == 1
        # Once, though everything may be read again later.
        dashboard.take_in([Resynced((), (), str(NEWEST + 1))])
        await asyncio.sleep(0)
        assert told.begun == ["earlier events"]


async def test_what_is_compacted_is_left_out_and_what_is_left_is_shown() -> None:
    past = Remembered(oldest=982)
    async with looking(past) as (dashboard, _):
        assert past.asked == [(NEWEST, 500)]
        assert [number for number, *_ in in_short(dashboard.view.events())] == [1, 0, -1]


@pytest.mark.parametrize(
    "past",
    [Remembered(oldest=NEWEST), Remembered(error=Forbidden("memory", "no watch for you"))],
    ids=["all compacted", "forbidden"],
)
async def test_where_nothing_can_be_known_events_begin_with_the_start(past: Remembered) -> None:
    async with looking(past) as (dashboard, told):
        assert [number for number, *_ in in_short(dashboard.view.events())] == [1]
        assert told.faults == []


async def test_a_frozen_view_shows_them_once_it_goes_on() -> None:
    async with looking(Remembered(), frozen=True) as (dashboard, _):
        dashboard.take_in([Added(read(entry(card(A), NEWEST + 1, A)))])
        assert len(dashboard.view.events()) < 2
        dashboard.freeze(False)
        events = dashboard.view.events()
        assert [number for number, *_ in in_short(events)] == [2, 1, 0, -1, -2]
        assert [one.is_first for one in events[2:]] == [True, False, True]


async def test_what_dyntop_removed_on_this_machine_has_its_time_and_author(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW - 90, user="joe", host="node-1")
    act = audit.begin("clean up", "memory", "this process", [Item(1, WENT, "dead", ())])
    audit.finish(act, {WENT.key: KeyOutcome(OutcomeType.REMOVED)})
    async with looking(Remembered(), audit) as (dashboard, _):
        _, _, removed, added = dashboard.view.events()
        assert (removed.at, removed.is_untimed) == (NOW - 90, False)
        assert removed.why is not None
        assert (removed.why.kind, removed.why.user) == (ReasonKind.ANOTHER_DYNTOP, "joe")
        assert (added.at, added.is_untimed) == (NOW, True)


async def test_where_the_store_keeps_times_they_are_its_own(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW - 90, user="joe", host="node-1")
    act = audit.begin("clean up", "memory", "this process", [Item(1, WENT, "dead", ())])
    audit.finish(act, {WENT.key: KeyOutcome(OutcomeType.REMOVED)})
    async with looking(Remembered(at=NOW - 80), audit) as (dashboard, _):
        _, added, removed, _ = dashboard.view.events()
        assert (added.at, added.is_untimed) == (NOW - 80, False)
        # The time says more than the revision, which is made of it.
        assert added.why is not None
        assert (added.why.kind, added.why.revision) == (ReasonKind.BEFORE_START, "")
        assert (removed.at, removed.is_untimed) == (NOW - 80, False)
        assert removed.why is not None
        assert (removed.why.kind, removed.why.user) == (ReasonKind.ANOTHER_DYNTOP, "joe")


class Warned:
    """Pods about which Kubernetes wrote down what a test says."""

    def __init__(self, *warnings: PodWarning, error: StoreError | None = None) -> None:
        self.told = warnings
        self.error = error

    async def existence(self, owner: Owner) -> PodExistence:
        raise NotImplementedError

    async def events(self, namespace: str, uid: str) -> tuple[PodEvent, ...]:
        raise NotImplementedError

    async def warnings(self) -> tuple[PodWarning, ...]:
        if self.error is not None:
            raise self.error
        return self.told


def warned(uid: str, reason: str, ago: float, count: int = 1) -> PodWarning:
    return PodWarning(uid, PodEvent(reason, "it failed", True, count, None, NOW - ago, "main"))


async def looking_at_pods(pods: Warned) -> Dashboard:
    """A dashboard with one object, made a minute before, that asked about its pods."""

    class Owning(MemoryStore):
        lifetime = Lifetime.OWNED

    store = Owning()
    store.pods = pods
    dashboard, told = unseen(store, NOW), Told()
    dashboard.updates.observer = told
    made = replace(READY, created_at=NOW - 60, applied_at=NOW - 60)
    records = (Added(owned(card(A), made)), Added(owned(instance(A), made)))
    dashboard.take_in([Resynced((), records, "")])
    await asyncio.sleep(0)
    assert told.begun == ["earlier events"]
    await asyncio.gather(*told.tasks)
    assert told.faults == []
    return dashboard


async def test_warnings_about_pods_are_among_what_objects_tell_of_at_their_last_times() -> None:
    uid = READY.pod_uid
    pods = Warned(
        warned(uid, "Unhealthy", 30, count=12),
        warned("another's", "BackOff", 40),
        warned(uid, "FailedMount", 90),
        warned(uid, "Later", -5),
    )
    dashboard = await looking_at_pods(pods)
    events = dashboard.view.events()
    assert [(one.number, one.type, one.at) for one in events[1:]] == [
        (0, EventType.REPORTED, NOW - 30),
        (-1, EventType.ADDED, NOW - 60),
        (-2, EventType.ADDED, NOW - 60),
        (-3, EventType.REPORTED, NOW - 90),
    ]
    reported = events[1]
    assert reported.record is not None
    assert reported.record.key == instance(A)[0]
    assert reason_text(reported.why) == "before the start: Unhealthy ×12, main: it failed"
    causes = {one.kind for one in dashboard.view.causes()}
    assert CauseKind.REPORTED in causes
    assert CauseKind.CHANGED not in causes


async def test_without_the_right_to_list_events_objects_tell_all_the_same() -> None:
    dashboard = await looking_at_pods(Warned(error=Forbidden("kubernetes", "no events")))
    assert [one.type for one in dashboard.view.events()[1:]] == [EventType.ADDED] * 2


async def test_objects_tell_of_before_by_themselves() -> None:
    class Owning(MemoryStore):
        lifetime = Lifetime.OWNED

    dashboard, told = unseen(Owning(), NOW), Told()
    dashboard.updates.observer = told
    made = replace(READY, created_at=NOW - 60, applied_at=NOW - 60)
    dashboard.take_in([Resynced((), (Added(owned(instance(A), made)),), "")])
    start, came = dashboard.view.events()
    assert (start.number, came.number, came.type) == (1, 0, EventType.ADDED)
    assert (came.at, came.is_untimed) == (NOW - 60, False)
    assert told.begun == []
