"""Playing a timeline: how it moves on, where it stops, and what comes next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from backends.store import Compacted
from tests.support.fake_timeline import FakeTimeline, FakeTravel
from tests.support.moved_timer import MovedTimer, settle
from tui.state.past.moves import ByChanges, ToMoment, ToTime
from tui.state.past.place import PastPlace
from tui.state.timeline.player import Player
from tui.state.timeline.playhead import Playhead, PlayMode

TIMES = (1000.0, 1001.0, 1010.0, 1020.0, 1300.0, 1400.0)
"""The first, third and fifth are changes."""


class World:
    """A player of a timeline, and the timer that moves it."""

    def __init__(self, *times: float | None) -> None:
        self.timeline = FakeTimeline(*(times or TIMES))
        first, last = self.timeline.moments[0], self.timeline.moments[-1]
        self.head = Playhead(first, last, has_times=self.timeline.has_times)
        self.travel = FakeTravel(self.timeline, self._moved)
        self.timer = MovedTimer()
        self.player = Player(self.travel, self.head, self.timer, lambda: None)

    def _moved(self, place: PastPlace) -> None:
        self.player.moved(place)

    @property
    def number(self) -> int:
        return self.head.position.number

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        jobs = [
            asyncio.create_task(self.player.run()),
            asyncio.create_task(self.player.look_ahead()),
        ]
        await self.travel.carry_out(ToMoment(self.timeline.moments[0]))
        await settle()
        try:
            yield self
        finally:
            for job in jobs:
                job.cancel()
                with suppress(asyncio.CancelledError):
                    await job


async def test_played_it_shows_each_moment_at_its_time_and_stops_at_the_end() -> None:
    async with World().running() as world:
        await world.player.toggle()
        await world.timer.advance(10.0)
        assert (world.number, world.head.time) == (3, 1010.0)
        await world.timer.until(lambda: not world.head.is_playing)
        assert world.head.mode is PlayMode.ENDED
        assert world.travel.shown[-1] == (6, 1400.0)
        times = [time or 0.0 for _, time in world.travel.shown]
        assert times == sorted(times)


async def test_paused_nothing_is_planned_and_nothing_moves() -> None:
    async with World().running() as world:
        await world.player.toggle()
        await world.timer.advance(1.0)
        await world.player.toggle()
        shown = len(world.travel.shown)
        await world.timer.advance(60.0)
        assert len(world.travel.shown) == shown
        assert world.timer.waits == []


async def test_played_at_the_end_it_begins_at_the_start_again() -> None:
    async with World().running() as world:
        await world.travel.carry_out(ToMoment(world.timeline.moments[-1]))
        await world.player.toggle()
        assert world.head.is_playing
        assert world.number == 1


async def test_a_slow_reading_slows_the_play_and_nothing_is_leapt_over() -> None:
    async with World().running() as world:
        world.player.change_speed(1)
        await world.player.toggle()
        world.timeline.reads.clear()
        await world.timer.advance(30.0)
        assert world.number == 1
        world.timeline.reads.set()
        await world.timer.advance(1.0)
        # At 2×: what passed until the reading came counts as no more than a moment.
        assert world.head.time is not None
        assert world.head.time <= 1004.0
        assert world.head.kept_speed < 0.5


async def test_a_key_while_it_plays_counts_and_it_plays_on_from_there() -> None:
    async with World().running() as world:
        await world.player.toggle()
        await world.timer.advance(12.0)
        assert world.number == 3
        # Until the move of the key is done, none is made of what was due before it.
        world.travel.is_moving = True
        await world.timer.advance(3.0)
        assert world.head.time == 1012.0
        await world.travel.carry_out(ByChanges(-1))
        assert (world.number, world.head.time) == (1, 1000.0)
        await world.timer.advance(2.0)
        assert (world.number, world.head.time) == (2, 1002.0)


async def test_the_next_change_is_known_wherever_it_is_gone() -> None:
    async with World().running() as world:
        assert world.player.seconds_to_change == 10.0
        await world.travel.carry_out(ToTime(1015.0))
        await settle()
        assert world.player.seconds_to_change == 285.0
        await world.travel.carry_out(ToTime(1000.0))
        await settle()
        assert world.player.seconds_to_change == 10.0
        await world.travel.carry_out(ToTime(1350.0))
        await settle()
        assert world.player.seconds_to_change is None
        assert world.player.knows_next


async def test_a_timeline_that_cannot_be_read_on_stops_where_it_is() -> None:
    async with World().running() as world:
        await world.player.toggle()
        await world.timer.advance(2.0)
        world.timeline.fault = Compacted("10.0.0.1:2379", 101, 105)
        await world.timer.advance(1.0)
        assert world.travel.failed == [world.timeline.fault]
        assert world.head.mode is PlayMode.PAUSED
        assert (world.number, world.head.time) == (2, 1002.0)


async def test_without_times_it_plays_change_after_change() -> None:
    async with World(None, None, None, None, None, None).running() as world:
        await world.player.toggle()
        await world.timer.until(lambda: not world.head.is_playing)
        assert [number for number, _ in world.travel.shown] == [1, 3, 5, 6]
        assert world.head.mode is PlayMode.ENDED
