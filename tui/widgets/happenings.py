"""The Events tab: what was added, changed, removed and resynced, when, and why."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime

from backends.history import Happening
from backends.records import AnyRecord
from tui.columns import Cell, Column, SortOrder
from tui.view import View
from tui.widgets.pane import Pane
from tui.words import HAPPENING_GLYPHS, SHORT_KIND_NAMES, hex_id, name_of

NEWEST_FIRST = SortOrder("time", reverse=True)


class HappeningRow:
    """A happening as a row."""

    __slots__ = ("happening",)

    def __init__(self, happening: Happening) -> None:
        self.happening = happening

    @property
    def key(self) -> Hashable:
        return self.happening.number


class EventsPane(Pane[HappeningRow]):
    """The history, newest first. It shows all places: what went is in none any more."""

    TITLE = "Events"
    STANDS_FOR_RECORDS = False
    EMPTY_TEXT = "Nothing happened yet"
    KINDS = frozenset()  # it is told of happenings, not of records

    def __init__(self, view: View) -> None:
        columns = [
            Column("time", "TIME", 8, _time, sort=lambda row: row.happening.number),
            Column("what", "WHAT", 10, _what),
            Column("kind", "KIND", 8, _kind, drop=3),
            Column("name", "NAME", 16, _name, share=3, most=60, path=True),
            Column("id", "ID", 16, _id, drop=2),
            Column("why", "WHY", 14, _why, share=2, drop=1),
        ]
        super().__init__(view, columns, order=NEWEST_FIRST, follow_top=True, id="events")

    def rebuild(self) -> None:
        rows = [HappeningRow(happening) for happening in self.view.monitor.happenings()]
        if self.view.monitor.filter:
            rows = [row for row in rows if self.view.monitor.finds(_text(row))]
        if self.order != NEWEST_FIRST:
            rows.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)
        index = {row.key: index for index, row in enumerate(rows)}
        self.show(rows, index.get)

    def count(self) -> None:
        """It only grows, so the title does without."""

    def records_of(self, row: HappeningRow) -> Sequence[AnyRecord]:
        """The record as it was then, if its key is still there.

        Of one that changed since, the store removes nothing: what is shown is what is meant.
        """
        record = row.happening.record
        here = record is not None and record.key in self.view.monitor.cluster.records
        return (record,) if record is not None and here else ()

    def detail_record(self) -> AnyRecord | None:
        """What went is shown as it last was."""
        return None if self.row is None else self.row.happening.record

    def detail_happening(self) -> Happening | None:
        return None if self.row is None else self.row.happening


def _text(row: HappeningRow) -> str:
    return " ".join(cell(row).text for cell in (_what, _kind, _name, _id, _why)).lower()


def _time(row: HappeningRow) -> str:
    return datetime.fromtimestamp(row.happening.at).strftime("%H:%M:%S")


def _what(row: HappeningRow) -> Cell:
    glyph, tone = HAPPENING_GLYPHS[row.happening.what]
    return Cell(f"{glyph} {row.happening.what.value}", tone)


def _kind(row: HappeningRow) -> Cell:
    record = row.happening.record
    return Cell("store" if record is None else SHORT_KIND_NAMES[record.kind], "dim")


def _name(row: HappeningRow) -> Cell:
    record = row.happening.record
    return Cell("" if record is None else name_of(record))


def _id(row: HappeningRow) -> Cell:
    record = row.happening.record
    return Cell("" if record is None else hex_id(record.id.instance_id), "accent")


def _why(row: HappeningRow) -> Cell:
    return Cell(row.happening.why, "dim")
