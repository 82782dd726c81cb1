"""The tabs with one row per record: instances, and keys of unknown kinds.

Removed records stay for a while, as rows without records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from msgspec.structs import replace

from backends.discovery.record_index import is_internal_at
from backends.dynamo import keys
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord
from tui.state.cluster_view import Changes
from tui.state.column import NAMES, Cell, Column, SortOrder
from tui.state.columns.of_processes import process_columns
from tui.state.columns.of_records import seen_column, severity_of, state_column, why_column
from tui.state.dashboard import Dashboard
from tui.state.sorted_rows import SortedRows
from tui.state.tabs import TabId
from tui.text.format import NOTHING, hex_id, short_transport
from tui.widgets.panes.pane import Pane


class RecordPane(Pane[AnyRecord]):
    """One kind of record below the selected place."""

    def __init__(self, dashboard: Dashboard, own_columns: Sequence[Column[AnyRecord]]) -> None:
        """`own_columns` stand between the state and how long it is seen; the first one sorts."""
        states = dashboard.states
        columns = (
            state_column(states, _itself),
            *own_columns,
            seen_column(states, _itself),
            why_column(states, _itself, severity_of(states, _itself)),
        )
        super().__init__(dashboard, columns, order=SortOrder(own_columns[0].id))
        self._sorted: SortedRows[AnyRecord] = SortedRows()

    def rebuild(self) -> None:
        hidden = self._hidden()
        records = [self.dashboard.shown.records[key] for key in self._keys() if key not in hidden]
        gone = self.view.gone(self.KINDS, self.dashboard.scope)
        records += [record for record in gone if not self._is_hidden(record)]
        column, reverse = self.sort_column, self.order.reverse
        self._sorted.rebuild(records, column.sort_value, reverse, lasting=column.lasting)
        self.show(self._sorted)

    def amend(self, changes: Changes) -> None:
        keys = changes.keys
        if len(keys) * 4 > len(self._sorted):
            self.rebuild()
            return
        wanted, hidden = self._keys(), self._hidden()
        now: list[AnyRecord] = []
        gone: list[bytes] = []
        for key in keys:
            record = self.view.is_gone(key, self.dashboard.scope)
            if record is not None and self._is_hidden(record):
                record = None
            if key in wanted and key not in hidden:
                record = self.dashboard.shown.records[key]
            if record is not None and record.kind in self.KINDS:
                now.append(record)
            else:
                gone.append(key)
        changed = self._sorted.amend(now, gone)
        if changed is None or changed:
            self.show(self._sorted, changed)

    def count(self) -> int:
        return len(self._keys()) - len(self._hidden())

    def records_of(self, row: AnyRecord) -> Sequence[AnyRecord]:
        return (row,) if row.key in self.view.cluster.records else ()

    def detail_record(self) -> AnyRecord | None:
        """Return the last record of a row that is gone, too."""
        return self.row

    def _keys(self) -> Collection[bytes]:
        (kind,) = self.KINDS
        return self.dashboard.shown.keys(kind, self.dashboard.scope)

    def _hidden(self) -> Collection[bytes]:
        """Return the keys without a row."""
        return ()

    def _is_hidden(self, record: AnyRecord) -> bool:
        """Return whether one that is gone has no row either."""
        return False


class InstancesPane(RecordPane):
    """Shows the endpoint instances of the selected scope.

    Instances of internal endpoints belong to their worker: they have rows if they were asked for,
    or if a filter matches them.
    """

    TAB = TabId.INSTANCES
    TITLE = "Instances"
    SHORT_TITLES = ("Instances", "Inst")
    KINDS = frozenset({Kind.ENDPOINT})

    def __init__(self, dashboard: Dashboard) -> None:
        host, *others = process_columns(dashboard.processes, _itself, ticks=True)
        columns = [
            Column("name", "ENDPOINT", 16, _place, grow=NAMES, path=True, lasting=True),
            Column("id", "INSTANCE", 16, _instance, sort=_number, lasting=True, drop=3),
            replace(host, cell=partial(self._with_restarts, host.cell)),
            *others,
            Column("transport", "TRANSPORT", 12, _transport, drop=12),
        ]
        super().__init__(dashboard, columns)

    def _hidden(self) -> Collection[bytes]:
        shown, scope = self.dashboard.shown, self.dashboard.scope
        return () if self.view.has_internal else shown.internal(scope)

    def _is_hidden(self, record: AnyRecord) -> bool:
        return not self.view.has_internal and is_internal_at(record, self.dashboard.scope)

    def _with_restarts(
        self, cell_of: Callable[[AnyRecord], str | Cell], record: AnyRecord
    ) -> str | Cell:
        """Return a cell of a record, with the number of recent replacements of the instance."""
        cell = cell_of(record)
        if record.key not in self.view.cluster.records:
            return cell
        restarts = self.states.restarts(record)
        text = cell if isinstance(cell, str) else cell.text
        return Cell(f"↻{restarts} {text}", "warn") if restarts else cell


class OthersPane(RecordPane):
    """Keys in buckets that dyntop does not know: shown raw, never dropped."""

    TAB = TabId.OTHERS
    TITLE = "Other keys"
    SHORT_TITLES = ("Other", "Other", "Oth")
    HIDES_EMPTY = True
    KINDS = frozenset({Kind.UNKNOWN})

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column("key", "KEY", 20, _key, grow=NAMES, path=True),
            Column("value", "VALUE", 12, _value, drop=9),
        ]
        super().__init__(dashboard, columns)


def _itself(record: AnyRecord) -> AnyRecord:
    return record


def _place(record: AnyRecord) -> str:
    return record.id.path() or NOTHING


def _number(record: AnyRecord) -> int:
    return record.id.instance_id or 0


def _instance(record: AnyRecord) -> Cell:
    static = record.id.instance_id is None and record.malformed is None
    return Cell("static" if static else hex_id(record.id.instance_id), "accent")


def _transport(record: AnyRecord) -> Cell:
    return Cell(short_transport(record), "dim")


def _key(record: AnyRecord) -> str:
    return keys.spell(record.key)


def _value(record: AnyRecord) -> Cell:
    return Cell(record.entry.value[:200].decode("utf-8", "backslashreplace"), "dim")
