"""Repeat a watch for ever: start again with a resync whenever it breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from backends.aio.backoff import Backoff
from backends.store import Heartbeat, Lost, Resync, StoreError, StoreEvent, Unreachable

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
"""Seconds between attempts, doubled each time. Short, since people may be watching the screen."""


class PositionLost(StoreError):
    """The position in the stream is lost, so the known state may be incomplete: read everything
    again.
    """


async def repeat_watch(
    once: Callable[[], AsyncGenerator[StoreEvent, None]], is_closed: Callable[[], bool]
) -> AsyncGenerator[StoreEvent, None]:
    """Yield the events of `once`, and call it again after it raises a `StoreError`.

    Never raises one: it yields `Lost`, once for each new cause, and nothing if only the position
    was lost (`PositionLost`). Ends when `is_closed`.
    """
    backoff = Backoff(FIRST_PAUSE, LONGEST_PAUSE)
    reported: tuple[object, ...] | None = None
    while not is_closed():
        try:
            async with aclosing(once()) as events:
                async for event in events:
                    match event:
                        case Resync():
                            reported = None
                        case Heartbeat():
                            backoff.reset()
                    yield event
        except PositionLost:
            # The connection is fine.
            pass
        except StoreError as error:
            if is_closed():
                return
            if reported != _cause(error):
                reported = _cause(error)
                # Its frames hold whole snapshots, and the error may be kept for a long time.
                yield Lost(error.with_traceback(None))
        # Jitter, so that the clients of one server do not all come back at once.
        await asyncio.sleep(backoff.pause() * random.uniform(0.5, 1.0))


def _cause(error: StoreError) -> tuple[object, ...]:
    """Return what makes two errors the same: libraries' texts may differ without a difference."""
    if isinstance(error, Unreachable):
        return (type(error), error.cause)
    return (type(error), str(error))
