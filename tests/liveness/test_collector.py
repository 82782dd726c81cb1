"""The collector asks the store little and writes nothing, and what it learns becomes verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager

import pytest

from backends.discovery.cluster import Cluster, FirstSeen
from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.dynamo.records import AnyRecord
from backends.liveness.collector import DEFAULT_TIMES, CollectorTimes, EvidenceCollector
from backends.liveness.gathering import Probing
from backends.liveness.judge import Verdict
from backends.liveness.lease_schedule import LeaseTimes
from backends.liveness.tracker import LivenessTracker
from backends.memory import Keyspace, MemoryStore
from backends.probe.types import ProbeAnswer, ProbeResult, ProbeTarget
from backends.store import Cause, Entry, Lifetime, TimeToLive, Unreachable
from tests.support import registered
from tests.support.asking import Turns

DEADLINE = 60.0
"""Seconds within which an awaited state must come."""


class Counting(MemoryStore):
    """Remembers what it was asked about."""

    def __init__(self, keyspace: Keyspace) -> None:
        super().__init__(keyspace)
        self.asked: list[int | None] = []

    async def time_to_live(self, entries: Iterable[Entry]) -> dict[bytes, TimeToLive]:
        entries = list(entries)
        self.asked += [entry.lease for entry in entries]
        return await super().time_to_live(entries)


class Probes:
    """Answers as told; keeps the `Probes` protocol."""

    def __init__(self) -> None:
        self.wanted: Collection[ProbeTarget] = ()
        self.aimed = 0
        """How often it was said what is wanted."""
        self.deep: list[ProbeTarget] = []
        self.answer = ProbeAnswer.ACCEPTS
        self._told: Callable[[list[ProbeResult]], None] = lambda _: None

    def want(self, targets: Collection[ProbeTarget]) -> None:
        self.wanted = targets
        self.aimed += 1

    async def run(self, told: Callable[[list[ProbeResult]], None]) -> None:
        self._told = told
        await asyncio.Event().wait()

    async def once(
        self, targets: Collection[ProbeTarget], *, deep: bool = False
    ) -> list[ProbeResult]:
        self.deep += targets if deep else ()
        return [ProbeResult(one, self.answer, 0.0, self.answer.value, deep) for one in targets]

    async def aclose(self) -> None:
        """There is nothing to end."""

    def tell(self, answer: ProbeAnswer) -> None:
        self._told([ProbeResult(one, answer, 0.0, answer.value) for one in self.wanted])


class Plane:
    """A store with a collector over all of it."""

    def __init__(
        self,
        workers: int,
        *,
        probing: Probing = Probing.VISIBLE,
        cap: float = 50.0,
        times: CollectorTimes = DEFAULT_TIMES,
    ):
        self.keyspace = Keyspace(lambda: 0.0)
        for worker in range(1, workers + 1):
            self.keyspace.grant(worker, 30.0)
            for key, value in (registered.instance(worker), registered.card(worker)):
                self.keyspace.put(key, value, worker)
        self.store = Counting(self.keyspace)
        self.cluster = Cluster()
        self.verdicts = LivenessTracker(self.cluster, Lifetime.LEASED)
        for entry in self.keyspace.read([b""]).entries:
            self.cluster.put(read(entry), FirstSeen(0.0, was_there=True))
        self.verdicts.update(self.cluster.take_changes().keys)
        self.visible: list[AnyRecord] = []
        self.probes = Probes()
        self.told = 0
        self.collector = EvidenceCollector(
            Discovery(self.store),
            self.verdicts,
            self.probes,
            lambda: self.visible,
            clock=lambda: 0.0,
            probing=probing,
            cap=cap,
            times=times,
        )

    def instance(self, worker: int) -> AnyRecord:
        return self.cluster.records[registered.instance(worker)[0]]

    def card(self, worker: int) -> AnyRecord:
        return self.cluster.records[registered.card(worker)[0]]

    def of(self, worker: int) -> Verdict:
        return self.verdicts.of(registered.instance(worker)[0])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.collector.run(self._note))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.verdicts.update()
                await asyncio.sleep(0.01)

    def _note(self) -> None:
        self.told += 1


async def test_each_lease_is_asked_about_once_however_many_keys_hang_on_it() -> None:
    plane = Plane(10)
    before = plane.keyspace.read([b""])
    async with plane.running():
        await plane.until(lambda: all(plane.of(worker) is Verdict.LIVE for worker in range(1, 11)))
    assert sorted(lease or 0 for lease in plane.store.asked) == list(range(1, 11))
    assert plane.told
    assert plane.keyspace.read([b""]) == before


async def test_what_is_on_screen_is_asked_about_first_and_the_cap_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(monkeypatch)
    plane = Plane(200, cap=8)
    plane.visible = [plane.instance(150), plane.instance(151)]
    async with plane.running():
        await plane.until(lambda: len(plane.store.asked) >= 16)
        assert set(plane.store.asked[:2]) == {150, 151}
        assert turns.keep(8)
        await plane.until(lambda: plane.collector.sweep_age() > 0)


async def test_leases_that_come_and_go_faster_than_the_cap_are_not_kept() -> None:
    plane = Plane(100, cap=1)
    async with plane.running():
        await plane.until(lambda: plane.collector.leases_read()[1] == 100)
        for worker in range(1, 101):
            for record in (plane.instance(worker), plane.card(worker)):
                plane.cluster.discard(record.key)
        plane.verdicts.update(plane.cluster.take_changes().keys)
        await plane.until(lambda: plane.collector.leases_read()[1] == 0)
        # They are let go of without a question to the store.
        assert len(plane.store.asked) < 100


async def test_who_cannot_follow_all_leases_asks_in_bursts_of_another_interval() -> None:
    times = LeaseTimes(burst_interval=3600.0, doubt_interval=3600.0, behind_interval=0.001)
    plane = Plane(35, cap=2, times=CollectorTimes(leases=times))
    async with plane.running():
        # The cap allows for two of them at first, and two a second are asked by each burst.
        await plane.until(lambda: len(plane.store.asked) > 2)


async def test_an_answer_that_bears_on_no_verdict_is_not_told_of() -> None:
    plane = Plane(1)
    # Its renewal is overdue, and not missed yet: it is asked about again and again.
    plane.keyspace._leases[1].renewed_at = -16.5
    async with plane.running():
        await plane.until(lambda: plane.of(1) is Verdict.LIVE)
        told, asked = plane.told, len(plane.store.asked)
        assert told
        await plane.until(lambda: len(plane.store.asked) > asked)
        assert plane.told == told
        plane.keyspace._leases[1].renewed_at = -25.0
        await plane.until(lambda: plane.of(1) is Verdict.LATE)
        assert plane.told > told


async def test_while_leases_are_read_for_the_first_time_only_what_is_wrong_is_told_of_at_once() -> (
    None
):
    # The cap allows for two at first.
    plane = Plane(6, cap=2, times=CollectorTimes(reading_interval=3600.0))
    plane.keyspace._leases[4].renewed_at = -25.0
    told_at: list[int] = []
    async with plane.running():
        await plane.until(lambda: plane.told == 1)
        told_at.append(plane.collector.leases_read()[0])
        await plane.until(lambda: plane.told == 2)
        plane.verdicts.update()
        assert plane.of(4) is Verdict.LATE
        told_at.append(plane.collector.leases_read()[0])
        await plane.until(lambda: plane.told == 3)
        told_at.append(plane.collector.leases_read()[0])
    assert told_at == [2, 4, 6]


async def test_a_probe_that_confirms_what_was_known_is_not_told_of() -> None:
    plane = Plane(1, cap=0)
    plane.visible = [plane.instance(1)]
    async with plane.running():
        await plane.until(lambda: bool(plane.probes.wanted))
        plane.probes.tell(ProbeAnswer.ACCEPTS)
        plane.verdicts.update()
        told = plane.told
        assert told
        plane.probes.tell(ProbeAnswer.ACCEPTS)
        assert plane.told == told
        plane.probes.tell(ProbeAnswer.REFUSED)
        assert plane.told > told


async def test_the_addresses_on_screen_and_of_what_is_late_are_probed_and_no_others() -> None:
    plane = Plane(3)
    plane.visible = [plane.instance(1)]
    plane.keyspace.grant(2, 30.0)
    plane.keyspace._leases[2].renewed_at = -25.0
    async with plane.running():
        await plane.until(lambda: plane.of(2) is Verdict.LATE)
        await plane.until(
            lambda: (
                {one.address for one in plane.probes.wanted} == {"10.0.0.1:9000", "10.0.0.2:9000"}
            )
        )
        plane.probes.tell(ProbeAnswer.REFUSED)
        await plane.until(lambda: plane.of(1) is Verdict.UNREACHABLE)
        assert plane.verdicts.of(registered.card(1)[0]) is Verdict.UNREACHABLE
        assert plane.of(3) is Verdict.LIVE


async def test_addresses_are_chosen_anew_only_after_something_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plane = Plane(3, cap=0, times=CollectorTimes(aim_interval=0.001))
    chosen: list[set[ProbeTarget]] = []
    watched = plane.verdicts.watched

    def noting(records: Iterable[AnyRecord]) -> set[ProbeTarget]:
        chosen.append(watched(records))
        return chosen[-1]

    monkeypatch.setattr(plane.verdicts, "watched", noting)
    plane.visible = [plane.instance(1)]
    async with plane.running():
        await plane.until(lambda: plane.probes.aimed > 10)
        assert len(chosen) == 1
        plane.visible = [plane.instance(2)]
        await plane.until(lambda: len(chosen) == 2)
        plane.probes.tell(ProbeAnswer.REFUSED)
        # Now it is wanted, whether it is on screen or not.
        plane.visible = [plane.instance(3)]
        await plane.until(lambda: len(plane.probes.wanted) == 2)


async def test_all_probes_everything_and_never_nobody() -> None:
    everything, nobody = Plane(3, probing=Probing.ALL), Plane(3, probing=Probing.NEVER)
    nobody.visible = [nobody.instance(1)]
    async with everything.running(), nobody.running():
        await everything.until(lambda: len(everything.probes.wanted) == 3)
        await nobody.until(lambda: nobody.of(1) is Verdict.LIVE)
    assert nobody.probes.wanted == ()


async def test_only_who_asks_for_it_probes_deep() -> None:
    plane, deep = Plane(1), Plane(1, probing=Probing.DEEP)
    deep.visible = [deep.instance(1)]
    async with plane.running(), deep.running():
        await deep.until(lambda: bool(deep.probes.deep))
        plane.probes.answer = ProbeAnswer.SILENT
        readings = await plane.collector.probe([plane.instance(1)], deep=True)
        assert [one.deep for one in readings] == [True]
        await plane.until(lambda: plane.of(1) is Verdict.UNREACHABLE)


async def test_one_that_was_silent_when_asked_deep_is_asked_again_until_it_answers() -> None:
    plane = Plane(2, times=CollectorTimes(aim_interval=0.01, doubt=(0.01, 0.02)))
    async with plane.running():
        plane.probes.answer = ProbeAnswer.SILENT
        await plane.collector.probe([plane.instance(1)], deep=True)
        await plane.until(lambda: plane.of(1) is Verdict.UNREACHABLE)
        await plane.until(lambda: len(plane.probes.deep) >= 4)
        plane.probes.answer = ProbeAnswer.ANSWERS
        await plane.until(lambda: plane.of(1) is Verdict.LIVE)
        # In as many turns it would have been asked again several times.
        asked, aimed = len(plane.probes.deep), plane.probes.aimed
        await plane.until(lambda: plane.probes.aimed > aimed + 10)
        assert len(plane.probes.deep) == asked
    assert {one.address for one in plane.probes.deep} == {"10.0.0.1:9000"}


async def test_a_store_that_is_lost_is_asked_again_later_and_nothing_is_guessed() -> None:
    plane = Plane(1)
    plane.keyspace.break_off(Unreachable("memory", Cause.LOST))
    async with plane.running():
        await plane.until(lambda: bool(plane.store.asked))
        assert plane.of(1) is Verdict.UNKNOWN
        plane.keyspace.mend()
        await plane.until(lambda: plane.of(1) is Verdict.LIVE)


async def test_a_lease_that_comes_later_is_asked_about_too() -> None:
    plane = Plane(1)
    async with plane.running():
        await plane.until(lambda: plane.of(1) is Verdict.LIVE)
        plane.keyspace.grant(9, 30.0)
        key, value = registered.instance(9)
        plane.keyspace.put(key, value, 9)
        entry = plane.keyspace.find(key)
        assert entry is not None
        plane.cluster.put(read(entry), FirstSeen(0.0, was_there=False))
        plane.verdicts.update([key])
        await plane.until(lambda: plane.of(9) is Verdict.LIVE)


async def test_a_cap_of_none_asks_the_store_for_no_lease() -> None:
    plane = Plane(3, cap=0, probing=Probing.VISIBLE)
    plane.visible = [plane.instance(1)]
    async with plane.running():
        await plane.until(lambda: len(plane.probes.wanted) == 1)
    assert plane.store.asked == []
    assert plane.collector.sweep_age() == 0.0
