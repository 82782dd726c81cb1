"""Waiting until nothing happens any more in a Textual app under test.

Textual (8.2.8) takes a process for idle that used little CPU time for a few milliseconds. On a busy
machine that is also one which was not given any: what a key sets off is half done then.

After each key it has every widget of the screen answer a message, too. Most wait for one: then they
took in all that was sent to them before, and their answers were a quarter of a key's time.
"""

from __future__ import annotations

import asyncio

from textual import _wait, app, pilot
from textual.message_pump import MessagePump
from textual.pilot import Pilot

QUIET = 3
"""Turns of the event loop in a row with nothing to do: then all messages were taken in."""
MOST_TURNS = 5000
"""Something may go on for ever."""
LONGEST = 30.0
"""Seconds within which all widgets must have taken in their messages, as in Textual."""

_wait_for_idle = _wait.wait_for_idle
_have_all_answer = Pilot._wait_for_screen


async def wait_for_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    await _wait_for_idle(min_sleep, max_sleep)
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    quiet = 0
    for _ in range(MOST_TURNS):
        await asyncio.sleep(0)
        quiet = 0 if ready else quiet + 1
        if quiet == QUIET:
            return


async def _wait_for_screen(self: Pilot[object], timeout: float = LONGEST) -> bool:
    await asyncio.sleep(0)
    stack = self.app.screen_stack
    if stack and all(map(waits_for_message, (self.app, *stack[-1].walk_children(with_self=True)))):
        return True
    return await _have_all_answer(self, timeout)


def waits_for_message(pump: MessagePump) -> bool:
    """Return whether a widget is done with all that was sent to it. False too before it begins, and
    once it ended."""
    if pump._pending_message is not None or not pump._message_queue.empty():
        return False
    # While it handles a message it does not wait for the next.
    return bool(pump._message_queue.ready_event._waiters)


def wait_for_messages() -> None:
    """From here on whoever waits for idleness waits for messages, too, and looks more often: after
    each key it is waited for, and Textual's steps of 20 ms would be two thirds of a test's time."""
    _wait.SLEEP_GRANULARITY = 0.01
    _wait.SLEEP_IDLE = 0.0005
    app.wait_for_idle = pilot.wait_for_idle = wait_for_idle  # type: ignore[attr-defined]
    Pilot._wait_for_screen = _wait_for_screen  # type: ignore[method-assign, assignment]
