"""The tabs, each with its pane. Only the open one follows every change at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from textual.content import Content
from textual.message import Message
from textual.widgets import Static, Tab, TabbedContent

from backends.dynamo import keys
from tui.state.cluster_view import Changes
from tui.state.dashboard import Dashboard
from tui.state.tabs import TabId
from tui.text.sanitize import width
from tui.text.tab_titles import TabTitle, fitting
from tui.widgets.panes.channels import ChannelsPane
from tui.widgets.panes.events import EventsPane
from tui.widgets.panes.instances import InstancesPane, OthersPane
from tui.widgets.panes.metrics import MetricsPane
from tui.widgets.panes.models import ModelsPane
from tui.widgets.panes.overview import OverviewPane
from tui.widgets.panes.pane import Pane
from tui.widgets.panes.requests import RequestsPane
from tui.widgets.panes.workers import WorkersPane


class PaneTabs(TabbedContent):
    """Keeps the open pane true, and the titles' numbers; the others catch up when opened."""

    class LaidOut(Message):
        """The tabs have their places, for the first time or in another window."""

    def __init__(self, dashboard: Dashboard, *, id: str) -> None:
        first = dashboard.first_tab
        # A tab that may be empty is opened once it has rows.
        is_there = first != TabId.OTHERS
        self._opens_with = f"tab-{first if is_there else TabId.OVERVIEW}"
        super().__init__(initial=self._opens_with, id=id)
        self.dashboard = dashboard
        self.panes: list[Pane[Any]] = [
            OverviewPane(dashboard),
            InstancesPane(dashboard),
            ModelsPane(dashboard),
            WorkersPane(dashboard),
            ChannelsPane(dashboard),
            RequestsPane(dashboard),
            MetricsPane(dashboard),
            EventsPane(dashboard),
            OthersPane(dashboard),
        ]
        self._behind: set[str] = set()
        """Panes that have not seen the last changes, by tab."""
        self._wanted: Pane[Any] | None = None if is_there else self.pane(first)
        """The tab to open once it has rows: it was chosen before the snapshot was complete."""
        self._numbers: dict[str, int | None] = {}
        """How many there are in each pane, as it was counted last."""
        for pane in self.panes:
            self.compose_add_child(pane)

    def on_mount(self) -> None:
        self._count(self.panes)

    def on_resize(self) -> None:
        self._label()
        self.post_message(self.LaidOut())

    @property
    def current(self) -> Pane[Any]:
        """The open pane. Before any is open, the one that will be: the focus opens its own."""
        tab = self.active or self._opens_with
        return next((pane for pane in self.panes if _tab_of(pane) == tab), self.panes[0])

    def pane(self, tab: str) -> Pane[Any]:
        return next(pane for pane in self.panes if tab == pane.TAB)

    def open(self, pane: Pane[Any]) -> None:
        """Open a pane's tab and put the focus there. One that is hidden is opened once all was
        read, if it has rows then and no other was asked for."""
        self._wanted = None
        if not self.get_tab(_tab_of(pane)).display:
            self._wanted = None if self.dashboard.complete else pane
            return
        self.active = _tab_of(pane)
        # Now, and not only when the message of it comes: its first frame shall be true too.
        self._catch_up()
        pane.tick()
        # At once, too: the next key is for this pane.
        self.screen.set_focus(pane.table)

    def rebuild(self) -> None:
        """Everything may be different."""
        for pane in self.panes:
            pane.table.forget_widths()
        self._behind = {_tab_of(pane) for pane in self.panes}
        self._catch_up()
        self._count(self.panes)

    def take_choices(self) -> None:
        """Show the columns and orders that were chosen on another screen."""
        self._behind |= {_tab_of(pane) for pane in self.panes if pane.take_choices()}
        self._catch_up()

    def amend(self, changes: Changes) -> None:
        """Update the open pane: only these records came, changed or went."""
        kinds = {keys.kind_of(key) for key in changes.keys}
        concerned = [pane for pane in self.panes if kinds & pane.KINDS]
        for pane in concerned:
            if pane is self.current:
                pane.amend(changes)
            else:
                self._behind.add(_tab_of(pane))
        self._count(concerned)

    def show_history(self) -> None:
        """Something was added to the history, or a reason was found."""
        events = self.query_one(EventsPane)
        self._behind.add(_tab_of(events))
        self._catch_up()
        self._list_overview()
        self._label()

    def show_requests(self) -> None:
        """NATS services were asked once more."""
        self.query_one(RequestsPane).show_figures()

    def show_metrics(self) -> None:
        """There are new figures."""
        self._behind.add(_tab_of(self.query_one(MetricsPane)))
        self._catch_up()
        overview = self.query_one(OverviewPane)
        if self.current is overview:
            overview.show_figures()
        else:
            self._behind.add(_tab_of(overview))

    def show_models(self, names: Collection[str]) -> None:
        """Frontends say something else of these models and adapters."""
        for pane in (self.query_one(ModelsPane), self.query_one(OverviewPane)):
            if self.current is pane:
                pane.refresh_models(names)
            else:
                self._behind.add(_tab_of(pane))

    def show_link(self) -> None:
        """The store is followed now, or is not any more."""
        self._list_overview()

    def _list_overview(self) -> None:
        overview = self.query_one(OverviewPane)
        if self.current is overview:
            overview.list_soon()
        else:
            self._behind.add(_tab_of(overview))

    def set_empty_text(self, text: str) -> None:
        """Set the text of empty panes, except those with their own."""
        for pane in self.panes:
            pane.set_empty_text(text)

    def on_tabbed_content_tab_activated(self) -> None:
        self._catch_up()
        self._label()

    def _catch_up(self) -> None:
        tab = _tab_of(self.current)
        if tab in self._behind:
            self._behind.discard(tab)
            self.current.rebuild()

    def _count(self, panes: Iterable[Pane[Any]]) -> None:
        for pane in panes:
            number = pane.count()
            self._numbers[_tab_of(pane)] = number if self.dashboard.complete else None
            if pane.HIDES_EMPTY and bool(number) != self.get_tab(_tab_of(pane)).display:
                (self.show_tab if number else self.hide_tab)(_tab_of(pane))
        if self.dashboard.complete and self._wanted is not None:
            self.open(self._wanted)
        self._label()

    def _label(self) -> None:
        tabs = {_tab_of(pane): pane for pane in self.panes}
        tabs = {tab: pane for tab, pane in tabs.items() if self.get_tab(tab).display}
        titles = [
            TabTitle(
                (pane.TITLE, *pane.SHORT_TITLES),
                self._numbers.get(tab),
                tab == self.active,
                self.dashboard.attention.count_unseen() if pane.TAB == TabId.EVENTS else 0,
            )
            for tab, pane in tabs.items()
        ]
        for tab, label in zip(tabs, fitting(titles, self.size.width), strict=True):
            _set_label(self.get_tab(tab), label)


def _set_label(tab: Tab, label: str) -> None:
    """To set `Tab.label` lays out the whole screen: 15 to 30 ms, for each row that comes or goes.
    That is needed only where the title is to take more or less room."""
    if tab.label_text == label:
        return
    if width(tab.label_text) != width(label):
        tab.label = label
        return
    tab._label = Content(label)
    Static.update(tab, tab._label, layout=False)


def _tab_of(pane: Pane[Any]) -> str:
    return f"tab-{pane.TAB}"
