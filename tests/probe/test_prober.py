"""Who is asked when, and what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count, pairwise

import pytest

from backends.aio.timer import LOOP, Timer
from backends.probe import tcp, zmtp
from backends.probe.addresses import Address
from backends.probe.prober import Prober
from backends.probe.types import Finding, ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from tests.support.moved_timer import MovedTimer
from tests.support.peers import Peer, refusing, saying, silent, until

NOW = 1_700_000_000.0
INTERVAL = 0.2
"""Seconds; short, so that tests with real peers are."""


def make_prober(
    *,
    random: Callable[[], float] = lambda: 0.0,
    interval: float = INTERVAL,
    jitter: float = 0.0,
    time_limit: float = 10.0,
    concurrency: int = 32,
    most_held: int = 256,
    timer: Timer = LOOP,
) -> Prober:
    return Prober(
        nats=None,
        clock=lambda: NOW,
        random=random,
        interval=interval,
        jitter=jitter,
        time_limit=time_limit,
        concurrency=concurrency,
        most_held=most_held,
        timer=timer,
    )


class Told:
    """What a prober told, as it comes."""

    def __init__(self) -> None:
        self.readings: list[ProbeResult] = []

    def __call__(self, readings: list[ProbeResult]) -> None:
        assert readings
        self.readings += readings

    def of(self, target: ProbeTarget) -> list[ProbeAnswer]:
        return [reading.answer for reading in self.readings if reading.target == target]


@contextlib.asynccontextmanager
async def running(prober: Prober) -> AsyncIterator[Told]:
    told = Told()
    task = asyncio.create_task(prober.run(told))
    try:
        yield told
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await prober.aclose()


class Publishers:
    """Stands for all ZMQ publishers: notes who is asked when, by a timer that tests move."""

    def __init__(self) -> None:
        self.timer = MovedTimer()
        self.asked: dict[str, list[float]] = {}
        self.at_a_time = 0
        self.most_at_a_time = 0
        self.most_tasks = 0
        self.pause = 0.0
        """Seconds that an answer takes."""

    async def ask(self, address: Address, time_limit: float) -> Finding:
        self.asked.setdefault(str(address), []).append(self.timer.now())
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))
        try:
            await self.timer.sleep(self.pause)
        finally:
            self.at_a_time -= 1
        return zmtp.GREETS

    def gaps(self, target: ProbeTarget) -> list[float]:
        """Seconds between one question and the next, to the microsecond."""
        return [round(later - sooner, 6) for sooner, later in pairwise(self.asked[target.address])]

    def times(self, target: ProbeTarget) -> int:
        return len(self.asked.get(target.address, ()))


@pytest.fixture
def publishers(monkeypatch: pytest.MonkeyPatch) -> Publishers:
    stub = Publishers()
    monkeypatch.setattr(zmtp, "ask", stub.ask)
    return stub


def publisher(number: int) -> ProbeTarget:
    return ProbeTarget(ProbeMethod.ZMTP, f"10.0.{number // 256}.{number % 256}:5557")


def of_peer(method: ProbeMethod, address: Address) -> ProbeTarget:
    return ProbeTarget(method, str(address))


def _is(number: Callable[[], int], expected: int) -> bool:
    return number() == expected


async def test_what_is_wanted_is_asked_again_and_again(publishers: Publishers) -> None:
    prober = make_prober(timer=publishers.timer)
    async with running(prober) as told:
        prober.want([publisher(1)])
        await publishers.timer.until(lambda: publishers.times(publisher(1)) >= 3, "three questions")
        await publishers.timer.until(lambda: len(told.readings) >= 3, "three readings")
    greets = zmtp.GREETS
    assert told.readings[0] == ProbeResult(publisher(1), greets.answer, NOW, greets.text)


async def test_nobody_is_asked_sooner_than_the_interval_and_its_jitter(
    publishers: Publishers,
) -> None:
    prober = make_prober(timer=publishers.timer, random=lambda: 0.5, jitter=0.2)
    async with running(prober):
        prober.want([publisher(n) for n in range(5)])
        everybody = [publisher(number) for number in range(5)]
        await publishers.timer.until(
            lambda: min(map(publishers.times, everybody)) >= 3, "questions"
        )
    for target in everybody:
        assert set(publishers.gaps(target)) == {0.3}


async def test_who_leaves_and_comes_back_is_not_asked_sooner(publishers: Publishers) -> None:
    prober = make_prober(timer=publishers.timer)
    async with running(prober):
        while publishers.times(publisher(1)) < 4:
            prober.want([publisher(1)])
            await publishers.timer.advance(0.02)
            prober.want([])
            await publishers.timer.advance(0.06)
    assert min(publishers.gaps(publisher(1))) >= INTERVAL


async def test_who_comes_back_while_being_asked_is_asked_on(publishers: Publishers) -> None:
    publishers.pause = 0.3
    prober = make_prober(timer=publishers.timer)
    async with running(prober):
        prober.want([publisher(1)])
        await publishers.timer.until(lambda: publishers.at_a_time == 1, "a question")
        prober.want([publisher(2)])
        await publishers.timer.until(lambda: publishers.times(publisher(2)) == 1, "the other one")
        prober.want([publisher(1), publisher(2)])
        await publishers.timer.until(lambda: publishers.times(publisher(1)) >= 3, "more questions")
    assert min(publishers.gaps(publisher(1))) >= INTERVAL


async def test_who_is_not_wanted_any_more_is_neither_asked_nor_told(publishers: Publishers) -> None:
    publishers.pause = 0.1
    prober = make_prober(timer=publishers.timer)
    async with running(prober) as told:
        prober.want([publisher(1), publisher(2)])
        await publishers.timer.until(lambda: publishers.at_a_time == 2, "two questions under way")
        prober.want([publisher(2)])
        await publishers.timer.until(
            lambda: len(told.of(publisher(2))) >= 3, "readings of the other one"
        )
    assert publishers.times(publisher(1)) == 1
    assert told.of(publisher(1)) == []


async def test_a_thousand_make_no_thousand_tasks_and_are_all_asked(publishers: Publishers) -> None:
    publishers.pause = 0.01
    prober = make_prober(timer=publishers.timer, concurrency=8)
    before = len(asyncio.all_tasks())
    async with running(prober) as told:
        prober.want([publisher(n) for n in range(1000)])
        await publishers.timer.until(
            lambda: len({reading.target for reading in told.readings}) == 1000, "all"
        )
    assert publishers.most_at_a_time == 8
    # Besides: the prober's own, and this test's.
    assert publishers.most_tasks <= before + 8 + 1


async def test_many_that_are_new_are_not_asked_in_one_burst(publishers: Publishers) -> None:
    numbers = iter(range(1000))
    prober = make_prober(
        timer=publishers.timer, random=lambda: (next(numbers) % 50) / 50, interval=1.0
    )
    async with running(prober):
        prober.want([publisher(n) for n in range(50)])
        await publishers.timer.until(lambda: len(publishers.asked) == 50, "all of them")
    starts = sorted(times[0] for times in publishers.asked.values())
    # They are spread over half a second, a hundredth for each.
    assert starts[-1] - starts[0] == pytest.approx(0.49)
    assert publishers.most_at_a_time == 1


async def test_once_asks_all_in_order_and_not_all_at_a_time(publishers: Publishers) -> None:
    publishers.pause = 0.01
    prober = make_prober(timer=publishers.timer, concurrency=4)
    targets = [publisher(n) for n in range(20)]
    asking = asyncio.create_task(prober.once(reversed_twice := [*reversed(targets), *targets]))
    await publishers.timer.until(asking.done, "the answers")
    readings = await asking
    assert len(reversed_twice) == 40
    assert [reading.target for reading in readings] == sorted(targets)
    assert {reading.answer for reading in readings} == {ProbeAnswer.ANSWERS}
    assert all(publishers.times(target) == 1 for target in targets)
    assert publishers.most_at_a_time == 4


async def test_once_with_nothing_to_ask_says_nothing() -> None:
    assert await make_prober().once([]) == []


async def test_who_was_asked_by_hand_is_not_asked_again_at_once(publishers: Publishers) -> None:
    prober = make_prober(timer=publishers.timer)
    async with running(prober):
        prober.want([publisher(1)])
        await publishers.timer.until(lambda: publishers.times(publisher(1)) == 1, "a question")
        await publishers.timer.advance(INTERVAL / 2)
        by_hand = asyncio.create_task(prober.once([publisher(1)]))
        await publishers.timer.until(by_hand.done, "the answer")
        await publishers.timer.until(lambda: publishers.times(publisher(1)) >= 4, "more questions")
    assert publishers.gaps(publisher(1))[:2] == [INTERVAL / 2, INTERVAL]


async def test_only_a_deep_question_reaches_the_plane_and_only_the_tcp_plane() -> None:
    frame = saying(b"\x00\x00\x00\x13Unknown endpoint: x", reads=True)
    async with Peer(frame).serving() as peer:
        plane, http = (
            of_peer(method, peer.address) for method in (ProbeMethod.TCP, ProbeMethod.HTTP)
        )
        prober = make_prober()
        shallow = await prober.once([plane, http])
        deep = await prober.once([plane, http], deep=True)
    assert {reading.target: reading.answer for reading in shallow} == {
        plane: ProbeAnswer.ACCEPTS,
        http: ProbeAnswer.ACCEPTS,
    }
    assert {reading.target: reading.answer for reading in deep} == {
        plane: ProbeAnswer.ANSWERS,
        http: ProbeAnswer.ACCEPTS,
    }


async def test_a_target_that_is_no_address_is_no_evidence() -> None:
    (reading,) = await make_prober().once([ProbeTarget(ProbeMethod.TCP, "0.0.0.0:9000")])
    assert reading.answer is ProbeAnswer.UNTRIED


async def test_without_nats_its_subjects_are_untried() -> None:
    subjects = [
        ProbeTarget(ProbeMethod.NATS, "prod_backend.a-1"),
        ProbeTarget(ProbeMethod.NATS, "prod_backend.b-1"),
    ]
    prober = make_prober()
    readings = await prober.once(subjects)
    assert [(reading.target, reading.answer) for reading in readings] == [
        (subject, ProbeAnswer.UNTRIED) for subject in subjects
    ]
    prober.want(subjects)
    async with running(prober) as told:
        await until(lambda: {r.target for r in told.readings} == {*subjects}, "both")
        prober.want(subjects[:1])
        told.readings.clear()
        await until(lambda: len(told.readings) >= 2, "the one that is left")
        assert {reading.target for reading in told.readings} == {subjects[0]}


# Connections that are held.


async def test_one_connection_is_held_and_stands_for_all_readings() -> None:
    prober = make_prober()
    async with Peer(silent).serving() as peer, running(prober) as told:
        target = of_peer(ProbeMethod.TCP, peer.address)
        prober.want([target])
        await until(lambda: len(told.of(target)) >= 4, "readings")
        assert set(told.of(target)) == {ProbeAnswer.ACCEPTS}
        assert (peer.accepted, peer.open) == (1, 1)


async def test_all_that_are_held_are_read_and_told_of_at_the_same_moments() -> None:
    timer, numbers = MovedTimer(), count()
    prober = make_prober(
        random=lambda: next(numbers) % 7 / 7, interval=1.0, jitter=0.5, timer=timer
    )
    async with (
        Peer(silent).serving() as one,
        Peer(silent).serving() as other,
        running(prober) as told,
    ):
        targets = {of_peer(ProbeMethod.TCP, peer.address) for peer in (one, other)}
        prober.want(targets)
        await timer.until(lambda: {reading.target for reading in told.readings} == targets)
        await timer.advance(1.0)
        for _ in range(3):
            told.readings.clear()
            await timer.advance(1.0)
            assert sorted(reading.target for reading in told.readings) == sorted(targets)
            # It does not wake up for anything in between.
            assert min(timer.waits) > 0.9
        assert (one.accepted, other.accepted) == (1, 1)


async def test_a_death_is_told_without_waiting_for_the_next_turn() -> None:
    # The next turn is in hours.
    prober = make_prober(random=lambda: 0.5, jitter=36_000)
    async with running(prober) as told:
        async with Peer(silent).serving() as peer:
            target = of_peer(ProbeMethod.TCP, peer.address)
            prober.want([target])
            await until(lambda: told.of(target), "the first reading")
        await until(lambda: told.of(target)[-1] is ProbeAnswer.REFUSED, "the end")
        # While it is held there is a reading at each common moment.
        *before, _ = told.of(target)
        assert set(before) == {ProbeAnswer.ACCEPTS}


async def test_who_comes_back_is_held_again() -> None:
    prober = make_prober()
    async with running(prober) as told:
        peer = Peer(silent)
        async with peer.serving():
            target = of_peer(ProbeMethod.TCP, peer.address)
            prober.want([target])
            await until(lambda: ProbeAnswer.ACCEPTS in told.of(target), "it accepts")
        await until(lambda: told.of(target)[-1] is ProbeAnswer.REFUSED, "the end")
        async with peer.serving():
            await until(lambda: told.of(target)[-1] is ProbeAnswer.ACCEPTS, "it accepts again")
            await until(lambda: peer.open == 1, "a connection")


async def test_the_connection_is_ended_when_nobody_wants_it() -> None:
    prober = make_prober()
    async with Peer(silent).serving() as peer:
        async with running(prober) as told:
            target = of_peer(ProbeMethod.TCP, peer.address)
            prober.want([target])
            await until(lambda: peer.open == 1 and told.readings, "a connection")
            prober.want([])
            await until(lambda: peer.open == 0, "its end")
            prober.want([target])
            await until(lambda: peer.open == 1, "another one")
        await until(lambda: peer.open == 0, "its end with the prober")


async def test_who_does_not_want_connections_held_is_asked_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timer = MovedTimer()
    held: list[float] = []
    ended = 0
    hold = tcp.hold

    async def note(
        address: Address, time_limit: float, lost: Callable[[], None]
    ) -> tuple[Finding, tcp.IdleConnection | None]:
        def end() -> None:
            nonlocal ended
            lost()
            ended += 1

        held.append(timer.now())
        return await hold(address, time_limit, end)

    monkeypatch.setattr(tcp, "hold", note)
    prober = make_prober(interval=1.0, timer=timer)
    async with Peer(saying()).serving() as peer, running(prober) as told:
        prober.want([of_peer(ProbeMethod.TCP, peer.address)])
        for times in range(1, 7):
            await timer.until(partial(_is, lambda: len(held), times), "a connection")
            # The timer stands still, however long the peer takes.
            await until(partial(_is, lambda: ended, times), "its end")
        assert {reading.answer for reading in told.readings} == {ProbeAnswer.ACCEPTS}
    gaps = [later - sooner for sooner, later in pairwise(held)]
    assert gaps == [1.0, 1.0, 2.0, 4.0, 8.0]


async def test_who_ends_connections_for_a_day_is_asked_on() -> None:
    timer = MovedTimer()
    prober = make_prober(interval=1.0, timer=timer)
    target = of_peer(ProbeMethod.TCP, Address("127.0.0.1", 1))
    # At one a minute, 2 ** 1024 is reached in 17 hours.
    for _ in range(1100):
        prober._on_lost(target, timer.now())


async def test_a_connection_that_is_lost_before_it_is_noted_is_not_taken_for_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold = tcp.hold

    async def slowly(
        address: Address, time_limit: float, lost: Callable[[], None]
    ) -> tuple[Finding, tcp.IdleConnection | None]:
        finding, idle = await hold(address, time_limit, lost)
        await until(lambda: idle is None or not idle.is_open, "the end")
        return finding, idle

    monkeypatch.setattr(tcp, "hold", slowly)
    prober = make_prober()
    async with Peer(saying()).serving() as peer, running(prober):
        prober.want([of_peer(ProbeMethod.TCP, peer.address)])
        await until(lambda: peer.accepted >= 3, "connections")


async def test_more_than_can_be_held_are_asked_without() -> None:
    prober = make_prober(concurrency=1, most_held=1)
    async with (
        Peer(silent).serving() as one,
        Peer(silent).serving() as other,
        running(prober) as told,
    ):
        targets = [of_peer(ProbeMethod.TCP, peer.address) for peer in (one, other)]
        prober.want(targets)
        await until(lambda: min(len(told.of(target)) for target in targets) >= 3, "readings")
        await until(lambda: one.open + other.open == 1, "one connection")
        assert {reading.answer for reading in told.readings} == {ProbeAnswer.ACCEPTS}


async def test_what_cannot_be_told_ends_it_and_leaves_nothing_open() -> None:
    def refuse(_: list[ProbeResult]) -> None:
        raise ValueError("the screen is gone")

    prober = make_prober()
    async with Peer(silent).serving() as peer:
        prober.want([of_peer(ProbeMethod.TCP, peer.address)])
        with pytest.raises(ValueError, match="the screen is gone"):
            await prober.run(refuse)
        await until(lambda: peer.accepted and not peer.open, "the end of the connection")
        # And it can be begun anew.
        async with running(prober) as told:
            await until(lambda: told.readings, "a reading")


async def test_a_port_at_which_nothing_listens_is_told_again_and_again() -> None:
    prober = make_prober()
    with refusing() as address:
        async with running(prober) as told:
            target = of_peer(ProbeMethod.TCP, address)
            prober.want([target])
            await until(lambda: told.of(target) == [ProbeAnswer.REFUSED] * 3, "three refusals")
