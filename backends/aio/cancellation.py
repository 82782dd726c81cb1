"""Notice cancellations that a library swallowed.

Before Python 3.12 `asyncio.wait_for` swallows the cancellation of its task if the result arrives in
the same moment. A task in an endless loop is cancelled only once, so code that calls such a library
checks afterwards.
"""

from __future__ import annotations

import asyncio


class Cancellations:
    """Counts the cancellations of the running task since this object was made."""

    def __init__(self) -> None:
        self._before = _number()

    def raise_if_any(self) -> None:
        """Raise `CancelledError` if the task was cancelled meanwhile."""
        if _number() > self._before:
            raise asyncio.CancelledError


def _number() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
