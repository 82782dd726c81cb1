"""Following a store for ever: from the start again whenever that breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from backends.store import Heard, Lost, Resync, StoreError, StoreEvent, Unreachable

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0
"""Seconds between attempts: twice as long each time. Somebody may be watching the screen."""


class LostPlace(StoreError):
    """What is known is no longer known to be all: everything must be read again."""


async def followed(
    once: Callable[[], AsyncGenerator[StoreEvent, None]], is_closed: Callable[[], bool]
) -> AsyncGenerator[StoreEvent, None]:
    """What `once` yields, and what it yields again after it raised a `StoreError`.

    Never raises one: it yields `Lost`, once for each new cause, and nothing where only the place
    was lost. Ends when `is_closed`.
    """
    pause = FIRST_PAUSE
    said: tuple[object, ...] | None = None
    while not is_closed():
        try:
            async with aclosing(once()) as events:
                async for event in events:
                    match event:
                        case Resync():
                            said = None
                        case Heard():
                            pause = FIRST_PAUSE
                    yield event
        except LostPlace:
            # The connection is well.
            pass
        except StoreError as error:
            if is_closed():
                return
            if said != _cause(error):
                said = _cause(error)
                # Its frames hold whole snapshots, and the error may be kept for a long time.
                yield Lost(error.with_traceback(None))
        # Jitter, so that not everybody who lost the same server comes back at once.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(2 * pause, LONGEST_PAUSE)


def _cause(error: StoreError) -> tuple[object, ...]:
    """What tells one reason from another; libraries' own texts differ without any difference."""
    if isinstance(error, Unreachable):
        return (type(error), error.cause)
    return (type(error), str(error))
