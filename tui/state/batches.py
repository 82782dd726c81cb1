"""From a stream of events to batches: the first at once, the rest at most so often.

A dashboard that redraws for every event falls behind when a cluster restarts; one that waits
for a timer is late when a single instance comes. No Textual in here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import TypeVar

FRAME_INTERVAL = 1 / 30
"""Seconds between two batches: as often as a terminal can be read."""

MOST_AT_ONCE = 1_000
"""Events that are in a batch or wait for the next one; then the store has to wait. Each takes 2 KB
here, and Python's heap stays as large as it once was."""

Event = TypeVar("Event")


async def batches(
    events: AsyncIterator[Event],
    interval: float = FRAME_INTERVAL,
    *,
    most: int = MOST_AT_ONCE,
) -> AsyncGenerator[list[Event], None]:
    """Yield the events in lists of at least one, in order; none is lost.

    After a quiet time an event comes through at once; otherwise at least `interval` seconds pass
    from one batch to the next. A consumer that takes long over a batch has up to `interval` before
    the next one, so that keys are answered however many events come. Ends when the events end, and
    raises what they raise. No more than `most` events are read ahead.
    """
    loop = asyncio.get_running_loop()
    pending: list[Event] = []
    taken = 0  # in the batch that is being looked at
    arrived = asyncio.Event()
    room = asyncio.Event()

    async def collect() -> None:
        try:
            async for event in events:
                pending.append(event)
                arrived.set()
                while len(pending) + taken >= most:
                    room.clear()
                    await room.wait()
        finally:
            arrived.set()

    collector = asyncio.create_task(collect())
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            began = loop.time()
            if pending:
                batch, pending[:] = list(pending), []
                taken = len(batch)
                yield batch
                # Not to be held until something comes again.
                del batch
                taken = 0
                room.set()
            took = loop.time() - began
            if collector.done() and not pending:
                collector.result()
                return
            await asyncio.sleep(pause(took, interval))
    finally:
        collector.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await collector


def pause(took: float, interval: float) -> float:
    """Return the seconds to wait after a batch that took `took` seconds to show. Not more than
    `interval`: events that come meanwhile make the next batch longer."""
    return max(interval - took, min(took, interval))
