"""The Overview tab: what is wrong now, how models are served, and what happened last."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from textual.message import Message

from backends.discovery.history import Event
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.workers import Worker
from tui.state.causes.cause_rows import CauseRow
from tui.state.charts.chart_subject import ChartSubject, of_model
from tui.state.cluster_view import Changes
from tui.state.column import SortOrder
from tui.state.dashboard import Dashboard
from tui.state.destinations import Destination
from tui.state.overview.contents import OverviewContents
from tui.state.overview.model_lines import ModelLine
from tui.state.overview.rows import OverviewPart, OverviewRow
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.detail import Detail
from tui.widgets.panes.pane import Pane
from tui.widgets.table.list_table import ListTable
from tui.widgets.table.part_table import PartTable

LEAST_ROOM = 12
"""Lines that are filled before the table was laid out: as many as a small terminal has."""
MOST_ON_SCREEN = 40
"""Records that count as on screen, as many as other tabs have: their addresses are probed."""
FEW = 4
"""Of them, those of one model."""


class OverviewPane(Pane[OverviewRow]):
    """Shows the selected scope in one screen: findings by their causes, models, and events."""

    TAB = TabId.OVERVIEW
    TITLE = "Overview"
    SHORT_TITLES = ("Overview", "Over")
    HIDES_DETAIL = True
    STANDS_FOR_RECORDS = False
    KINDS = frozenset(Kind)
    table: PartTable

    class DestinationChosen(Message):
        """The person wants to see what a row is about, where it has all of its evidence."""

        def __init__(self, destination: Destination) -> None:
            super().__init__()
            self.destination = destination

    def __init__(self, dashboard: Dashboard) -> None:
        table = PartTable(
            has_figures=dashboard.figures.has_addresses,
            id=TabId.OVERVIEW,
            resized=self._resized,
            is_past=dashboard.is_past,
        )
        super().__init__(dashboard, (), order=SortOrder(""), table=table)
        self._contents = OverviewContents(dashboard)
        self._is_due = False

    def rebuild(self) -> None:
        self._contents.rebuild()
        self._list()

    def amend(self, changes: Changes) -> None:
        self._contents.amend(changes)
        self.list_soon()

    def refresh_models(self, names: Collection[str]) -> None:
        """Show what frontends say of some models and adapters."""
        self._contents.refresh_models(names)
        self.list_soon()

    def show_figures(self) -> None:
        """Show new figures."""
        self._contents.take_figures()
        self.list_soon()

    def list_soon(self) -> None:
        """List the rows once, after all that came with one update was taken in."""
        if not self._is_due:
            self._is_due = True
            self.call_later(self._list)

    def tick(self) -> None:
        """List the rows, unless time alone changes none of them."""
        is_behind = self._contents.catch_up()
        if is_behind or self._contents.is_passing or not self.dashboard.is_still:
            self._list()

    def count(self) -> None:
        """Return no number for the title: findings are counted in the header."""

    def records_of(self, row: OverviewRow) -> Sequence[AnyRecord]:
        return self._contents.records(row)

    def look_at_screen(self) -> list[AnyRecord]:
        """Return the record in the detail, those of what is wrong, and a few of each model."""
        selected = self.detail_record()
        found = [] if selected is None else [selected]
        for row in self.table.on_screen():
            if row.part is not OverviewPart.EVENTS:
                most = FEW if row.part is OverviewPart.MODELS else MOST_ON_SCREEN
                found += self._contents.some_records(row, most)
        return found[:MOST_ON_SCREEN]

    def detail_record(self) -> AnyRecord | None:
        """Return the worst record of a row; of an event its last record, also if that is gone."""
        if self.row is None:
            return None
        subject = self._contents.subject(self.row)
        if isinstance(subject, CauseRow):
            return next(iter(subject.records), None)
        return self.states.worst_of(self.records_of(self.row))

    def chart_subject(self) -> ChartSubject | None:
        subject = None if self.row is None else self._contents.subject(self.row)
        return of_model(subject.name) if isinstance(subject, ModelLine) else super().chart_subject()

    def detail_worker(self) -> Worker | None:
        return None if self.row is None else self._contents.worker(self.row)

    def detail_event(self) -> Event | None:
        subject = None if self.row is None else self._contents.subject(self.row)
        return subject.event if isinstance(subject, CauseRow) else None

    def detail_text(self) -> Detail | None:
        """Return the detail of a model, and that of events with one cause."""
        return None if self.row is None else self._contents.detail(self.row)

    def on_list_table_chosen(self, message: ListTable.Chosen) -> None:
        """Go to what the row is about; a row that leads nowhere opens its detail, if it has one."""
        destination = None if self.row is None else self._contents.destination(self.row)
        if destination is not None:
            message.stop()
            self.post_message(self.DestinationChosen(destination))

    def action_sort_next(self) -> None:
        """Do nothing: what is worst, and what is new, comes first."""

    def action_sort_reverse(self) -> None:
        """Do nothing."""

    def _or_told(self, records: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        if self.row is not None and not records:
            text = "Nothing that is registered belongs to this line."
            self.notify(text, severity="warning", markup=False)
        return records

    def _resized(self) -> None:
        if self.view.complete:
            self._list()

    def _list(self) -> None:
        self._is_due = False
        rows = self._contents.rows(self.table.room or LEAST_ROOM)
        if rows == list(self.rows):
            return
        listed, before = ListedRows(rows), self.rows
        changed = None
        if isinstance(self.source, ListedRows) and listed.has_keys_of(self.source):
            pairs = zip(rows, before, strict=True)
            changed = {now.key for now, was in pairs if now != was}
        self.show(listed, changed)
