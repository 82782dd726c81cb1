"""Removals whose reason is to be asked for, in turn, and a bounded number of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from backends.discovery.history import Event
from tui.state.cluster_view import ClusterView
from tui.state.reported_removals import ReportedRemovals

ASKED_AT_ONCE = 500
"""Removals whose reasons are asked for at once."""
SETTLE = 2.0
"""Seconds after which it is asked once more about what a worker that stops removes first."""


class Unexplained:
    """The removals that wait, oldest first."""

    def __init__(self, removals: ReportedRemovals, view: ClusterView) -> None:
        self._removals = removals
        self._view = view
        self._waiting: list[Event] = []
        self._open: list[Event] = []
        """To be asked about once more."""

    def add(self, noted: Iterable[Event]) -> bool:
        """Add those of what was noted whose reason is not known. False: there is none."""
        unexplained = self._removals.without_reason(noted)
        if not unexplained:
            return False
        waiting = (*self._waiting, *unexplained)
        # The reason of what cannot be seen any more is of no use, and there may be very many.
        self._waiting = [one for one in waiting if self._view.still_shows(one)]
        return True

    async def explain(self, explained: Callable[[], None]) -> None:
        """Ask for the reasons of all that waits, then of what came meanwhile; `explained` is called
        after each part."""
        while some := self._waiting[:ASKED_AT_ONCE]:
            del self._waiting[:ASKED_AT_ONCE]
            self._open += await self._removals.find_reasons(some)
            del self._open[:-ASKED_AT_ONCE]
            explained()

    @property
    def is_open(self) -> bool:
        """Whether some are to be asked about once more."""
        return bool(self._open)

    async def confirm(self, explained: Callable[[], None]) -> None:
        """Ask once more, in a while, about what a worker that stops removes before its lease."""
        while self._open:
            await asyncio.sleep(SETTLE)
            again, self._open = self._open, []
            await self._removals.confirm_reasons(again)
            explained()
