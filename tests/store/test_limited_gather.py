"""Many calls: a few at a time, each with its outcome, in order."""

from __future__ import annotations

import asyncio

from backends.store import Cause, Refused, Unreachable
from backends.store.limited_gather import limited_gather

GONE = Unreachable("etcd", Cause.REFUSED)
AT_A_TIME = 4
MANY = 5 * AT_A_TIME


async def test_a_few_are_under_way_at_a_time_without_a_task_for_each() -> None:
    before = len(asyncio.all_tasks())
    under_way = most_under_way = most_tasks = 0

    async def work(item: int) -> int:
        nonlocal under_way, most_under_way, most_tasks
        under_way += 1
        most_under_way = max(most_under_way, under_way)
        most_tasks = max(most_tasks, len(asyncio.all_tasks()) - before)
        # The later ones of a round are done first.
        for _ in range(AT_A_TIME - item % AT_A_TIME):
            await asyncio.sleep(0)
        under_way -= 1
        return item * 2

    assert await limited_gather(range(MANY), work, AT_A_TIME) == [item * 2 for item in range(MANY)]
    assert (most_under_way, most_tasks) == (AT_A_TIME, AT_A_TIME)


async def test_one_error_does_not_stop_the_others() -> None:
    refused = Refused("etcd", "no")

    async def work(item: int) -> int:
        if item == 1:
            raise refused
        return item

    assert await limited_gather(range(3), work) == [0, refused, 2]


async def test_what_was_not_begun_when_the_store_cannot_be_reached_is_not_tried() -> None:
    tried: list[int] = []

    async def work(item: int) -> int:
        tried.append(item)
        await asyncio.sleep(0)
        raise GONE

    assert await limited_gather(range(MANY), work, AT_A_TIME) == [GONE] * MANY
    assert tried == list(range(AT_A_TIME))


async def test_one_call_takes_no_more_than_one_task() -> None:
    before = len(asyncio.all_tasks())

    async def work(_: int) -> int:
        return len(asyncio.all_tasks()) - before

    assert await limited_gather([0], work, AT_A_TIME) == [1]
