"""Many calls, a few under way at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from backends.store import StoreError, Unreachable

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 16
"""Calls under way at a time, where there are thousands: more gain nothing."""


async def in_flight(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], most: int = IN_FLIGHT
) -> list[R | StoreError]:
    """Work on all items, on `most` at a time; what came of each, in their order. One's error does
    not stop the others.

    Unless the store cannot be reached: then the others would only wait for the same, so what was
    not begun is not tried and gets that error too.
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

    async def one_after_another() -> None:
        for number, item in waiting:
            outcomes[number] = await one(item)

    # Not a task for each item: of thousands, that would be MBs.
    async with asyncio.TaskGroup() as group:
        for _ in range(min(most, len(items))):
            group.create_task(one_after_another())
    return [outcomes[number] for number in range(len(items))]
