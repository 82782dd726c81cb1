"""Find the reasons of removals in turn, a bounded number at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from backends.discovery.history import Event
from tui.state.cluster_view import ClusterView
from tui.state.observer import Update, Updates
from tui.state.reported_removals import ReportedRemovals

ASKED_AT_ONCE = 500
"""Removals whose reasons are looked up at once."""
SETTLE = 2.0
"""Seconds until the second look at the first removals of a stopping worker."""


class Unexplained:
    """The removals that wait for a reason, oldest first."""

    def __init__(self, removals: ReportedRemovals, view: ClusterView) -> None:
        self._removals = removals
        self._view = view
        self._waiting: list[Event] = []
        self._open: list[Event] = []
        """To be asked about once more."""

    def add(self, noted: Iterable[Event]) -> bool:
        """Add the removals among new events that have no reason. False: there are none."""
        unexplained = self._removals.without_reason(noted)
        if not unexplained:
            return False
        waiting = (*self._waiting, *unexplained)
        # The reason of what cannot be seen any more is of no use, and there may be very many.
        self._waiting = [one for one in waiting if self._view.still_shows(one)]
        return True

    async def explain(self, explained: Callable[[], None]) -> None:
        """Look up the reasons of all waiting removals, then of those that came meanwhile.
        `explained` is called after each part."""
        while some := self._waiting[:ASKED_AT_ONCE]:
            del self._waiting[:ASKED_AT_ONCE]
            self._open += await self._removals.find_reasons(some)
            del self._open[:-ASKED_AT_ONCE]
            explained()

    @property
    def is_open(self) -> bool:
        """Return whether some are to be asked about once more."""
        return bool(self._open)

    async def confirm(self, explained: Callable[[], None]) -> None:
        """Look once more, in a while, at the first removals of a stopping worker."""
        while self._open:
            await asyncio.sleep(SETTLE)
            again, self._open = self._open, []
            await self._removals.confirm_reasons(again)
            explained()


class ReasonSearch:
    """Finds the reasons of removals behind the screen, and has them shown."""

    def __init__(self, removals: ReportedRemovals, view: ClusterView, updates: Updates) -> None:
        self._unexplained = Unexplained(removals, view)
        self._updates = updates
        self._is_explaining = self._is_confirming = False

    def begin(self, noted: Iterable[Event]) -> None:
        """Look for the reasons of the removals among new events that have none."""
        if self._unexplained.add(noted) and not self._is_explaining:
            self._is_explaining = True
            self._updates.observer.begin("reasons", self._explain)

    async def _explain(self) -> None:
        try:
            await self._unexplained.explain(self._show)
        finally:
            self._is_explaining = False
        if self._unexplained.is_open and not self._is_confirming:
            self._is_confirming = True
            self._updates.observer.begin("confirm", self._confirm)

    async def _confirm(self) -> None:
        try:
            await self._unexplained.confirm(self._show)
        finally:
            self._is_confirming = False

    def _show(self) -> None:
        self._updates.send(Update(history=True, detail=True))
