"""Batches lose nothing, keep the order, and are not late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.state.batches import batches, pause

DEADLINE = 60.0
"""Seconds; never waited for unless something is broken."""

FOR_EVER = 3600.0
"""Seconds between two batches: what comes before them did not wait for that."""


async def stream(*bursts: list[int]) -> AsyncGenerator[int, None]:
    """The events of a burst come without a pause; between bursts others get a turn."""
    for burst in bursts:
        for event in burst:
            yield event
        await asyncio.sleep(0)


async def all_of(events: AsyncIterator[int], interval: float = 0.0) -> list[list[int]]:
    async with asyncio.timeout(DEADLINE), aclosing(batches(events, interval)) as batched:
        return [batch async for batch in batched]


@given(st.lists(st.lists(st.integers(), max_size=5), max_size=8))
def test_no_event_is_lost_and_the_order_is_kept(bursts: list[list[int]]) -> None:
    found = asyncio.run(all_of(stream(*bursts)))
    assert [event for batch in found for event in batch] == [
        event for burst in bursts for event in burst
    ]
    assert all(found)


async def test_the_first_event_comes_at_once() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    async with (
        asyncio.timeout(DEADLINE),
        aclosing(batches(forever(queue), FOR_EVER)) as batched,
    ):
        assert await anext(batched) == [1]


async def test_what_comes_meanwhile_comes_together() -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(1)
    async with asyncio.timeout(DEADLINE), aclosing(batches(forever(queue), 0.01)) as batched:
        assert await anext(batched) == [1]
        for event in (2, 3, 4):
            queue.put_nowait(event)
        await asyncio.sleep(0)
        assert await anext(batched) == [2, 3, 4]


async def test_only_so_many_events_are_in_a_batch_or_wait_and_none_is_lost() -> None:
    read = 0

    async def events() -> AsyncGenerator[int, None]:
        nonlocal read
        for read in range(1, 11):
            yield read

    seen: list[int] = []
    async with asyncio.timeout(DEADLINE), aclosing(batches(events(), 0.0, most=3)) as batched:
        async for batch in batched:
            for _ in range(5):
                await asyncio.sleep(0)
            # While one is looked at, no more is read than may be there.
            assert read - len(seen) <= 3
            seen += batch
    assert seen == list(range(1, 11))


async def test_it_ends_when_the_events_end() -> None:
    assert await all_of(stream()) == []
    assert await all_of(stream([1, 2])) == [[1, 2]]


async def test_it_raises_what_the_events_raise_after_what_came_before() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise RuntimeError("broken")

    seen: list[int] = []

    async def consume() -> None:
        async with asyncio.timeout(DEADLINE), aclosing(batches(failing(), 0.0)) as batched:
            async for batch in batched:
                seen.extend(batch)

    with pytest.raises(RuntimeError, match="broken"):
        await consume()
    assert seen == [1]


async def test_closing_it_ends_what_reads_the_events() -> None:
    closed = asyncio.Event()

    async def events() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with asyncio.timeout(DEADLINE):
        async with aclosing(batches(events(), 0.0)) as batched:
            await anext(batched)
        assert closed.is_set()


async def forever(queue: asyncio.Queue[int]) -> AsyncGenerator[int, None]:
    while True:
        yield await queue.get()


@pytest.mark.parametrize(
    ("took", "expected"),
    [(0.0, 0.03), (0.01, 0.02), (0.02, 0.02), (0.5, 0.03)],
    ids=["at once", "quickly", "as long as half", "slowly"],
)
def test_who_takes_long_over_a_batch_has_time_for_keys_before_the_next(
    took: float, expected: float
) -> None:
    assert pause(took, 0.03) == pytest.approx(expected)
