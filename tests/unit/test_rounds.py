"""Something that is done again and again while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backends.rounds import Rounds


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
async def running(rounds: Rounds) -> AsyncIterator[None]:
    task = asyncio.create_task(rounds.run())
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_whoever_begins_to_look_waits_for_no_interval() -> None:
    done = Counted()
    rounds = Rounds(done, lambda: 3600.0)
    async with running(rounds):
        rounds.look(True)
        await done.next()
        # Looking on is no beginning.
        rounds.look(True)
        await asyncio.sleep(0.01)
        assert done.times == 1
        rounds.look(False)
        rounds.look(True)
        await done.next()
        assert done.times == 2


async def test_nothing_is_done_while_nobody_looks() -> None:
    done = Counted()
    rounds = Rounds(done, lambda: 0.0)
    async with running(rounds):
        await asyncio.sleep(0.01)
        assert done.times == 0
        rounds.look(True)
        await done.next()
        rounds.look(False)
        await asyncio.sleep(0.01)
        times = done.times
        await asyncio.sleep(0.02)
        assert done.times == times


async def test_a_round_that_fails_is_told_and_ends_none_to_come() -> None:
    done = Counted()
    rounds = Rounds(done, lambda: 0.001)
    async with running(rounds):
        rounds.look(True)
        while done.times < 2:
            await done.next()
        await asyncio.sleep(0)
        assert rounds.trouble == "an error in dyntop itself, RuntimeError"
        while done.times < 4:
            await done.next()
        assert rounds.trouble == ""
