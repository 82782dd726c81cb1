"""The timeline of a recording: any moment of it is as all was then."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Added, Removed
from backends.discovery.lease_ttl import LeaseTtl
from backends.dynamo.parse import read
from backends.recording.entry_lines import delete_line, entry_line, lease_reading, put_line
from backends.recording.lines import (
    AliveLine,
    AnyLine,
    Checkpoint,
    EndLine,
    FigureReading,
    GapLine,
    LeasesLine,
    LostLine,
    MetricsLine,
)
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Delete, Entry, Lost, NoPast, NotYet, Put, Resync, TimeToLive
from backends.timeline import (
    FiguresRead,
    LeasesRead,
    Moment,
    Opening,
    Step,
    Stepped,
    StoreEvents,
    Timeline,
    TimeNotKnown,
)
from tests.recording.frames import START, entry, header, packed_by_line, written

KEYS = [b"v1/instances/ns/comp/gen/%x" % number for number in (1, 2, 3)] + [b"v1/other\xff"]

keys = st.sampled_from(KEYS)
puts = st.tuples(keys, st.sampled_from([b"{}", b"[]", b"\xff"]), st.none() | st.integers(1, 3))
changes = keys | puts
"""A key that goes, or what is put."""
acts: st.SearchStrategy[object] = st.one_of(
    changes,
    changes,
    st.just("lost"),
    st.lists(changes, max_size=3).map(lambda found: ("gap", found)),
    st.integers(1, 3).map(lambda lease: ("lease", lease)),
    st.just("alive"),
    st.just("checkpoint"),
    st.lists(changes, max_size=3).map(lambda found: ("break", found)),
)
"""What happens. A break: the recorder ended, and another began after these changes."""
histories = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 30.0]), acts), max_size=25)


class Model:
    """Writes a history as lines, and keeps what was registered at each time."""

    def __init__(self) -> None:
        self.now: dict[bytes, Entry] = {}
        self.is_lost = False
        self.at = START
        self.started = START
        self.revision = 1
        self.ttls: dict[int | bytes, LeaseTtl] = {}
        self.frames: list[list[AnyLine]] = [self._beginning()]
        self.then: list[tuple[float, dict[bytes, Entry], bool]] = [(START, {}, False)]

    def _beginning(self) -> list[AnyLine]:
        there = [entry_line(one) for one in self.now.values()]
        checkpoint = Checkpoint(at=self.at, entries=len(there), revision=str(self.revision))
        lines: list[AnyLine] = [header(self.at, self.started), checkpoint, *there]
        if self.ttls:
            readings = tuple(lease_reading(of, ttl) for of, ttl in self.ttls.items())
            lines.append(LeasesLine(at=self.at, leases=readings))
        if self.is_lost:
            lines.append(LostLine(at=self.at, error="lost"))
        return lines

    def _change(self, change: bytes | tuple[bytes, bytes, int | None]) -> AnyLine:
        self.revision += 1
        if isinstance(change, bytes):
            self.now.pop(change, None)
            return delete_line(Delete(change, str(self.revision)), self.at)
        key, value, lease = change
        self.now[key] = put = entry(key, value, lease, self.revision)
        return put_line(put, self.at, str(self.revision))

    def act(self, after: float, act: object) -> None:
        self.at += after
        lines = self.frames[-1]
        match act:
            case "lost":
                self.is_lost = True
                lines.append(LostLine(at=self.at, error="lost"))
            case "alive":
                lines.append(AliveLine(at=self.at))
            case "checkpoint":
                self.frames.append(self._beginning())
            case ("break", list(found)):
                lines.append(EndLine(at=self.at, why=""))
                self.then.append((self.at, dict(self.now), True))
                self.at += 1
                self.is_lost = False
                self.ttls = {}
                for one in found:
                    self._change(one)
                self.started = self.at
                self.frames.append(self._beginning())
            case ("gap", list(found)):
                self.is_lost = False
                new = [self._change(one) for one in found]
                lines += [GapLine(at=self.at, changes=len(new), revision=str(self.revision)), *new]
            case ("lease", int(lease)):
                ttl = LeaseTtl(TimeToLive(30.0, 20.0), self.at)
                self.ttls[lease] = ttl
                lines.append(LeasesLine(at=self.at, leases=(lease_reading(lease, ttl),)))
            case _:
                lines.append(self._change(act))  # type: ignore[arg-type]
        self.then.append((self.at, dict(self.now), self.is_lost))

    def at_time(self, at: float) -> tuple[dict[bytes, Entry], bool]:
        state, is_lost = next(one[1:] for one in reversed(self.then) if one[0] <= at)
        return state, is_lost


class View:
    """Folds a timeline as a dashboard does."""

    def __init__(self, opening: Opening) -> None:
        self.cluster = Cluster()
        self.ttls: dict[int | bytes, LeaseTtl] = {}
        self.is_lost = False
        self._resync(opening.entries, START)
        for step in opening.evidence:
            self.take(step, START)
        self.step(opening.steps)

    def step(self, steps: Sequence[Stepped]) -> View:
        for one in steps:
            assert one.moment.at is not None
            self.take(one.step, one.moment.at)
        return self

    def take(self, step: Step, at: float) -> None:
        match step:
            case LeasesRead(ttls=ttls):
                self.ttls |= ttls
            case StoreEvents(events=events):
                for event in events:
                    match event:
                        case Put(entry=new):
                            self.cluster.apply(Added(read(new)), at)
                        case Delete(key=key):
                            if key in self.cluster.records:
                                self.cluster.apply(Removed(self.cluster.records[key]), at)
                        case Resync():
                            self.is_lost = False
                            self._resync(event, at)
                        case Lost():
                            self.is_lost = True
                        case _:
                            pass

    def _resync(self, resync: Resync, at: float) -> None:
        for key in {*self.cluster.records} - {one.key for one in resync.entries}:
            self.cluster.discard(key)
        for one in resync.entries:
            self.cluster.put(read(one), FirstSeen(at, was_there=True))

    @property
    def entries(self) -> Mapping[bytes, Entry]:
        return {key: record.entry for key, record in self.cluster.records.items()}

    def is_as(self, other: View) -> bool:
        return (
            (self.entries, self.is_lost) == (other.entries, other.is_lost)
            and other.ttls.items() <= self.ttls.items()
            and {*self.cluster.workers()} == {*other.cluster.workers()}
        )


@settings(max_examples=100, deadline=None)
@given(history=histories, cut=st.none() | st.integers(1, 1000))
async def test_any_moment_is_the_cluster_folded_up_to_it(
    history: list[tuple[float, object]], cut: int | None
) -> None:
    model = Model()
    for after, act in history:
        model.act(after, act)
    content = b"".join(map(packed_by_line, model.frames))
    if cut is not None:
        content = content[: max(len(packed_by_line(model.frames[0][:2])), len(content) - cut)]
    with tempfile.TemporaryDirectory() as folder:
        timeline: Timeline = await RecordingTimeline.load(written(Path(folder) / "it", [content]))
        first, last = await timeline.first(), await timeline.last()
        assert first.at == START
        assert last.at == model.at if cut is None else last.at is not None
        moments = [first]
        for at in dict.fromkeys(one[0] for one in model.then):
            moment = await timeline.at_time(at)
            # Of the last time of what is cut off a part may be there.
            if cut is None or at < (last.at or 0.0):
                view = View(await timeline.open(moment))
                assert (view.entries, view.is_lost) == model.at_time(at)
            moments.append(moment)
        moments.append(last)
        assert moments == sorted(moments, key=lambda one: one.number)
        for far in (1, 4):
            for one, other in zip(moments, moments[far:], strict=False):
                steps = await timeline.between(one, other)
                if steps is not None:
                    stepped = View(await timeline.open(one)).step(steps)
                    assert stepped.is_as(View(await timeline.open(other)))


def frames_of_two() -> list[bytes]:
    """Return a frame of changes at revisions 2, 5 and 5, and one that begins at 5."""
    puts = [entry(key, revision=number) for key, number in zip(KEYS, (2, 5, 5), strict=False)]
    first = [put_line(one, START + int(one.revision), one.revision) for one in puts]
    checkpoint = Checkpoint(at=START + 10, entries=3, revision="5")
    second: list[AnyLine] = [
        header(START + 10),
        checkpoint,
        *map(entry_line, puts),
        AliveLine(at=START + 11),
    ]
    begun: list[AnyLine] = [header(), Checkpoint(at=START, entries=0, revision="1")]
    return [packed_by_line([*begun, *first]), packed_by_line(second)]


async def test_a_revision_is_found_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    timeline = await RecordingTimeline.load(written(tmp_path / "it", frames_of_two()))
    first, last = await timeline.first(), await timeline.last()
    assert await timeline.at_revision(1) == first
    two, five = await timeline.at_revision(4), await timeline.at_revision(99)
    assert (two.revision, two.at) == ("2", START + 2)
    assert five == last
    # All changes of one revision are one step.
    assert (await timeline.change_from(first, 2)).revision == "5"
    assert await timeline.change_from(first, 99) == await timeline.change_from(first, 2)
    assert await timeline.change_from(last, -2) == two
    assert await timeline.change_from(last, -99) == first
    opening = await timeline.open(last)
    assert [change.revision for change in opening.earlier] == [2, 5, 5]
    assert [change.at for change in opening.earlier] == [START + 2, START + 5, START + 5]
    with pytest.raises(NotYet):
        await timeline.open(Moment(last.number + 1))


async def test_where_only_a_part_has_times_the_others_are_not_guessed(tmp_path: Path) -> None:
    put = entry(KEYS[0])
    past: list[AnyLine] = [header(), Checkpoint(at=None, entries=0), put_line(put, None, "7")]
    now: list[AnyLine] = [header(START + 2), Checkpoint(at=START + 2, entries=1), entry_line(put)]
    both = await RecordingTimeline.load(
        written(tmp_path / "both", [packed_by_line(past), packed_by_line(now)])
    )
    assert not both.has_times
    assert (await both.at_time(START + 3)).at == START + 2
    with pytest.raises(TimeNotKnown) as raised:
        await both.at_time(START + 1)
    assert raised.value.known_from == START + 2
    none = await RecordingTimeline.load(written(tmp_path / "none", [packed_by_line(past)]))
    with pytest.raises(NoPast):
        await none.at_time(START)


async def test_a_moment_opens_with_what_was_scraped_in_the_hour_before(tmp_path: Path) -> None:
    def scraped(at: float) -> MetricsLine:
        row = FigureReading(of=("model", "m"), at=START + at, seconds=15, figures={"requests": at})
        return MetricsLine(at=START + at, rows=(row,))

    def begins(at: float, servers: tuple[str, ...] | None) -> list[AnyLine]:
        head = replace(header(START + at), metrics=servers)
        return [head, Checkpoint(at=START + at, entries=0)]

    frames: list[list[AnyLine]] = [
        [*begins(0, ("s",)), scraped(15), scraped(4_000)],
        [*begins(4_010, ("s",)), scraped(4_015)],
        [*begins(7_000, ("s",)), scraped(7_015)],
        [*begins(7_030, ()), AliveLine(at=START + 7_031)],
    ]
    timeline = await RecordingTimeline.load(
        written(tmp_path / "it", [packed_by_line(one) for one in frames])
    )
    assert timeline.has_figures
    openings = [
        await timeline.open(await timeline.at_time(START + at)) for at in (7_020, 20, 7_031)
    ]
    found = [[one.at - START for one in opening.figures] for opening in openings]
    assert found == [[4_000, 4_015], [], [4_000, 4_015, 7_015]]
    assert openings[2].evidence == [FiguresRead(at=START + 7_030, is_all=True)]
    assert timeline.scraped_at(openings[2].base) == ()
    assert timeline.scraped_at(openings[0].base) == ("s",)
    older = await RecordingTimeline.load(
        written(tmp_path / "older", [packed_by_line([*begins(0, None), scraped(15)])])
    )
    assert older.has_figures
    none = await RecordingTimeline.load(
        written(tmp_path / "none", [packed_by_line(begins(0, None))])
    )
    assert not none.has_figures
