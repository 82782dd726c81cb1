"""What a recording has is enough to tell what was registered, what changed, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from msgspec.structs import replace

from backends.discovery.discovery import Discovery
from backends.discovery.lease_ttl import LeaseStanding, LeaseTtl
from backends.dynamo.queries import EVERYTHING
from backends.liveness.collector import CollectorTimes
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.liveness.gathering import Probing
from backends.liveness.lease_schedule import LeaseTimes
from backends.memory import Keyspace, MemoryStore
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.recording.changed_evidence import ProbedAddresses
from backends.recording.entry_lines import entry_of, lease_ttl_of, lost_of
from backends.recording.lines import (
    AliveLine,
    AnyLine,
    Checkpoint,
    DeleteLine,
    DrainsLine,
    EndLine,
    EntryLine,
    GapLine,
    Header,
    LeasesLine,
    LostLine,
    MetricsLine,
    ProbesLine,
    PutLine,
    decode,
    encode,
)
from backends.recording.part_files import CannotRecord
from backends.recording.recorder import ObservesRecorder, RecordedBy, Recorder, RecorderTimes
from backends.recording.writer import NewFrame, Wanted
from backends.removal.audit_drains import AuditDrains
from backends.store import Cause, StoreError, TimeToLive, Unreachable
from tests.liveness.test_collector import Probes
from tests.support import registered
from tests.support.metrics_screen import FRONTEND, SaidScrapes

DEADLINE = 60.0
"""Seconds within which an awaited state must come."""
STARTED = 1_790_000_000.0
WORKER = 0xA1
OTHER = 0xB2
GRANTED = 30.0
TIMES = RecorderTimes(
    tick=0.001,
    audit=0.001,
    settle=0.001,
    pauses=(0.001, 0.001),
    collector=CollectorTimes(
        aim_interval=0.001,
        leases=LeaseTimes(burst_interval=0.001, doubt_interval=0.001, behind_interval=0.001),
    ),
)

LineT = TypeVar("LineT")


class Written:
    """The lines that were put, each as it is read back. Keeps the `TakesLines` protocol."""

    def __init__(self) -> None:
        self.lines: list[AnyLine] = []
        self.wanted = Wanted.PART
        self.failure: asyncio.Future[CannotRecord] = asyncio.get_running_loop().create_future()
        self.open = asyncio.Event()
        self.open.set()
        self._news = asyncio.Condition()
        self._notifying: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        return self.open.is_set()

    async def check(self) -> None:
        """It can be written."""

    def begin(self, frame: NewFrame) -> None:
        self.wanted = Wanted.NOTHING
        self.put(*frame.lines())

    def put(self, *lines: AnyLine) -> None:
        for line in lines:
            read = decode(encode(line)[:-1])
            assert read is not None
            self.lines.append(read)
        task = asyncio.ensure_future(self._notify())
        self._notifying.add(task)
        task.add_done_callback(self._notifying.discard)

    async def room(self) -> None:
        await self.open.wait()

    async def until_failed(self) -> CannotRecord:
        return await self.failure

    async def close(self, *last: AnyLine) -> None:
        self.put(*last)

    def of(self, kind: type[LineT], after: int = 0) -> list[LineT]:
        return [one for one in self.lines[after:] if isinstance(one, kind)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE), self._news:
            await self._news.wait_for(condition)

    async def until_line(self, kind: type[LineT], after: int = 0) -> LineT:
        """Wait for a line of a kind among those after a place, and return the first."""
        await self.until(lambda: self.of(kind, after))
        return self.of(kind, after)[0]

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


class Seen(ObservesRecorder):
    """What an observer was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begun(self, entries: int) -> None:
        self.told.append(f"begun with {entries}")

    def lost(self, error: StoreError) -> None:
        self.told.append(f"lost {error}")

    def back(self) -> None:
        self.told.append("back")

    def held(self, seconds: float) -> None:
        self.told.append(f"held for {seconds}")


