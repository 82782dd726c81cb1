"""What the dashboard shows and does, without a screen: only an observer that is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from backends.discovery.discovery import Added, Resynced
from backends.discovery.reasons import ReasonKind
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.liveness.judge import Verdict
from backends.memory import Keyspace, MemoryStore
from backends.store import Entry, Heartbeat, Lifetime, Outcome
from tests.support.registered import card, instance, record
from tests.support.unseen import unseen
from tui.config.preferences import NotifyWay
from tui.runtime.heap import STORM, Heap
from tui.state.causes.alarm import SETTLING
from tui.state.observer import Job, Update
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId

NOW = 1_700_000_000.0
DEADLINE = 60.0
"""Seconds; never waited for unless something is broken."""

LIVING, _ = KEPT = instance(1)
OTHER, _ = COMES = instance(2)


class SlowStore(MemoryStore):
    """Removes nothing before it is let. What is in it is kept alive, as in a file store."""

    lifetime = Lifetime.TOUCHED

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.answers = asyncio.Event()
        self.answers.set()

    async def delete(self, entries: Iterable[Entry]) -> dict[bytes, Outcome]:
        await self.answers.wait()
        return await super().delete(entries)


@dataclass
class Told:
    """An observer that keeps what it is told, and does what is to be begun."""

    updates: list[Update] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    again: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each update."""

    fault: Exception | None = None
    """Raised instead of showing anything."""

    def changed(self, update: Update) -> None:
        if self.fault is not None:
            raise self.fault
        self.updates.append(update)
        self.again.set()

    def when_shown(self, answer: Callable[[], None]) -> bool:
        asyncio.get_running_loop().call_soon(answer)
        return True

    def report(self, fault: Exception) -> None:
        self.faults.append(fault)

    def call_out(self, text: str) -> None:
        self.called.append(text)

    def begin(self, name: str, job: Job) -> None:
        async def run() -> None:
            await job()

        self.begun.append(name)
        self.tasks.add(asyncio.create_task(run()))

    def records_on_screen(self) -> list[AnyRecord]:
        return []

    def differed(self) -> set[bytes]:
        """The keys of what differed since the updates were cleared."""
        changes = [one.records for one in self.updates if one.records is not None]
        return {key for one in changes for key in one.keys}


class Shown:
    """A dashboard over a store in memory, and what its observer was told."""

    def __init__(self) -> None:
        self.keyspace = Keyspace(lambda: NOW)
        self.store = SlowStore(self.keyspace)
        self.told = Told()
        self.dashboard = unseen(self.store, NOW)
        self.dashboard.updates.observer = self.told

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                self.told.again.clear()
                await self.told.again.wait()
        assert self.told.faults == []

    async def until_told(self, holds: Callable[[Update], object]) -> None:
        await self.until(lambda: any(map(holds, self.told.updates)))

    def shown(self) -> set[bytes]:
        return set(self.dashboard.view.shown.records)

    def record(self, key: bytes) -> EndpointInstance:
        record = self.dashboard.view.cluster.records[key]
        assert isinstance(record, EndpointInstance)
        return record


