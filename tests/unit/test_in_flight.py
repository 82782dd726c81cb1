"""Many calls, a few under way at a time."""

from __future__ import annotations

import asyncio

from backends.in_flight import in_flight
from backends.store import Cause, StoreError, Unreachable


async def test_no_more_are_under_way_than_may_be_and_each_has_its_answer() -> None:
    under_way: list[int] = []
    most_at_once = 0

    async def doubled(number: int) -> int:
        nonlocal most_at_once
        under_way.append(number)
        most_at_once = max(most_at_once, len(under_way))
        await asyncio.sleep(0)
        under_way.remove(number)
        return 2 * number

    answers = await in_flight(range(10), doubled, 3)
    assert answers == [2 * number for number in range(10)]
    assert most_at_once == 3


async def test_after_one_could_not_reach_the_store_no_other_is_begun() -> None:
    begun: list[int] = []

    async def lost(number: int) -> int:
        begun.append(number)
        raise Unreachable("here", Cause.LOST)

    answers = await in_flight(range(10), lost, 1)
    assert begun == [0]
    assert all(isinstance(answer, StoreError) for answer in answers)
