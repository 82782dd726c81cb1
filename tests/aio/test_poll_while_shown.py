"""Something that is done again and again while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backends.aio.poll_while_shown import PollWhileShown
from tests.support.moved_timer import MovedTimer


class Counted:
    """How often it was done, and a wait for each time."""

    def __init__(self) -> None:
        self.times = 0
        self._done = asyncio.Event()

    async def __call__(self) -> None:
        self.times += 1
        self._done.set()
        if self.times == 2:
            raise RuntimeError("a defect")

    async def next(self) -> None:
        await self._done.wait()
        self._done.clear()


@asynccontextmanager
async def running(rounds: PollWhileShown) -> AsyncIterator[None]:
    task = asyncio.create_task(rounds.run())
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_whoever_begins_to_look_waits_for_no_interval() -> None:
    done = Counted()
    timer = MovedTimer()
    rounds = PollWhileShown(done, lambda: 3600.0, timer)
    async with running(rounds):
        rounds.look(True)
        await done.next()
        # Looking on is no beginning.
        rounds.look(True)
        await timer.advance(3599.0)
        assert done.times == 1
        rounds.look(False)
        rounds.look(True)
        await done.next()
        assert done.times == 2


async def test_nothing_is_done_while_nobody_looks() -> None:
    done = Counted()
    timer = MovedTimer()
    rounds = PollWhileShown(done, lambda: 5.0, timer)
    async with running(rounds):
        await timer.advance(60.0)
        assert done.times == 0
        rounds.look(True)
        await timer.advance(12.0)
        assert done.times == 3
        rounds.look(False)
        await timer.advance(60.0)
        assert done.times == 3


async def test_a_round_that_fails_is_told_and_ends_none_to_come() -> None:
    done = Counted()
    timer = MovedTimer()
    rounds = PollWhileShown(done, lambda: 5.0, timer)
    async with running(rounds):
        rounds.look(True)
        await timer.advance(7.0)
        assert done.times == 2
        assert rounds.trouble == "an error in dyntop itself, RuntimeError"
        await timer.advance(5.0)
        assert done.times == 3
        assert rounds.trouble == ""