class WantedProbes(Probes):
    """Tells when addresses are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self._are_wanted = asyncio.Event()

    def want(self, targets: Collection[ProbeTarget]) -> None:
        super().want(targets)
        if targets:
            self._are_wanted.set()

    async def until_wanted(self) -> None:
        async with asyncio.timeout(DEADLINE):
            await self._are_wanted.wait()


class Audited(AuditDrains):
    """An audit that has what it is told."""

    def __init__(self) -> None:
        super().__init__(None, "", "")
        self.marks: Mapping[int, DrainMark] | None = None

    async def changed(self) -> Mapping[int, DrainMark] | None:
        marks, self.marks = self.marks, None
        return marks


class Recording:
    """A recorder of a store in memory, and the time by its clock."""

    def __init__(
        self,
        probing: Probing = Probing.NEVER,
        cap: float = 0.0,
        times: RecorderTimes = TIMES,
        scrapes: SaidScrapes | None = None,
    ) -> None:
        """`cap`: of queries for leases. 0: they are read by `read_leases`."""
        self.now = STARTED
        self.keyspace = Keyspace(lambda: self.now)
        self.reset_ago: float | None = None
        """Seconds since the store gave each lease its full time, as an etcd with a new leader."""
        self.written = Written()
        self.seen = Seen()
        self.probes = WantedProbes()
        self.audited = Audited()
        for worker in (WORKER, OTHER):
            self.keyspace.grant(worker, GRANTED)
            for key, value in (registered.instance(worker), registered.card(worker)):
                self.keyspace.put(key, value, worker)
        self.recorder = Recorder(
            Discovery(MemoryStore(self.keyspace)),
            EVERYTHING,
            self.written,
            self.probes,
            RecordedBy("1.2.3", "here"),
            clock=lambda: self.now,
            mask=lambda text: text.replace("secret", "***"),
            observer=self.seen,
            drains=self.audited,
            scrapes=scrapes,
            probing=probing,
            cap=cap,
            times=times,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Written]:
        task = asyncio.create_task(self.recorder.run())
        try:
            await self.written.until_line(Checkpoint)
            yield self.written
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def read_leases(self, *renewed: int) -> None:
        """Renew some leases, and read all that there are."""
        for lease in renewed:
            self.keyspace.renew(lease)
        read: dict[int | bytes, LeaseTtl] = {}
        for lease in (WORKER, OTHER):
            ttl = self.keyspace.time_to_live(lease)
            if self.reset_ago is not None:
                ttl = TimeToLive(ttl.granted, GRANTED, self.reset_ago)
            read[lease] = LeaseTtl(ttl, self.now)
        self.recorder.ttls_read(read)

    async def until_read(self, lease: int, after: int = 0) -> LeasesLine:
        """Wait until a reading of a lease was written, and return its line."""
        lines: list[LeasesLine] = []

        def found() -> bool:
            lines[:] = [
                line
                for line in self.written.of(LeasesLine, after)
                if any(one.lease == f"{lease:x}" for one in line.leases)
            ]
            return bool(lines)

        await self.written.until(found)
        return lines[0]


def standing(line: LeasesLine, lease: int) -> LeaseStanding:
    return dict(map(lease_ttl_of, line.leases))[lease].standing


async def test_a_frame_begins_with_all_that_is_registered() -> None:
    recording = Recording()
    async with recording.running() as written:
        header = written.lines[0]
        assert isinstance(header, Header)
        assert (header.store, header.version, header.lifetime) == ("memory", "1.2.3", "leased")
        assert (header.at, header.started, header.probing) == (STARTED, STARTED, "never")
        assert written.lines[1] == Checkpoint(at=STARTED, entries=4, revision="4")
        entries = written.of(EntryLine)
        assert [entry_of(one) for one in entries] == list(recording.keyspace.read([b""]).entries)
        assert {(one.seen, one.since) for one in entries} == {(STARTED, False)}
    assert recording.seen.told == ["begun with 4"]


async def test_each_change_has_its_time_and_the_revision_of_the_store() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.now += 5
        key, value = registered.instance(WORKER, endpoint="other")
        recording.keyspace.put(key, value, WORKER)
        put = await written.until_line(PutLine)
        recording.now += 5
        recording.keyspace.delete(key)
        deleted = await written.until_line(DeleteLine)

    assert entry_of(put).value == value
    assert (put.at, put.revision, put.lease) == (STARTED + 5, "5", "a1")
    assert (deleted.at, deleted.revision, deleted.key) == (STARTED + 10, "6", key.decode())


async def test_leases_are_read_at_the_start() -> None:
    recording = Recording(cap=1_000)
    async with recording.running():
        for worker in (WORKER, OTHER):
            line = await recording.until_read(worker)
            assert standing(line, worker) is LeaseStanding.RENEWED


async def test_a_worker_that_was_killed_is_explained_by_its_last_readings() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.read_leases()
        await recording.until_read(WORKER)
        # Killed: nothing renews its lease any more.
        before = len(written.lines)
        recording.now += 20
        recording.read_leases(OTHER)
        late = await recording.until_read(WORKER, before)
        assert standing(late, WORKER) is LeaseStanding.LATE
        recording.now += 9
        recording.read_leases(OTHER)
        recording.now += 1
        recording.keyspace.end_overdue_leases()
        gone = await written.until_line(DeleteLine)
        after = written.lines.index(gone)
        end = await recording.until_read(WORKER, after)

    assert standing(end, WORKER) is LeaseStanding.GONE
    deleted = written.of(DeleteLine)
    assert {(one.at, one.revision) for one in deleted} == {(STARTED + 30, "5")}, "at once"
    last = [line for line in written.lines[:after] if isinstance(line, LeasesLine)][-1]
    read = dict(map(lease_ttl_of, last.leases))[WORKER]
    assert (read.at, read.ttl.remaining) == (STARTED + 29, 1), "it was about to run out"


async def test_a_revoked_lease_had_time_left_by_a_reading_before_its_keys_went() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.read_leases()
        await recording.until_read(WORKER)
        recording.now += 15
        # It shows nothing new: by itself it is not written.
        recording.read_leases(WORKER, OTHER)
        recording.keyspace.end_lease(WORKER)
        gone = await written.until_line(DeleteLine)

    before = written.lines[: written.lines.index(gone)]
    last = [one for one in before if isinstance(one, LeasesLine)][-1]
    assert [one.lease for one in last.leases] == ["a1"]
    read = dict(map(lease_ttl_of, last.leases))[WORKER]
    assert (read.at, read.ttl.remaining) == (STARTED + 15, 30)


async def test_the_lease_of_a_key_that_was_drained_is_seen_alive_twice() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.keyspace.delete(registered.instance(WORKER)[0])
        gone = await written.until_line(DeleteLine)
        after = written.lines.index(gone)
        await written.until(lambda: len(written.of(LeasesLine, after)) == 2)

    lines = written.of(LeasesLine, after)
    assert [standing(one, WORKER) for one in lines] == [LeaseStanding.RENEWED] * 2


async def test_readings_that_show_nothing_new_are_written_once_a_minute() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.read_leases()
        await recording.until_read(WORKER)
        before = len(written.lines)
        for _ in range(5):
            recording.now += 14
            recording.read_leases(WORKER, OTHER)
        await recording.until_read(WORKER, before)
        await written.until_line(AliveLine)

    assert [len(line.leases) for line in written.of(LeasesLine)] == [2, 2]
    first, second = (dict(map(lease_ttl_of, one.leases)) for one in written.of(LeasesLine))
    assert (first[WORKER].at, second[WORKER].at) == (STARTED, STARTED + 70)


async def test_before_a_store_gives_full_times_the_last_reading_is_written() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.read_leases()
        await recording.until_read(WORKER)
        before = len(written.lines)
        recording.now += 14
        recording.read_leases()
        recording.now += 1
        recording.reset_ago = 0.0
        recording.read_leases()
        await written.until(lambda: len(written.of(LeasesLine, before)) == 2)

    earlier, read = (
        dict(map(lease_ttl_of, one.leases))[WORKER] for one in written.of(LeasesLine, before)
    )
    assert (earlier.at, earlier.ttl.remaining) == (STARTED + 14, 16)
    assert (read.at, read.ttl.reset_ago, read.earlier) == (STARTED + 15, 0.0, earlier)


async def test_a_store_that_was_lost_is_read_again_and_only_the_differences_follow() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.now += 1
        error = Unreachable("etcd.secret:2379", Cause.REFUSED)
        recording.keyspace.break_off(error)
        lost = await written.until_line(LostLine)
        key, value = registered.instance(WORKER, endpoint="other")
        recording.keyspace.put(key, value, WORKER)
        recording.keyspace.delete(registered.card(OTHER)[0])
        recording.now += 60
        recording.keyspace.mend()
        gap = await written.until_line(GapLine)
        await written.until_line(PutLine)

    assert lost.at == STARTED + 1
    assert str(lost_of(lost).error) == "refused: etcd.***:2379", "without secrets"
    assert (gap.at, gap.changes, gap.revision) == (STARTED + 61, 2, "6")
    at = written.lines.index(gap)
    deleted, put = written.lines[at + 1 : at + 3]
    assert isinstance(deleted, DeleteLine)
    assert deleted.key == registered.card(OTHER)[0].decode()
    assert isinstance(put, PutLine)
    assert put.key == key.decode()
    assert recording.seen.told == ["begun with 4", f"lost {error}", "back"]


async def test_a_store_that_cannot_be_reached_at_the_start_ends_it() -> None:
    recording = Recording()
    error = Unreachable("etcd:2379", Cause.REFUSED)
    recording.keyspace.break_off(error)

    with pytest.raises(Unreachable):
        await recording.recorder.run()
    await recording.recorder.end("never begun")
    assert recording.written.lines == []


async def test_another_frame_has_all_that_is_known_by_then() -> None:
    recording = Recording(Probing.ALL)
    async with recording.running() as written:
        recording.read_leases()
        await recording.probes.until_wanted()
        recording.probes.tell(ProbeAnswer.ACCEPTS)
        await written.until_line(ProbesLine)
        recording.audited.marks = {OTHER: DrainMark(STARTED, Drained("ann", "h", "3"))}
        await written.until_line(DrainsLine)
        recording.now += 7
        key, value = registered.instance(WORKER, endpoint="other")
        recording.keyspace.put(key, value, WORKER)
        await written.until_line(PutLine)
        recording.now += 7
        recording.keyspace.break_off(Unreachable("etcd:2379", Cause.REFUSED))
        await written.until_line(LostLine)
        before = len(written.lines)
        written.wanted = Wanted.FRAME
        await written.until_line(LostLine, before)

    header, checkpoint, *rest = written.lines[before:]
    assert isinstance(header, Header)
    assert (header.at, header.started) == (STARTED + 14, STARTED)
    assert checkpoint == Checkpoint(at=STARTED + 14, entries=5, revision="5")
    entries, (leases, probes, drains, lost) = rest[:5], rest[5:9]
    assert [type(one) for one in rest[5:9]] == [LeasesLine, ProbesLine, DrainsLine, LostLine]
    new = next(one for one in entries if isinstance(one, EntryLine) and one.key == key.decode())
    assert (new.seen, new.since) == (STARTED + 7, True)
    assert isinstance(leases, LeasesLine)
    assert {one.lease for one in leases.leases} == {"a1", "b2"}
    assert isinstance(probes, ProbesLine)
    assert {one.answer for one in probes.probes} == {"accepts"}
    assert isinstance(drains, DrainsLine)
    assert [(one.worker, one.user) for one in drains.drains] == [("b2", "ann")]
    assert isinstance(lost, LostLine)
    assert lost.at == STARTED + 14, "it is lost still"


async def test_probes_are_written_by_change_and_once_a_minute() -> None:
    recording = Recording(Probing.ALL)
    async with recording.running() as written:
        await recording.probes.until_wanted()
        recording.probes.tell(ProbeAnswer.ACCEPTS)
        await written.until_line(ProbesLine)
        before = len(written.lines)
        recording.probes.tell(ProbeAnswer.ACCEPTS)
        recording.probes.tell(ProbeAnswer.SILENT)
        changed = await written.until_line(ProbesLine, before)

    assert {one.answer for one in changed.probes} == {"silent"}


async def test_without_a_change_a_line_a_minute_tells_that_it_goes_on() -> None:
    recording = Recording()
    async with recording.running() as written:
        recording.now += 61
        assert (await written.until_line(AliveLine)).at == STARTED + 61
    await recording.recorder.end("interrupted")

    assert written.lines[-1] == EndLine(at=STARTED + 61, why="interrupted")


async def test_a_watch_that_is_silent_is_begun_anew() -> None:
    recording = Recording(times=replace(TIMES, silence=0.05))
    async with recording.running() as written:
        # The store reports no sign of life for seconds.
        lost = await written.until_line(LostLine)
        gap = await written.until_line(GapLine)
        key, value = registered.instance(WORKER, endpoint="other")
        recording.keyspace.put(key, value, WORKER)
        put = await written.until_line(PutLine)

    assert lost.error == "the watch was silent"
    assert gap.changes == 0
    assert entry_of(put).value == value


async def test_a_disk_that_takes_nothing_for_long_makes_a_gap() -> None:
    recording = Recording()
    async with recording.running() as written:
        written.open.clear()
        key, value = registered.instance(WORKER, endpoint="other")
        # The first is taken, since the recorder waits for it already.
        recording.keyspace.put(registered.UNKNOWN[0], registered.UNKNOWN[1], WORKER)
        await written.until_line(PutLine)
        recording.keyspace.put(key, value, WORKER)
        await asyncio.sleep(0)
        recording.now += 10
        written.open.set()
        gap = await written.until_line(GapLine)

    lost = written.of(LostLine)[0]
    assert lost.at == STARTED
    assert "the disk took nothing" in lost.error
    assert (gap.at, gap.changes) == (STARTED + 10, 1)
    assert "held for 10.0" in recording.seen.told


async def test_what_cannot_be_written_ends_it() -> None:
    recording = Recording()
    failure = CannotRecord.__new__(CannotRecord)
    task = asyncio.create_task(recording.recorder.run())
    await recording.written.until_line(Checkpoint)
    recording.written.failure.set_result(failure)

    with pytest.raises(CannotRecord):
        await task


async def test_credentials_in_registered_addresses_are_masked_and_the_line_says_so() -> None:
    recording = Recording()
    value = b'{"type":"Endpoint","transport":{"http":"http://ann:pa%40ss@10.0.0.1/x@2"}}'
    recording.keyspace.put(b"v1/instances/prod/backend/g/1", value, WORKER)
    async with recording.running() as written:
        recording.keyspace.put(b"v1/instances/prod/backend/g/2", value, WORKER)
        put = await written.until_line(PutLine)

    entry = next(one for one in written.of(EntryLine) if one.key.endswith("/g/1"))
    for line in (put, entry):
        assert line.masked
        assert line.value == value.decode().replace("ann:pa%40ss", "***")
    assert not any(one.masked for one in written.of(EntryLine) if one is not entry)


async def test_a_model_by_revision_is_not_taken_for_credentials() -> None:
    recording = Recording()
    value = b'{"type":"Model","source_path":"hf://acme/model@main"}'
    async with recording.running() as written:
        recording.keyspace.put(b"v1/mdc/prod/backend/g/1", value, WORKER)
        put = await written.until_line(PutLine)

    assert (put.value, put.masked) == (value.decode(), False)


async def test_a_recorder_that_was_suspended_says_nothing_of_the_store_until_it_has_heard() -> None:
    recording = Recording()
    key = b"v1/mdc/prod/backend/g/1"
    async with recording.running() as written:
        recording.keyspace.put(key, b"{}", WORKER)
        await written.until_line(PutLine)
        before = len(written.lines)
        recording.now += 300
        # It ticks, and writes what it knows of leases.
        recording.read_leases()
        await written.until_line(LeasesLine, before)
        assert not written.of(AliveLine)
        recording.keyspace.put(key, b"{ }", WORKER)
        await written.until_line(AliveLine)


async def test_each_frame_begins_with_all_figures_and_tells_whose_they_are() -> None:
    scrapes = SaidScrapes(FRONTEND)
    scrapes.models = {FRONTEND: {"acme/tiny-llm": 4.0}}
    recording = Recording(scrapes=scrapes)
    async with recording.running() as written:
        assert written.of(Header)[0].metrics == (str(FRONTEND),)
        (begun, *_) = written.of(MetricsLine)
        assert (begun.whole, begun.rows) == (True, ())
        await written.until(lambda: any(one.rows for one in written.of(MetricsLine)))
        before, written.wanted = len(written.lines), Wanted.FRAME
        line = await written.until_line(MetricsLine, before)
    assert (line.whole, [one.of for one in line.rows]) == (True, [("model", "acme/tiny-llm")])

    recording = Recording()
    async with recording.running() as written:
        assert written.of(Header)[0].metrics == ()
        assert not written.of(MetricsLine)


def test_an_answer_of_another_kind_is_written_and_forgotten_addresses_are_not() -> None:
    probed = ProbedAddresses()
    target = ProbeTarget(ProbeMethod.TCP, "10.0.0.1:1")

    def answer(answer: ProbeAnswer, at: float) -> ProbeResult:
        return ProbeResult(target, answer, at, answer.value)

    probed.observe([answer(ProbeAnswer.ACCEPTS, 0)])
    probed.observe([answer(ProbeAnswer.ACCEPTS, 30)])
    assert [one.at for one in probed.take_due()] == [0]
    probed.observe([answer(ProbeAnswer.ACCEPTS, 61)])
    assert [one.at for one in probed.take_due()] == [61]
    probed.forget(probed.targets())
    assert probed.take_all() == []
