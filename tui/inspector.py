"""What is known of one record right now, its remaining time included. No Textual in here."""

from __future__ import annotations

from backends.discovery import Discovery
from backends.history import Happening
from backends.records import AnyRecord
from backends.store import StoreError, TimeToLive
from tui.detail import Detail, detail_of, with_happening
from tui.monitor import Link
from tui.view import View
from tui.words import GONE


class Inspector:
    """Asks the store for the life of the record that is looked at, and for no other."""

    def __init__(self, discovery: Discovery, view: View) -> None:
        self._discovery = discovery
        self._view = view
        self._known: tuple[bytes, TimeToLive | None] = (b"", None)

    async def look(self, record: AnyRecord) -> None:
        """Learn how long a record still has. What the store does not say stays unknown."""
        try:
            lives = await self._discovery.time_to_live([record])
        except StoreError:
            return
        self._known = (record.key, lives.get(record.key))

    def detail(
        self, record: AnyRecord | None, happening: Happening | None, alike: int
    ) -> Detail | None:
        """Of a row's record and of what happened to it; None where there is neither.

        `alike`: how many records the row stands for.
        """
        detail = None if record is None else self._detail_of(record, alike)
        return detail if happening is None else with_happening(detail, happening)

    def _detail_of(self, record: AnyRecord, alike: int) -> Detail:
        monitor = self._view.monitor
        cluster = monitor.cluster
        first_seen = self._view.first_seen(record)
        key, life = self._known
        # A remaining time is as old as the last answer: without a connection it is no news.
        if key != record.key or monitor.store.link is not Link.CONNECTED:
            life = None
        return detail_of(
            record,
            GONE if first_seen is None else self._view.state(record),
            cluster,
            life,
            first_seen,
            self._view.clock(),
            alike=alike,
        )
