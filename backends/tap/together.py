"""Listen to several channels at once, each by a listener of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from msgspec.structs import replace

from backends.tap.link import TapLink, TapState
from backends.tap.tap import Drop, Listener, Receive, ReportState, fault_in_words


class Together:
    """Runs several listeners, and reports their states as one. What ends one leaves the others."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._states: list[TapState] = []

    async def run(self, receive: Receive, report: ReportState, drop: Drop) -> NoReturn:
        """Listen until cancelled."""
        self._states = [TapState(TapLink.CONNECTING) for _ in self._listeners]
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
            observe(TapState(TapLink.IMPOSSIBLE, fault_in_words(error)))

    def _observe(self, number: int, report: ReportState, state: TapState) -> None:
        if not state.of:
            state = replace(state, connected=int(state.link is TapLink.CONNECTED), of=1)
        self._states[number] = state
        report(_as_one(self._states))


def _as_one(states: Sequence[TapState]) -> TapState:
    """Return the state of all: connected, as soon as one is. The reason is that of one which is
    not, before that of one which is.
    """
    connected = sum(state.connected for state in states)
    of = sum(state.of or 1 for state in states)
    links = {state.link for state in states}
    link = next(
        one
        for one in (TapLink.CONNECTED, TapLink.LOST, TapLink.CONNECTING, TapLink.IMPOSSIBLE)
        if one in links
    )
    by_need = sorted(states, key=lambda state: state.link is TapLink.CONNECTED)
    why = next((state.why for state in by_need if state.why), "")
    answers = not why and any(state.answers for state in states)
    return TapState(link, why, answers, connected, of)
