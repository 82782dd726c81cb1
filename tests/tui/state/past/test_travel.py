"""A dashboard is led along a timeline, and shows of each moment what was known then."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from backends.connections import MemoryConnection
from backends.discovery.cluster import FirstSeen
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.past_records import RecordChange
from backends.discovery.reasons import ReasonKind
from backends.dynamo.ids import Kind
from backends.dynamo.queries import EVERYTHING
from backends.liveness.judge import Verdict
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.store import Compacted, Entry, Lifetime, Resync, Revision, StoreError, TimeToLive
from backends.store import Delete as StoreDelete
from backends.store import Put as StorePut
from backends.timeline import LeasesRead, Moment, Opening, ProbesMade, Stepped, StoreEvents
from tests.support import registered
from tests.support.operating import START
from tui.config.settings import Settings
from tui.state.past.dashboard import PastDashboard
from tui.state.past.moves import ByChanges, BySeconds, Move, ToMoment, ToTime
from tui.state.past.travel import Travel
from tui.state.reported_removals import Notice
from tui.text.host_clock import HostClock

ONE, TWO, THREE = (registered.instance(number) for number in (1, 2, 3))
END = START + 1000


def entry(of: tuple[bytes, bytes], lease: int) -> Entry:
    return Entry(*of, Revision("1"), lease)


def at(number: int) -> Moment:
    """One moment each ten seconds."""
    return Moment(number, at=START + 10 * number)


class ListedTimeline:
    """A timeline of a few steps; keeps the protocol `Timeline`."""

    name = store = address = "listed"
    lifetime = Lifetime.LEASED
    has_times = True

    def __init__(self, steps: Sequence[Stepped]) -> None:
        self.steps = {step.moment.number: step for step in steps}
        self.opened: list[int] = []
        self.error: StoreError | None = None

    async def first(self) -> Moment:
        return at(0)

    async def last(self) -> Moment:
        return at(len(self.steps))

    async def change_from(self, moment: Moment, by: int) -> Moment:
        return at(min(max(moment.number + by, 0), len(self.steps)))

    async def at_time(self, time: float) -> Moment:
        return at(min(max(int((time - START) // 10), 0), len(self.steps)))

    async def at_revision(self, revision: int) -> Moment:
        return at(revision)

    async def open(self, moment: Moment) -> Opening:
        if self.error is not None:
            raise self.error
        self.opened.append(moment.number)
        steps = [self.steps[number] for number in range(1, moment.number + 1)]
        first_seen = {ONE[0]: FirstSeen(START - 5, was_there=False)}
        return Opening(at(0), Resync((entry(ONE, 1),), ""), first_seen, (), steps, ())

    async def between(self, after: Moment, until: Moment) -> Sequence[Stepped] | None:
        return [self.steps[number] for number in range(after.number + 1, until.number + 1)]


class Noting:
    """Notes what comes of moves."""

    def __init__(self) -> None:
        self.moves = self.returns = 0
        self.told: list[str] = []

    def moved(self) -> None:
        self.moves += 1

    def failed(self, notice: Notice) -> None:
        self.told.append(notice.text)

    def return_to_present(self) -> None:
        self.returns += 1


TTL = LeaseTtl(TimeToLive(10.0, 9.0), START + 20)
STEPS = (
    Stepped(at(1), StoreEvents([StorePut(entry(TWO, 2))])),
    Stepped(at(2), LeasesRead({1: TTL, 2: TTL})),
    Stepped(at(3), StoreEvents([StoreDelete(ONE[0], "7")])),
    Stepped(at(4), StoreEvents([StorePut(entry(THREE, 3))])),
)


@pytest.fixture
def timeline() -> ListedTimeline:
    return ListedTimeline(STEPS)


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
async def travel(timeline: ListedTimeline, noting: Noting) -> Travel:
    clock = HostClock(lambda: END, lambda: END)
    settings = Settings(connection=MemoryConnection())
    made = Travel(timeline, PastDashboard(timeline, EVERYTHING, settings, clock))
    made.traveller = noting
    return made


def verdicts(travel: Travel) -> dict[str, Verdict]:
    view = travel._dashboard.view
    return {
        f"{record.id.instance_id}": view.verdicts.of(key)
        for key, record in view.cluster.records.items()
    }


async def test_forward_evidence_and_tombstones_come_and_back_they_are_gone(
    travel: Travel, timeline: ListedTimeline
) -> None:
    view = travel._dashboard.view
    await travel.carry_out(ToMoment(at(1)))
    assert verdicts(travel) == {"1": Verdict.UNKNOWN, "2": Verdict.UNKNOWN}
    await travel.carry_out(ByChanges(1))
    assert verdicts(travel) == {"1": Verdict.LIVE, "2": Verdict.LIVE}
    await travel.carry_out(ByChanges(2))
    assert verdicts(travel) == {"2": Verdict.LIVE, "3": Verdict.UNKNOWN}
    assert [one.at - START for one in view.events()] == [40, 30, 10]
    assert [one.record.id.instance_id for one in view.tombstones.of([Kind.ENDPOINT])] == [1]
    assert timeline.opened == [1]
    await travel.carry_out(ByChanges(-3))
    assert verdicts(travel) == {"1": Verdict.UNKNOWN, "2": Verdict.UNKNOWN}
    assert len(view.tombstones) == 0
    assert [one.at - START for one in view.events()] == [10]
    assert timeline.opened == [1, 1]


async def test_a_moment_is_the_same_however_it_was_reached(travel: Travel) -> None:
    view = travel._dashboard.view

    def shown() -> tuple[object, ...]:
        ages = {key: view.cluster.first_seen(key) for key in view.cluster.records}
        events = [(one.at, one.type, one.record) for one in view.events()]
        return verdicts(travel), ages, events, len(view.tombstones), travel._dashboard.clock()

    reached: dict[int, tuple[object, ...]] = {}
    for number in (4, 0, 1, 2, 3, 4, 2, 4, 1, 3, 0):
        await travel.carry_out(ToMoment(at(number)))
        assert reached.setdefault(number, shown()) == shown(), number
    assert len({str(one) for one in reached.values()}) == 5


async def test_no_number_stands_for_two_events(travel: Travel) -> None:
    view, seen = travel._dashboard.view, dict[int, object]()
    for number in (4, 1, 3, 0, 2, 4, 1):
        await travel.carry_out(ToMoment(at(number)))
        for event in view.events():
            assert seen.setdefault(event.number, event) is event
        assert [one.number for one in view.newest_causes()] == sorted(
            (one.number for one in view.newest_causes()), reverse=True
        )


async def test_ages_are_those_of_then(travel: Travel) -> None:
    await travel.carry_out(ToTime(START + 17))
    dashboard = travel._dashboard
    assert dashboard.past is not None
    assert (dashboard.past.moment.number, dashboard.clock()) == (1, START + 17)
    cluster = dashboard.view.cluster
    assert cluster.first_seen(ONE[0]) == FirstSeen(START - 5, was_there=False)
    assert cluster.first_seen(TWO[0]) == FirstSeen(START + 10, was_there=False)
    assert dashboard.states.as_of() is None
    await travel.carry_out(BySeconds(2.0))
    assert (dashboard.past.moment.number, dashboard.clock()) == (1, START + 19)


async def test_only_of_a_removal_a_reason_is_missed(timeline: ListedTimeline) -> None:
    clock, one = HostClock(lambda: END, lambda: END), registered.record(ONE)
    settings = Settings(connection=MemoryConnection())
    past = PastDashboard(timeline, EVERYTHING, settings, clock, store_keeps_times=True)
    changes = [RecordChange(one, None, 5, START - 9), RecordChange(None, one, 6, START - 8)]
    await past.open_at(replace(await timeline.open(at(0)), earlier=changes), START)
    removed, added = past.view.events()
    assert added.why is None
    assert removed.why is not None
    assert removed.why.kind is ReasonKind.IN_THE_PAST


async def test_beyond_an_end_nothing_is_made_up(travel: Travel, noting: Noting) -> None:
    await travel.carry_out(ToMoment(at(4)))
    await travel.carry_out(ByChanges(1))
    assert noting.returns == 1
    await travel.carry_out(BySeconds(2000.0))
    assert noting.returns == 2
    await travel.carry_out(ToMoment(at(0)))
    await travel.carry_out(ByChanges(-1))
    assert noting.told == ["Nothing was written before revision 0."]
    assert travel.place is not None
    assert travel.place.moment == at(0)


async def test_what_was_shown_stays_if_a_move_fails(
    travel: Travel, timeline: ListedTimeline, noting: Noting
) -> None:
    await travel.carry_out(ToMoment(at(2)))
    timeline.error = Compacted("here", 1, 2)
    await travel.carry_out(ByChanges(-1))
    assert travel.place is not None
    assert travel.place.moment == at(2)
    assert verdicts(travel) == {"1": Verdict.LIVE, "2": Verdict.LIVE}
    assert len(noting.told) == 1
    timeline.error = None
    await travel.carry_out(ByChanges(-1))
    assert travel.place.moment == at(1)


async def test_moves_of_one_kind_add_up(travel: Travel) -> None:
    for _ in range(3):
        travel.ask(ByChanges(-1))
    assert travel.wanted == ByChanges(-3)
    for _ in range(2):
        travel.ask(BySeconds(-60.0))
    wanted: Move | None = travel.wanted
    assert wanted == BySeconds(-120.0)


async def test_probes_of_then_count_for_who_was_there(
    travel: Travel, timeline: ListedTimeline
) -> None:
    def probed(number: int, answer: ProbeAnswer) -> Stepped:
        targets = [ProbeTarget(ProbeMethod.TCP, f"10.0.0.{n}:9000") for n in (1, 2)]
        made = [ProbeResult(one, answer, at(number).at or 0.0, "", deep=True) for one in targets]
        return Stepped(at(number), ProbesMade(made))

    timeline.steps[2] = probed(2, ProbeAnswer.ANSWERS)
    timeline.steps[4] = probed(4, ProbeAnswer.REFUSED)
    await travel.carry_out(ToMoment(at(2)))
    assert verdicts(travel) == {"1": Verdict.LIVE, "2": Verdict.LIVE}
    await travel.carry_out(ToMoment(at(4)))
    assert verdicts(travel)["2"] not in (Verdict.LIVE, Verdict.UNKNOWN)
    await travel.carry_out(ToMoment(at(2)))
    assert verdicts(travel) == {"1": Verdict.LIVE, "2": Verdict.LIVE}


async def test_no_write_reaches_a_moment(travel: Travel) -> None:
    await travel.carry_out(ToMoment(at(1)))
    dashboard = travel._dashboard
    assert dashboard.is_read_only
    records = list(dashboard.view.cluster.records.values())
    outcomes = await dashboard.discovery.unregister_all(records)
    assert all(isinstance(one, StoreError) for one in outcomes.values())
    with pytest.raises(StoreError):
        await dashboard.store.put_back(records[0].entry)
    assert len(dashboard.view.cluster.records) == 2
