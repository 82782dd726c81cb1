"""Waiting until nothing happens any more in a Textual app under test.

Textual (8.2.8) takes a process for idle that used little CPU time for a few milliseconds. On a busy
machine that is also one which was not given any: what a key sets off is half done then.
"""

from __future__ import annotations

import asyncio

from textual import _wait, app, pilot

QUIET = 3
"""Turns of the event loop in a row with nothing to do: then all messages were taken in."""
MOST_TURNS = 5000
"""Something may go on for ever."""

_wait_for_idle = _wait.wait_for_idle


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    await _wait_for_idle(min_sleep, max_sleep)
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    quiet = 0
    for _ in range(MOST_TURNS):
        await asyncio.sleep(0)
        quiet = 0 if ready else quiet + 1
        if quiet == QUIET:
            return


def wait_for_messages() -> None:
    """From here on whoever waits for idleness waits for messages, too, and looks more often: after
    each key it is waited for, and Textual's steps of 20 ms would be two thirds of a test's time."""
    _wait.SLEEP_GRANULARITY = 0.01
    _wait.SLEEP_IDLE = 0.0005
    app.wait_for_idle = pilot.wait_for_idle = wait_for_idle  # type: ignore[attr-defined]
