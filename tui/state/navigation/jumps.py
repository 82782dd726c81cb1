"""Jumps from a record to what it belongs to, and the ways back.

No Textual in here.
"""

from __future__ import annotations

from collections import deque

from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.liveness.workers import Worker
from backends.liveness.workers import worker as worker_by_id
from tui.state.dashboard import Dashboard
from tui.state.destinations import Bookmark
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId
from tui.text.format import hex_id

MOST_BOOKMARKS = 100
"""Jumps that can be gone back; the oldest are forgotten."""


class Jumps:
    """Finds where a jump leads, and remembers where it was from."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._bookmarks: deque[Bookmark] = deque(maxlen=MOST_BOOKMARKS)

    def target(self, record: AnyRecord, tab: str) -> EndpointInstance | Worker | Notice:
        """Return what a record of a tab belongs to: its instance; in Instances, or if there is
        none, its worker. A notice: neither is known, or it is the row itself."""
        cluster = self._dashboard.view.cluster
        instance = cluster.instance_of(record)
        if instance is not None and tab != TabId.INSTANCES:
            return instance
        number = cluster.worker_of(record)
        if number is None:
            return Notice("Its worker is unknown.", "warning")
        worker = worker_by_id(cluster, number)
        if worker is None or tab == TabId.WORKERS:
            return Notice(f"Its worker is {hex_id(number)}, which has no instance.", "warning")
        return worker

    def place_of(self, to: EndpointInstance | Worker) -> Bookmark:
        """Return where an instance or a worker is shown."""
        scope, shown = self._dashboard.scope, self._dashboard.shown
        if isinstance(to, Worker):
            cluster = self._dashboard.view.cluster
            is_here = to.id in map(cluster.worker_id, shown.workers(scope))
            return Bookmark(TabId.WORKERS, scope if is_here else (), to.id)
        is_here = to.key in shown.keys(to.kind, scope)
        return Bookmark(TabId.INSTANCES, scope if is_here else (), to.key)

    def remember(self, left: Bookmark) -> None:
        """Remember the place that is left for another one."""
        self._bookmarks.append(left)

    def back(self) -> Bookmark | None:
        """Return where the last jump was from, and forget it. None: there was none."""
        return self._bookmarks.pop() if self._bookmarks else None
