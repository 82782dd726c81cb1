"""Find the events from before the start, as far as the store still knows of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from backends.discovery.discovery import Discovery
from backends.discovery.history import Event
from backends.discovery.past_records import last_changes
from backends.dynamo.queries import Query
from backends.store import Lifetime, StoreError
from backends.store.pods import PodWarning
from tui.state.cluster_view import ClusterView
from tui.state.observer import Update, Updates
from tui.state.reported_removals import ReportedRemovals

_log = logging.getLogger(__name__)

REVISIONS = 500
"""Revisions before the start of which the store is asked once: a screen or two of events."""
LIMIT = 5.0
"""Seconds that it has for that, as for one request."""


class EarlierEvents:
    """Puts events from before the start into the history, once."""

    def __init__(
        self,
        discovery: Discovery,
        query: Query,
        view: ClusterView,
        removals: ReportedRemovals,
        updates: Updates,
    ) -> None:
        """`query`: the records that are watched. `removals`: finds the reasons of removals."""
        self._discovery = discovery
        self._store = discovery.store
        self._query = query
        self._view = view
        self._removals = removals
        self._updates = updates
        self._is_begun = False

    def begin(self) -> None:
        """Ask the store once, after its first snapshot is on screen."""
        if self._is_begun:
            return
        self._is_begun = True
        observer = self._updates.observer
        if self._store.pods is not None:
            observer.when_shown(lambda: observer.begin("earlier events", self._ask_pods))
        elif self._store.lifetime is Lifetime.OWNED:
            self._show(self._view.events_of_objects())
        elif self._store.past is not None:
            observer.when_shown(lambda: observer.begin("earlier events", self._ask_past))

    async def _ask_past(self) -> None:
        start = self._view.history.start
        if start is None or start.why is None or not start.why.revision.isdigit():
            return
        try:
            async with asyncio.timeout(LIMIT):
                changes = await last_changes(
                    self._discovery, self._query, int(start.why.revision), REVISIONS
                )
        except (StoreError, TimeoutError) as error:
            # Events begin with the start then, which is what the tab says.
            _log.info("no events from before the start: %s", error)
            return
        events = self._view.earlier_events(changes)
        await self._removals.explain_earlier(events)
        self._show(events)

    async def _ask_pods(self) -> None:
        """Show what objects tell of before the start, with the warnings about their pods."""
        warnings: Sequence[PodWarning] = ()
        try:
            async with asyncio.timeout(LIMIT):
                if self._store.pods is not None:
                    warnings = await self._store.pods.warnings()
        except (StoreError, TimeoutError) as error:
            _log.info("no warnings about pods from before the start: %s", error)
        self._show(self._view.events_of_pods(warnings))

    def _show(self, events: Sequence[Event]) -> None:
        if events:
            self._view.put_before(events)
            self._updates.send(Update(history=True))
