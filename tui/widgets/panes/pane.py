"""The base of all tabs: a table of rows that stand for records."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TabPane

from backends.discovery.history import Event
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from backends.liveness.workers import Worker
from tui.config.preferences import COLUMNS
from tui.config.tab_columns import TAB_COLUMNS
from tui.runtime.textual_bindings import bindings
from tui.state.charts.chart_subject import ChartSubject, of_worker
from tui.state.cluster_view import Changes
from tui.state.column import Column, SortOrder
from tui.state.columns.choice import ColumnChoice
from tui.state.columns.chosen import shown_columns, sort_order
from tui.state.dashboard import Dashboard
from tui.state.inspector import Inspector
from tui.state.removal_options import Verb, proposed_verb
from tui.state.sorted_rows import HasKey, ListedRows, RowSource
from tui.state.tabs import TabId
from tui.text.detail import Detail
from tui.widgets.table.list_table import ListTable

if TYPE_CHECKING:
    from tui.config.settings_writer import Value

Row = TypeVar("Row", bound=HasKey)

MOST_OF_A_ROW = 20
"""Records of one row that count as seen: a model's row may stand for thousands of cards."""


class Pane(TabPane, Generic[Row]):
    """A tab: a table and the source of its rows. Subclasses make the rows, and give the records of
    each."""

    TAB: ClassVar[TabId]
    TITLE: ClassVar[str]
    """The tab's."""
    SHORT_TITLES: ClassVar[tuple[str, ...]] = ()
    """The tab's where there is less and less room."""
    KINDS: ClassVar[frozenset[Kind]]
    """A change to a record of another kind does not touch this pane."""
    EMPTY_TEXT: ClassVar[str | None] = None
    """The text of an empty table. None: the state of the store."""
    HIDES_DETAIL: ClassVar[bool] = False
    """Whether a small screen shows its rows in place of the detail."""
    STANDS_FOR_RECORDS: ClassVar[bool] = True
    """Whether a row without a registered record is one that is gone."""
    TELLS_OF_STORE: ClassVar[bool] = True
    """Whether its rows may be outdated while the store is disconnected."""
    HIDES_EMPTY: ClassVar[bool] = False
    """Whether the tab is there only while there is something in it."""

    ACTIONS: ClassVar[dict[str, str]] = {
        "sort": "sort_next",
        "reverse": "sort_reverse",
        # Of these two there is always one: that which the question proposes.
        "drain": "drain",
        "unregister": "unregister",
        "probe": "probe",
        "instance": "jump",
        "chart": "chart",
        "copy-key": "copy('key')",
        "copy-id": "copy('id')",
        "copy-json": "copy('json')",
        "mark": "mark",
        "mark-range": "mark_range",
        "mark-all": "mark_all",
    }
    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    class RemovalAsked(Message):
        """The person wants these records removed; nothing was asked yet."""

        def __init__(self, records: Sequence[AnyRecord]) -> None:
            super().__init__()
            self.records = records

    class ProbeAsked(Message):
        """The person wants the workers of these records asked whether they answer."""

        def __init__(self, records: Sequence[AnyRecord]) -> None:
            super().__init__()
            self.records = records

    class JumpAsked(Message):
        """The person wants to see the instance, or the worker, that a record belongs to."""

        def __init__(self, record: AnyRecord) -> None:
            super().__init__()
            self.record = record

    class ChartAsked(Message):
        """The person wants charts of a model or worker."""

        def __init__(self, subject: ChartSubject) -> None:
            super().__init__()
            self.subject = subject

    class CopyAsked(Message):
        """The person wants a record's `key`, `id` or `json` in the clipboard."""

        def __init__(self, record: AnyRecord, what: str) -> None:
            super().__init__()
            self.record = record
            self.what = what

    def __init__(
        self,
        dashboard: Dashboard,
        columns: Sequence[Column[Row]],
        *,
        order: SortOrder,
        follow_top: bool = False,
        below: Sequence[Widget] = (),
        table: ListTable[Row] | None = None,
    ) -> None:
        """`columns`: all that the tab can show. `order`: by default. `below`: lines under the
        table. `table`: one that has its columns."""
        self.columns = tuple(columns)
        chosen = dashboard.preferences.of_tab(self.TAB)
        self._default_order = order
        order = sort_order(columns, chosen, order)
        shown = shown_columns(self.columns, chosen.shown)
        self._shown_setting = chosen.shown
        """The columns as the settings file has them, or will have them."""
        self.table = table or ListTable(
            shown, follow_top=follow_top, is_faded=self.is_faded, id=self.TAB
        )
        self.table.set_reactive(ListTable.order, order)
        super().__init__(self.TITLE, self.table, *below, id=f"tab-{self.TAB}")
        self.source: RowSource[Row] = ListedRows()
        """Of the rows that the table shows."""
        self.dashboard = dashboard
        self.view = dashboard.view
        self.states = dashboard.states
        self._seen: tuple[object, ...] = ()
        """What `_on_screen` rests on."""
        self._on_screen: list[AnyRecord] = []
        self.verb: Verb = "unregister"
        """The removal that `d` proposes for the marked or selected rows, as of the last
        `look_at_verb`."""

    # --- for subclasses -----------------------------------------------------------------------

    def rebuild(self) -> None:
        """Rebuild all rows."""
        raise NotImplementedError

    def amend(self, changes: Changes) -> None:
        """Update the rows: only these records came, changed or went."""
        self.rebuild()

    def count(self) -> int | None:
        """Return the number for the tab's title, open or not. None: the title has no number."""
        raise NotImplementedError

    def records_of(self, row: Row) -> Sequence[AnyRecord]:
        """Return the records of a row, as they are now; the first is shown in the detail."""
        raise NotImplementedError

    def records_on_screen(self) -> list[AnyRecord]:
        """Return `look_at_screen`, as it was if all is the same. Do not change it."""
        seen = (self.table.viewport, self.view.verdicts.updates)
        if seen != self._seen:
            self._seen, self._on_screen = seen, self.look_at_screen()
        return self._on_screen

    def look_at_screen(self) -> list[AnyRecord]:
        """Return the record in the detail, then those of the rows on screen; of a row with many
        records, the first few."""
        selected = self.detail_record()
        found = [] if selected is None else [selected]
        for row in self.table.on_screen():
            found += self.records_of(row)[:MOST_OF_A_ROW]
        return found

    def detail(self, inspector: Inspector) -> Detail | None:
        """Return the detail of the cursor's row. None: there is no row."""
        if (detail := self.detail_text()) is not None:
            return detail
        if (worker := self.detail_worker()) is not None:
            return self.with_pane_fields(inspector.worker(worker))
        record, event = self.detail_record(), self.detail_event()
        return self.with_pane_fields(inspector.detail(record, event, len(self.selected())))

    def detail_record(self) -> AnyRecord | None:
        """Return the record of the detail."""
        records = self.selected()
        return records[0] if records else None

    def is_faded(self, row: Row) -> bool:
        """Return whether a row is faded: tombstones are."""
        return self.STANDS_FOR_RECORDS and not self.records_of(row)

    def detail_worker(self) -> Worker | None:
        """Return the worker of the detail, if rows stand for workers."""
        return None

    def chart_subject(self) -> ChartSubject | None:
        """Return what charts of the cursor's row are of: its worker. None: there are none."""
        record = self.detail_record()
        worker = None if record is None else self.view.cluster.worker_of(record)
        return None if worker is None else of_worker(worker)

    def detail_text(self) -> Detail | None:
        """Return the detail of a row that is no record."""
        return None

    def detail_event(self) -> Event | None:
        """Return the event of the detail, if rows stand for events."""
        return None

    def with_pane_fields(self, detail: Detail | None) -> Detail | None:
        """Add the fields that only this tab has to the detail."""
        return detail

    def set_empty_text(self, text: str) -> None:
        """Set the text of an empty table: `text`, about the store, unless the tab has its own."""
        self.table.empty_text = text if self.EMPTY_TEXT is None else self.EMPTY_TEXT

    # --- what all have ------------------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        """The row that the cursor is on."""
        return self.table.row

    @property
    def rows(self) -> Sequence[Row]:
        return self.table.rows

    @property
    def order(self) -> SortOrder:
        return self.table.order

    @property
    def sort_column(self) -> Column[Row]:
        return next(column for column in self.columns if column.id == self.order.column)

    def show(self, source: RowSource[Row], changed: set[Hashable] | None = None) -> None:
        """Show the rows of a source. `changed`: if given, rows of other keys are as they were."""
        self.source = source
        self.table.show(source, source.index_of, changed)

    def tick(self) -> None:
        """Draw cells that change with time alone."""
        self.table.tick()

    def selected(self) -> Sequence[AnyRecord]:
        """Return the records of the cursor's row."""
        return () if self.row is None else self.records_of(self.row)

    def acted_on(self) -> Sequence[AnyRecord]:
        """Return the records that an action takes: those of the marked rows, or of the cursor's
        row."""
        marked = self.table.marked
        if not marked:
            return self.selected()
        rows = [row for row in self.rows if row.key in marked]
        records = {record.key: record for row in rows for record in self.records_of(row)}
        return list(records.values())

    def select(self, key: Hashable) -> bool:
        """Put the cursor on the row of a key. False: there is none."""
        index = self.source.index_of(key)
        if index is not None:
            self.table.move_to(index)
        return index is not None

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same again the other way round."""
        again = column == self.order.column
        self._sort(SortOrder(column, again and not self.order.reverse))

    def _sort(self, order: SortOrder) -> None:
        self.table.order = order
        is_default = order == self._default_order
        self._remember("sort", None if is_default else order.column)
        self._remember("reverse", True if order.reverse and not is_default else None)
        self.rebuild()

    def column_choice(self) -> ColumnChoice | None:
        """Return the choice of its columns as it is now. None: there is none to make."""
        if self.TAB not in TAB_COLUMNS:
            return None
        return ColumnChoice(self.TAB, self.columns, [one.id for one in self.table.columns])

    def choose_columns(self, choice: ColumnChoice) -> None:
        """Show the chosen columns, and remember them."""
        self._shown_setting = choice.setting(self._shown_setting)
        self._remember("shown", self._shown_setting)
        self.table.set_columns(shown_columns(self.columns, choice.shown))

    def take_choices(self) -> bool:
        """Show the columns that were chosen on another screen. True: rows have another order now,
        and are to be made anew."""
        chosen = self.dashboard.preferences.of_tab(self.TAB)
        if chosen.shown != self._shown_setting:
            self._shown_setting = chosen.shown
            self.table.set_columns(shown_columns(self.columns, chosen.shown))
        before, order = self.order, sort_order(self.columns, chosen, self._default_order)
        self.table.order = order
        return order != before

    def _remember(self, setting: str, value: Value | None) -> None:
        if self.TAB in TAB_COLUMNS:
            self.dashboard.choose((COLUMNS, self.TAB.value, setting), value)

    def on_list_table_sort_asked(self, message: ListTable.SortAsked) -> None:
        self.sort_by(message.column)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("drain", "unregister"):
            return action == self.verb and not self.dashboard.is_read_only
        if action == "chart":
            return self.dashboard.figures.has_charts
        # Of then there is nothing to be asked or listened to.
        return not (action in ("probe", "tap") and self.dashboard.is_past)

    def look_at_verb(self) -> bool:
        """Compute again what `d` does to the marked or selected rows. True: it changed."""
        before, self.verb = self.verb, proposed_verb(self.view, self.acted_on())
        return self.verb != before

    def action_sort_next(self) -> None:
        shown = [column.id for column, _ in self.table.laid_out()]
        current = shown.index(self.order.column) if self.order.column in shown else -1
        self._sort(SortOrder(shown[(current + 1) % len(shown)]))

    def action_sort_reverse(self) -> None:
        self.sort_by(self.order.column)

    def action_mark(self) -> None:
        self.table.action_mark()

    def action_mark_range(self) -> None:
        self.table.action_mark_range()

    def action_mark_all(self) -> None:
        self.table.action_mark_all()

    def action_drain(self) -> None:
        """Ask for the removal; the dialog shows the proposal of that time."""
        self.action_unregister()

    def action_unregister(self) -> None:
        if records := self._or_told(self.acted_on()):
            self.post_message(self.RemovalAsked(records))

    def action_probe(self) -> None:
        if records := self._or_told(self.acted_on()):
            self.post_message(self.ProbeAsked(records))

    def action_jump(self) -> None:
        if records := self._or_told(self.selected()):
            self.post_message(self.JumpAsked(records[0]))

    def action_chart(self) -> None:
        if (subject := self.chart_subject()) is not None:
            self.post_message(self.ChartAsked(subject))
        elif self.row is not None:
            self.notify("This row has no figures.", severity="warning", markup=False)

    def action_copy(self, what: str) -> None:
        # Also of what is gone: a key may be wanted just because of that.
        if (record := self.detail_record()) is not None:
            self.post_message(self.CopyAsked(record, what))

    def _or_told(self, records: Sequence[AnyRecord]) -> Sequence[AnyRecord]:
        if self.row is not None and not records:
            self.notify(
                "This row is gone: there is nothing to act on.", severity="warning", markup=False
            )
        return records
