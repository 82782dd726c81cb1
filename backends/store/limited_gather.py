"""Make many calls with a limited number in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from backends.store import StoreError, Unreachable

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 16
"""Calls in flight at a time, out of thousands: more gain nothing."""


async def limited_gather(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], most: int = IN_FLIGHT
) -> list[R | StoreError]:
    """Work on all items, at most `most` at a time. Return each result, in the order of the items.

    An error of one item does not stop the others. One exception: if the store is unreachable, items
    that were not begun are not tried and get that error too, since each would only wait for the
    same.
    """
    items = list(items)
    waiting = iter(enumerate(items))
    outcomes: dict[int, R | StoreError] = {}
    failures: list[Unreachable] = []

    async def one(item: T) -> R | StoreError:
        if failures:
            return failures[0]
        try:
            return await work(item)
        except Unreachable as failure:
            failures.append(failure)
            return failure
        except StoreError as error:
            return error

    async def work_in_turn() -> None:
        for number, item in waiting:
            outcomes[number] = await one(item)

    # Not a task for each item: thousands of tasks take MBs.
    async with asyncio.TaskGroup() as group:
        for _ in range(min(most, len(items))):
            group.create_task(work_in_turn())
    return [outcomes[number] for number in range(len(items))]
