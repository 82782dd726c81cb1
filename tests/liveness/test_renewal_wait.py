"""What a command that looks once waits for, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backends.dynamo.records import AnyRecord
from backends.liveness.judge import LeaseTtl, Verdict
from backends.liveness.renewal_wait import RenewalWait, await_renewals, longest_wait
from backends.probe.types import ProbeAnswer, ProbeResult
from backends.store import TimeToLive
from tests.liveness.watched import NOW, Watched
from tests.support import registered
from tests.support.registered import record

INSTANCE = record(registered.instance(0xA), lease=0xA)


class Waited:
    """A time that goes on by waiting, and a worker that renews its lease for so many seconds."""

    def __init__(
        self, *, renews: bool, answer: ProbeAnswer = ProbeAnswer.REFUSED, granted: float = 30.0
    ):
        self.passed = 0.0
        self.renews = renews
        self.granted = granted
        self.answer = answer
        self.looks = 0
        self.notices: list[float] = []
        self.watched = Watched(INSTANCE)

    def clock(self) -> float:
        return NOW + self.passed

    def now(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds

    async def look(self, records: Sequence[AnyRecord]) -> None:
        self.looks += 1
        tracker = self.watched.verdicts
        (target,) = tracker.targets([INSTANCE])
        tracker.observe_readings(
            [ProbeResult(target, self.answer, self.clock(), self.answer.value)]
        )
        # Renewed at half of its time, the first time 5 s after the look began.
        since = self.passed + 10.0
        if self.renews and self.passed >= 5.0:
            since = (self.passed - 5.0) % (self.granted / 2)
        remaining = float(int(self.granted - since))
        tracker.observe_ttls({0xA: LeaseTtl(TimeToLive(self.granted, remaining), self.clock())})
        tracker.update()

    async def wait(self, most: float = float("inf")) -> Verdict:
        await self.look([INSTANCE])
        await await_renewals(
            self.watched.verdicts,
            [INSTANCE],
            self.look,
            RenewalWait(lambda seconds, _: self.notices.append(seconds), most),
            clock=self.clock,
            timer=self,  # type: ignore[arg-type]
        )
        return self.watched.of(INSTANCE)


async def test_a_renewal_that_comes_shows_that_the_worker_lives() -> None:
    waited = Waited(renews=True)
    assert await waited.wait() is Verdict.UNREACHABLE_FROM_HERE
    assert not waited.watched.verdicts.is_stale(INSTANCE)
    # Whole seconds, and that it was a renewal after the refusal must be certain.
    assert waited.passed <= 8.0


async def test_one_that_does_not_come_shows_that_it_is_dead_after_half_of_the_ttl() -> None:
    waited = Waited(renews=False)
    assert await waited.wait() is Verdict.UNREACHABLE
    assert waited.watched.verdicts.is_stale(INSTANCE)
    assert waited.notices == [pytest.approx(7.0)]
    assert waited.passed <= 8.0


@pytest.mark.parametrize("answer", [ProbeAnswer.ACCEPTS, ProbeAnswer.SILENT, ProbeAnswer.UNREACHED])
async def test_what_no_renewal_decides_is_not_waited_for(answer: ProbeAnswer) -> None:
    waited = Waited(renews=True, answer=answer)
    await waited.wait()
    assert (waited.passed, waited.notices, waited.looks) == (0.0, [], 1)


async def test_a_wait_that_is_too_long_is_left_out() -> None:
    waited = Waited(renews=False, granted=600.0)
    assert await waited.wait(most=30.0) is Verdict.UNREACHABLE
    assert (waited.passed, waited.notices) == (0.0, [])
    assert not waited.watched.verdicts.is_stale(INSTANCE)


def test_no_wait_is_longer_than_half_of_the_ttl_and_what_a_renewal_may_be_late() -> None:
    full = LeaseTtl(TimeToLive(30.0, 30.0), NOW)
    given = LeaseTtl(TimeToLive(30.0, 29.0, reset_ago=1.0), NOW)
    gone = LeaseTtl(TimeToLive(None, -1.0), NOW)
    assert longest_wait([full, given, gone], NOW) == 17.0
    assert longest_wait([LeaseTtl(TimeToLive(30.0, 14.0), NOW)], NOW) == 1.0
    assert longest_wait([gone], NOW) == 0.0
    assert longest_wait([], NOW) == 0.0
