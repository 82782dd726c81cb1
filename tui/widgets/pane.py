"""What every tab has in common: a table of rows that stand for records."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.message import Message

from backends.history import Happening
from backends.ids import Kind
from backends.records import AnyRecord
from tui.columns import Column, SortOrder
from tui.rows import HasKey
from tui.view import View
from tui.widgets.list_table import ListTable

Row = TypeVar("Row", bound=HasKey)


class Pane(ListTable[Row]):
    """A tab's table. Subclasses say what the rows are and which records each stands for."""

    TITLE: ClassVar[str]
    """The tab's."""
    KINDS: ClassVar[frozenset[Kind]]
    """A change to a record of another kind does not touch this pane."""
    EMPTY_TEXT: ClassVar[str | None] = None
    """What it says without rows. None: what is to be said of the store."""
    HIDES_EMPTY: ClassVar[bool] = False
    """Whether the tab is there only while there is something in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort_next", "Sort", tooltip="Sort by the next column", id="pane.sort"),
        Binding(
            "S",
            "sort_reverse",
            "Reverse",
            show=False,
            tooltip="Sort the other way round",
            id="pane.reverse",
        ),
        Binding(
            "d",
            "unregister",
            "Unregister",
            tooltip="Remove what is selected, after a question",
            id="pane.unregister",
        ),
        Binding(
            "o",
            "jump",
            "Instance",
            show=False,
            tooltip="Go to the instance that this belongs to",
            id="pane.jump",
        ),
        Binding("y", "copy('key')", "Copy key", show=False, id="pane.copy-key"),
        Binding("i", "copy('id')", "Copy id", show=False, id="pane.copy-id"),
        Binding("Y", "copy('json')", "Copy JSON", show=False, id="pane.copy-json"),
    ]

    class UnregisterAsked(Message):
        """The person wants these records removed; nothing was asked yet."""

        def __init__(self, records: Sequence[AnyRecord]) -> None:
            super().__init__()
            self.records = records

    class JumpAsked(Message):
        """The person wants to see the instance that a record belongs to."""

        def __init__(self, record: AnyRecord) -> None:
            super().__init__()
            self.record = record

    class CopyAsked(Message):
        """The person wants a record's `key`, `id` or `json` in the clipboard."""

        def __init__(self, record: AnyRecord, what: str) -> None:
            super().__init__()
            self.record = record
            self.what = what

    def __init__(
        self,
        view: View,
        columns: Sequence[Column[Row]],
        *,
        order: SortOrder,
        follow_top: bool = False,
        id: str,
    ) -> None:
        super().__init__(columns, follow_top=follow_top, id=id)
        self.view = view
        self.set_reactive(ListTable.order, order)

    # --- for subclasses -----------------------------------------------------------------------

    def rebuild(self) -> None:
        """Show what there is now, whatever changed."""
        raise NotImplementedError

    def amend(self, keys: set[bytes]) -> None:
        """Only these records came, changed or went since the last time."""
        self.rebuild()

    def count(self) -> int | None:
        """How many there are, for the tab's title, open or not. None: a number says nothing."""
        raise NotImplementedError

    def records_of(self, row: Row) -> Sequence[AnyRecord]:
        """The records that a row stands for, as they are now; the first is shown in the detail."""
        raise NotImplementedError

    def detail_record(self) -> AnyRecord | None:
        """The record whose detail is shown."""
        records = self.selected()
        return records[0] if records else None

    def detail_happening(self) -> Happening | None:
        """What happened, where the row tells of that."""
        return None

    # --- what all have ------------------------------------------------------------------------

    @property
    def sort_column(self) -> Column[Row]:
        return next(column for column in self.columns if column.id == self.order.column)

    def selected(self) -> Sequence[AnyRecord]:
        """The records that the cursor's row stands for."""
        return () if self.row is None else self.records_of(self.row)

    def select(self, key: Hashable) -> bool:
        """Put the cursor on the row of a key. False: there is none."""
        for index, row in enumerate(self.rows):
            if row.key == key:
                self.move_to(index)
                return True
        return False

    def sort_by(self, column: str) -> None:
        """Sort by a column; by the same again the other way round."""
        again = column == self.order.column
        self.order = SortOrder(column, again and not self.order.reverse)
        self.rebuild()

    def on_list_table_sort_asked(self, message: ListTable.SortAsked) -> None:
        self.sort_by(message.column)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "unregister" and self.view.read_only)

    def action_sort_next(self) -> None:
        shown = [column.id for column, _ in self._columns()]
        current = shown.index(self.order.column) if self.order.column in shown else -1
        self.order = SortOrder(shown[(current + 1) % len(shown)])
        self.rebuild()

    def action_sort_reverse(self) -> None:
        self.sort_by(self.order.column)

    def action_unregister(self) -> None:
        if records := self._selected_or_told():
            self.post_message(self.UnregisterAsked(records))

    def action_jump(self) -> None:
        if records := self._selected_or_told():
            self.post_message(self.JumpAsked(records[0]))

    def action_copy(self, what: str) -> None:
        # Also of what is gone: a key may be wanted just because of that.
        if (record := self.detail_record()) is not None:
            self.post_message(self.CopyAsked(record, what))

    def _selected_or_told(self) -> Sequence[AnyRecord]:
        records = self.selected()
        if self.row is not None and not records:
            self.notify(
                "This row stands for nothing that is registered.", severity="warning", markup=False
            )
        return records
