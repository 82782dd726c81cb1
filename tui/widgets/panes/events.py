"""The Events tab: records that were added, changed, removed or resynced, when, and why."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from backends.discovery.history import Event
from backends.dynamo.records import AnyRecord
from tui.state.column import NAMES, REASONS, Cell, Column, SortOrder
from tui.state.dashboard import Dashboard, TabId
from tui.state.record_states import why_gone
from tui.state.sorted_rows import ListedRows
from tui.text.format import EVENT_GLYPHS, SHORT_KIND_NAMES, hex_id, name_of
from tui.text.reasons import reason_text
from tui.text.timestamps import time_of_day
from tui.widgets.panes.pane import Pane

NEWEST_FIRST = SortOrder("time", reverse=True)


class EventRow:
    """An event as a row."""

    __slots__ = ("event",)

    def __init__(self, event: Event) -> None:
        self.event = event

    @property
    def key(self) -> Hashable:
        return self.event.number


class EventsPane(Pane[EventRow]):
    """Shows the history, newest first, of all scopes: a removed record is in none any more."""

    TAB = TabId.EVENTS
    TITLE = "Events"
    STANDS_FOR_RECORDS = False
    EMPTY_TEXT = "Nothing happened yet"
    """Return the text without events, or if the filter hides all. Showing findings only hides no
    event: events have no verdict."""
    KINDS = frozenset()  # its rows are events, not records

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column("time", "TIME", 8, self._time, sort=lambda row: row.event.number),
            Column("what", "WHAT", 10, _what),
            Column("kind", "KIND", 8, _kind, drop=3),
            Column("name", "NAME", 16, _name, grow=NAMES, path=True),
            Column("id", "ID", 16, _id, drop=4),
            Column("why", "WHY", 14, self._why, drop=2, grow=REASONS),
        ]
        super().__init__(dashboard, columns, order=NEWEST_FIRST, follow_top=True)

    def _time(self, row: EventRow) -> str:
        return time_of_day(self.dashboard.clock.shown_at(row.event.at))

    def rebuild(self) -> None:
        rows = [EventRow(event) for event in self.view.events()]
        if self.view.filter:
            rows = [row for row in rows if self.view.finds(self._text(row))]
        if self.order != NEWEST_FIRST:
            rows.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)
        self.set_empty_text("")
        self.show(ListedRows(rows))

    def set_empty_text(self, text: str) -> None:
        """Return whether nothing happened, or the filter hides it."""
        sought, happened = self.view.filter, bool(self.view.events())
        super().set_empty_text(text)
        if sought and happened:
            self.table.empty_text = (
                f"Nothing that happened matches “{sought}”: Esc clears the filter"
            )

    def count(self) -> None:
        """Return no number for the title: it would only grow."""

    def records_of(self, row: EventRow) -> Sequence[AnyRecord]:
        """Return the record at the time of the event, if its key still exists. If the record
        changed since, the store removes nothing, since its revision differs."""
        record = row.event.record
        here = record is not None and record.key in self.view.cluster.records
        return (record,) if record is not None and here else ()

    def detail_record(self) -> AnyRecord | None:
        """Return the last record of a row that is gone, too."""
        return None if self.row is None else self.row.event.record

    def detail_event(self) -> Event | None:
        return None if self.row is None else self.row.event

    def _text(self, row: EventRow) -> str:
        cells = (_what, _kind, _name, _id, self._why)
        return " ".join(cell(row).text for cell in cells).lower()

    def _why(self, row: EventRow) -> Cell:
        event = row.event
        stone = None
        if event.record is not None:
            stone = self.view.tombstones.get(event.record.key)
        is_last = stone is not None and stone.event is event
        return Cell(why_gone(stone) if stone and is_last else reason_text(event.why), "dim")


def _what(row: EventRow) -> Cell:
    glyph, tone = EVENT_GLYPHS[row.event.type]
    return Cell(f"{glyph} {row.event.type.value}", tone)


def _kind(row: EventRow) -> Cell:
    record = row.event.record
    return Cell("store" if record is None else SHORT_KIND_NAMES[record.kind], "dim")


def _name(row: EventRow) -> Cell:
    record = row.event.record
    return Cell("" if record is None else name_of(record))


def _id(row: EventRow) -> Cell:
    record = row.event.record
    return Cell("" if record is None else hex_id(record.id.instance_id), "accent")