@asynccontextmanager
async def opened(*contents: tuple[bytes, bytes], complete: bool = True) -> AsyncIterator[Shown]:
    """One that follows its store; `complete`: once all was shown for the first time."""
    shown = Shown()
    for key, value in contents:
        shown.keyspace.put(key, value)
    following = asyncio.create_task(shown.dashboard.link.run())
    try:
        if complete:
            shown.dashboard.link.may_show.set()
            await shown.until_told(lambda update: update.is_first)
            shown.told.updates.clear()
        yield shown
    finally:
        for task in (following, *shown.told.tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_nothing_is_complete_before_a_whole_snapshot_was_shown() -> None:
    async with opened(KEPT, complete=False) as shown:
        assert not shown.dashboard.complete
        assert shown.dashboard.nothing_to_show().startswith("Reading memory")
        shown.dashboard.link.may_show.set()
        await shown.until_told(lambda update: update.is_first)
        (first,) = (one for one in shown.told.updates if one.is_first)
        assert first.everything
        assert shown.dashboard.complete
        assert shown.shown() == {LIVING}


async def test_a_change_is_told_with_its_keys_and_that_it_is_in_the_history() -> None:
    async with opened(KEPT) as shown:
        shown.keyspace.put(*COMES)
        await shown.until(lambda: OTHER in shown.told.differed())
        assert LIVING not in shown.told.differed()
        assert any(one.history for one in shown.told.updates)
        assert not any(one.everything for one in shown.told.updates)


async def test_what_could_not_be_shown_is_shown_with_the_next_update() -> None:
    async with opened(KEPT) as shown:
        shown.told.fault = LookupError("a defect")
        with pytest.raises(LookupError):
            shown.dashboard.take_in([Added(record(COMES))])
        shown.told.fault = None
        shown.dashboard.mark(1)
        shown.dashboard.mark(0)
        assert [one.everything for one in shown.told.updates] == [True, False]
        assert shown.shown() == {LIVING, OTHER}


async def test_a_filter_shows_what_it_finds_until_it_is_cleared() -> None:
    async with opened(KEPT, card(1, "acme/found")) as shown:
        assert not list(shown.dashboard.filter_by("acme/found"))
        assert [one.everything for one in shown.told.updates] == [True]
        assert shown.shown() == {card(1, "acme/found")[0]}
        shown.dashboard.clear_filter()
        assert shown.shown() == {LIVING, card(1, "acme/found")[0]}


async def test_only_findings_leaves_out_what_is_live_until_the_filter_is_cleared() -> None:
    model, (alone, _) = card(1), (orphan := card(7))
    async with opened(KEPT, model, orphan) as shown:
        shown.dashboard.show_only_findings(True)
        assert shown.shown() == {alone}
        shown.dashboard.clear_filter()
        assert shown.shown() == {LIVING, model[0], alone}


async def test_a_frozen_view_tells_of_no_record_until_it_goes_on() -> None:
    async with opened(KEPT) as shown:
        shown.dashboard.freeze(True)
        shown.keyspace.put(*COMES)
        await shown.until(lambda: shown.dashboard.view.waiting)
        assert shown.told.differed() == set()
        assert shown.shown() == {LIVING}
        shown.told.updates.clear()
        shown.dashboard.freeze(False)
        assert shown.told.differed() == {OTHER}
        assert shown.told.updates[-1].history
        assert shown.shown() == {LIVING, OTHER}


async def test_tombstones_are_hidden_and_shown_again_and_both_are_said() -> None:
    async with opened(KEPT, COMES) as shown:
        shown.keyspace.delete(OTHER)
        await shown.until(lambda: OTHER not in shown.shown())
        dashboard = shown.dashboard
        assert dashboard.hide_gone(True) == Notice("Hides 1 tombstone.", "information")
        assert dashboard.view.gone({Kind.ENDPOINT}) == []
        assert dashboard.hide_gone(False) == Notice("Shows 1 tombstone.", "information")
        assert [one.key for one in dashboard.view.gone({Kind.ENDPOINT})] == [OTHER]


async def test_marks_are_those_of_the_open_tab() -> None:
    async with opened(KEPT, COMES) as shown:
        shown.dashboard.mark(2)
        assert shown.dashboard.marked == 2
        shown.dashboard.open_tab(TabId.WORKERS, 0)
        assert shown.dashboard.marked == 0
        assert shown.told.updates == [Update(), Update()]


async def test_another_place_is_shown_anew_and_the_same_is_not() -> None:
    async with opened(KEPT) as shown:
        place = (shown.record(LIVING).id.namespace or "",)
        shown.dashboard.select(place)
        assert shown.told.updates == [Update(everything=True)]
        shown.dashboard.select(place)
        assert len(shown.told.updates) == 1


async def test_figures_are_asked_for_while_their_tab_is_open_and_goes_on() -> None:
    async with opened(KEPT) as shown:
        looks: list[bool] = []
        shown.dashboard.figures.metrics.look = lambda looked, **_: looks.append(looked)  # type: ignore[method-assign]
        shown.dashboard.open_tab(TabId.METRICS, 0)
        shown.dashboard.freeze(True)
        shown.dashboard.freeze(False)
        shown.dashboard.open_tab(TabId.MODELS, 0)
        assert looks == [True, False, True, False]


async def test_a_removal_is_named_while_it_takes_and_its_outcome_is_told() -> None:
    async with opened(KEPT, COMES) as shown:
        dashboard = shown.dashboard
        dashboard.under_way.after = 0.0
        shown.store.answers.clear()
        record = shown.record(OTHER)
        removing = asyncio.create_task(dashboard.remove("drain", [record], {}))
        await shown.until(lambda: dashboard.under_way.texts == ["removing 1 key"])
        assert shown.shown() == {LIVING, OTHER}
        shown.store.answers.set()
        (notice,) = await removing
        assert notice == Notice("Drained 1 instance. u puts it back.", "information")
        assert dashboard.under_way.texts == []
        await shown.until(lambda: shown.shown() == {LIVING})
        newest = dashboard.view.events()[0]
        await shown.until(lambda: newest.why is not None)
        assert newest.why is not None
        assert newest.why.kind is ReasonKind.THIS_DYNTOP
        assert shown.told.begun == []

        act = dashboard.removals.last()
        assert act is not None
        (notice,) = await dashboard.put_back(act)
        assert notice == Notice("Put back 1 instance.", "information")
        await shown.until(lambda: shown.shown() == {LIVING, OTHER})


async def test_why_a_record_went_by_itself_is_asked_for_and_told() -> None:
    async with opened(KEPT, COMES) as shown:
        shown.keyspace.delete(OTHER)
        await shown.until(lambda: "reasons" in shown.told.begun)
        await shown.until_told(lambda update: update.history and update.detail)
        assert shown.dashboard.view.events()[0].why is not None


async def test_what_is_learnt_of_leases_and_addresses_is_shown_for_whoever_waits() -> None:
    async with opened(KEPT) as shown:
        notice = await shown.dashboard.probe([shown.record(LIVING)])
        assert notice.severity == "warning"
        assert shown.told.updates[-1].detail


async def test_memory_is_given_back_after_a_large_snapshot() -> None:
    given: list[bool] = []
    async with opened(KEPT) as shown:
        shown.dashboard._heap = Heap(lambda: given.append(True))
        records = tuple(Added(record(instance(number))) for number in range(STORM))
        shown.dashboard.take_in([Resynced((), records, "2")])
        shown.dashboard.tick()
        assert not given
        shown.dashboard.tick()
        assert given == [True]


async def test_a_sign_of_life_alone_is_no_difference_to_draw() -> None:
    async with opened(KEPT) as shown:
        dashboard, told = shown.dashboard, shown.told
        told.updates.clear()
        dashboard.take_in([Heartbeat()])
        assert told.updates == []
        dashboard.take_in([Heartbeat(("alarm NOSPACE",))])
        assert len(told.updates) == 1
        # What could not be drawn is drawn with the next.
        told.fault = RuntimeError("a defect")
        with pytest.raises(RuntimeError):
            dashboard.take_in([Added(record(COMES))])
        told.fault = None
        dashboard.take_in([Heartbeat(("alarm NOSPACE",))])
        assert told.updates[-1].everything


async def test_time_alone_changes_nothing_as_long_as_the_store_is_heard_of() -> None:
    at = [NOW]
    dashboard = unseen(MemoryStore(Keyspace(lambda: NOW)), lambda: at[0])

    def passes(seconds: float) -> bool:
        at[0] += seconds
        dashboard.tick()
        return dashboard.is_still

    assert not any((passes(1), passes(1))), "there is no connection yet"
    dashboard.take_in([Resynced((), (Added(record(KEPT)),), "1")])
    assert [passes(1), passes(1), passes(1)] == [False, True, True]
    dashboard.take_in([Added(record(COMES))])
    still = []
    for _ in range(12):
        still.append(passes(1))
        dashboard.take_in([Heartbeat()])
    # There is a rate of changes, and after ten seconds none again.
    assert [n for n, one in enumerate(still) if not one] == [0, 9]
    # The data has an age, which passes.
    assert [passes(6), passes(1), passes(1)] == [False, False, False]
    dashboard.take_in([Heartbeat()])
    assert [passes(1), passes(1)] == [False, True]


@pytest.mark.parametrize("notify", ["off", "bell"])
async def test_what_becomes_wrong_is_called_out_once_and_what_was_wrong_at_first_is_not(
    notify: NotifyWay,
) -> None:
    at = [NOW]
    dashboard, told = (
        unseen(MemoryStore(Keyspace(lambda: NOW)), lambda: at[0], notify=notify),
        Told(),
    )
    dashboard.updates.observer = told
    broken = [record((b"v1/instances/prod/backend/generate/%x" % n, b"{")) for n in (1, 2)]

    def pass_by(*seconds: float) -> list[str]:
        for one in seconds:
            at[0] += one
            dashboard.tick()
        said, told.called[:] = told.called[:], []
        return said

    dashboard.take_in([Resynced((), (Added(broken[0]),), "1")])
    assert dashboard.view.verdicts.of(broken[0].key) is Verdict.MALFORMED
    assert pass_by(1, 60, 600) == []
    dashboard.take_in([Added(broken[1])])
    wrong = ["worker 2 prod/backend malformed"]
    assert pass_by(1, SETTLING) == (wrong if notify == "bell" else [])
    assert pass_by(60, 60) == []
