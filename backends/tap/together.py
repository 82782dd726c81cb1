"""Listen to several channels at once, each by a listener of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from backends.tap.link import TapLink
from backends.tap.tap import Drop, Listener, Receive, ReportState, fault_in_words

_State = tuple[TapLink, str, bool, int, int]


class Together:
    """Runs several listeners, and reports their states as one. What ends one leaves the others."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._states: list[_State] = []

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        self._states = [(TapLink.CONNECTING, "", False, 0, 0) for _ in self._listeners]
        async with asyncio.TaskGroup() as tasks:
            for number, listener in enumerate(self._listeners):
                tasks.create_task(self._run(number, listener, receive, report, drop))
            await asyncio.Event().wait()
        raise AssertionError("it ends by cancellation only")

    async def _run(
        self, number: int, listener: Listener, receive: Receive, report: ReportState, drop: Drop
    ) -> None:
        observe = partial(self._observe, number, report)
        try:
            await listener.run(receive, observe, drop)
        except Exception as error:
            observe(TapLink.IMPOSSIBLE, fault_in_words(error))

    def _observe(
        self,
        number: int,
        report: ReportState,
        link: TapLink,
        why: str,
        answers: bool = False,
        connected: int = 0,
        of: int = 0,
        /,
    ) -> None:
        if not of:
            connected, of = int(link is TapLink.CONNECTED), 1
        self._states[number] = link, why, answers, connected, of
        report(*_as_one(self._states))


def _as_one(states: Sequence[_State]) -> _State:
    """Return the state of all: connected, as soon as one is. The reason is that of one which is
    not, before that of one which is.
    """
    connected = sum(state[3] for state in states)
    of = sum(state[4] or 1 for state in states)
    links = {state[0] for state in states}
    link = next(
        one
        for one in (TapLink.CONNECTED, TapLink.LOST, TapLink.CONNECTING, TapLink.IMPOSSIBLE)
        if one in links
    )
    by_need = sorted(states, key=lambda state: state[0] is TapLink.CONNECTED)
    why = next((state[1] for state in by_need if state[1]), "")
    return link, why, not why and any(state[2] for state in states), connected, of
