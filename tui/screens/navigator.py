"""Go to a row: to one that was named, to what belongs to another, and back."""

from __future__ import annotations

from textual.screen import Screen

from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.dynamo.roles import is_internal
from tui.screens.typed_filter import TypedFilter
from tui.state.dashboard import Dashboard
from tui.state.destinations import Bookmark, Destination
from tui.state.navigation.jumps import Jumps
from tui.state.reported_removals import Notice
from tui.widgets.namespace_tree import NamespaceTree
from tui.widgets.panes.tabs import PaneTabs
from tui.widgets.panes.tree_pane import TreePane


class Navigator:
    """Opens the tab, the place and the row that are asked for; remembers those that are left."""

    def __init__(self, dashboard: Dashboard, screen: Screen[None], filter: TypedFilter) -> None:
        self.jumps = Jumps(dashboard)
        self._dashboard = dashboard
        self._screen = screen
        self._filter = filter

    def bookmark(self) -> Bookmark:
        """Return the place that is shown."""
        pane = self._tabs.current
        row = pane.row
        return Bookmark(pane.TAB, self._dashboard.scope, None if row is None else row.key)

    def follow(self, to: Destination, *, opened: bool = False) -> None:
        """Go to a destination. `opened`: and expand its row, if there is anything below it."""
        dashboard = self._dashboard
        self.jumps.remember(self.bookmark())
        if to.filter is not None:
            self._filter.set(to.filter)
        if to.filter is not None or to.only_findings is not None:
            dashboard.narrow(to.filter, only_findings=to.only_findings)
        else:
            dashboard.finish_filter()
        scope = dashboard.scope if to.scope is None else to.scope
        self.go(Bookmark(to.tab or self._tabs.current.TAB, scope, to.row), opened=opened)

    def jump(self, record: AnyRecord) -> Notice | None:
        """Go to what a record of the open tab belongs to. Returns a notice if there is nothing."""
        dashboard = self._dashboard
        target = self.jumps.target(record, self._tabs.current.TAB)
        if isinstance(target, Notice):
            return target
        self.jumps.remember(self.bookmark())
        if isinstance(target, EndpointInstance) and is_internal(target.id.endpoint):
            dashboard.show_internal(True)
        if isinstance(target, EndpointInstance) and target.key not in dashboard.shown.records:
            self._filter.clear()
            dashboard.clear_filter()
        self.go(self.jumps.place_of(target))
        return None

    def back(self) -> None:
        """Go back to where the last jump was from, if there was one."""
        if (bookmark := self.jumps.back()) is not None:
            self.go(bookmark)

    def go(self, to: Bookmark, *, opened: bool = False) -> None:
        """Go to a row. `opened`: and expand it, if there is anything below it."""
        pane = self._tabs.pane(to.tab)
        self._screen.query_one(NamespaceTree).select_scope(to.scope)
        self._tabs.open(pane)
        self._dashboard.select(to.scope, anew=True)
        if pane.select(to.row) and opened and isinstance(pane, TreePane):
            pane.set_open(pane.row, True)

    @property
    def _tabs(self) -> PaneTabs:
        return self._screen.query_one(PaneTabs)
