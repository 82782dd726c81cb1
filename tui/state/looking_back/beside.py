"""Name the namespaces beside the one that is shown, where that has nothing. No Textual in here."""

from __future__ import annotations

import asyncio
import logging

from backends.discovery.discovery import Discovery
from backends.discovery.namespaces_beside import namespaces_beside
from backends.store import StoreError
from tui.config.settings import Settings
from tui.state.cluster_view import ClusterView
from tui.state.observer import Update, Updates
from tui.text.suggestions import others_named

_log = logging.getLogger(__name__)

LIMIT = 5.0
"""Seconds that the store has, as for one request."""


class Beside:
    """Asks the store once, if its first snapshot has nothing of the namespace that is shown."""

    def __init__(
        self, discovery: Discovery, settings: Settings, view: ClusterView, updates: Updates
    ) -> None:
        self._discovery = discovery
        self._settings = settings
        self._view = view
        self._updates = updates
        self.text = ""
        """Which there are, as a clause. Empty: none, or that is not known."""

    def begin(self) -> None:
        """Ask, after the first snapshot is on screen."""
        if self._settings.namespace is None or self._view.cluster.records:
            return
        observer = self._updates.observer
        observer.when_shown(lambda: observer.begin("namespaces beside", self._ask))

    async def _ask(self) -> None:
        settings = self._settings
        try:
            async with asyncio.timeout(LIMIT):
                found = await namespaces_beside(
                    self._discovery, settings.namespace, settings.generation_of
                )
        except (StoreError, TimeoutError) as error:
            _log.info("the namespaces beside are not known: %s", error)
            return
        if found is not None:
            self.text = others_named(found)
            self._updates.send(Update(everything=True))
