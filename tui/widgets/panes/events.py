"""The Events tab: what happened, when, and why; one row for each cause, and below it its events."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from backends.discovery.causes import EventCause
from backends.discovery.history import Event
from backends.dynamo.records import AnyRecord
from backends.liveness.workers import Worker
from backends.liveness.workers import worker as worker_by_id
from tui.state.causes.cause_rows import CauseRow, CauseRows
from tui.state.column import Cell, Column, Growth, SortOrder
from tui.state.dashboard import Dashboard
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.causes.cause_detail import cause_detail
from tui.text.causes.sentences import (
    CAUSE_GLYPHS,
    cause_name,
    cause_subject,
    hidden_before,
    nothing_found,
    time_text,
)
from tui.text.detail import Detail
from tui.text.format import EVENT_GLYPHS, SHORT_KIND_NAMES, count, name_of
from tui.text.sanitize import width
from tui.text.short import SHORTEST, without_last_clauses
from tui.text.tab_titles import NEW
from tui.widgets.panes.tree_pane import TreePane

NAMES: tuple[Growth, ...] = ((3, 30), (6, 36))
REASONS: tuple[Growth, ...] = ((4, 26), (7, 56))
"""After names, since there are shorter forms of them. They come before ids."""
PADDING = 1
"""Cells at each side of the line below the table."""
NEWEST_FIRST = SortOrder("time", reverse=True)


class EventsPane(TreePane[CauseRow]):
    """Shows the causes of the history, newest first, of all scopes: a removed record is in none any
    more."""

    TAB = TabId.EVENTS
    TITLE = "Events"
    STANDS_FOR_RECORDS = False
    KINDS = frozenset()  # its rows are events, not records

    DEFAULT_CSS = """
    EventsPane > #events-kept { height: 1; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column("time", "TIME", 8, self._time, sort=lambda row: row.cause.number),
            Column("what", "WHAT", 12, _what),
            Column("kind", "KIND", 8, _kind, drop=4),
            Column("name", "NAME", 16, _name, grow=NAMES, path=True),
            Column("id", "ID", 16, _id, drop=5),
            Column("why", "WHY", SHORTEST, self._why, drop=2, grow=REASONS),
        ]
        self._kept_since = Static(id="events-kept")
        super().__init__(
            dashboard, columns, order=NEWEST_FIRST, follow_top=True, below=(self._kept_since,)
        )
        self._rows = CauseRows(dashboard.view, dashboard.clock)
        self._kept = ""
        """Since when events are kept."""
        self._kept_shown = ""
        """The same as it is shown."""
        self._opened: set[int] = set()
        """The numbers of the expanded causes."""

    def rebuild(self) -> None:
        before = self.row
        rows = self._rows.rows(self._opened, self._arrange)
        self._opened = {number for number in self._opened if number >= self.view.history.first}
        # As long as the first is read, the cursor stays on it.
        self.table.follows_top = not (rows and rows[0].opened)
        self.set_empty_text("")
        source = ListedRows(rows)
        self.show(source)
        if before is not None and source.index_of(before.key) is None:
            self._select_moved(before)

    def tick(self) -> None:
        """Drop rows that are too old for the filter by now."""
        if self._rows.is_outdated():
            self.rebuild()
        super().tick()

    def set_empty_text(self, text: str) -> None:
        """Set what an empty table shows: that nothing happened, or what the filter hides; and since
        when events are kept."""
        history, kept = self.view.history, self.dashboard.events_kept()
        if hidden := self._rows.without_time:
            kept = hidden_before(history, hidden, self.dashboard.clock.shown_at)
        # A small screen has no room for it, but for what else would seem not to have happened.
        self._kept_since.set_class(hidden > 0, "-hiding")
        empty = nothing_found(self.view.filter, kept) if self.view.filter and history else ""
        self.table.empty_text = empty or self.dashboard.no_events()
        self._kept = kept
        self._show_kept()

    def on_resize(self) -> None:
        self._show_kept()

    def _show_kept(self) -> None:
        """Show since when events are kept, in as many clauses as there is room for."""
        every = (self._kept, *without_last_clauses(self._kept))
        room = self.size.width - 2 * PADDING if self.size.width else len(self._kept)
        text = next((one for one in every if width(one) <= room), every[-1])
        if text != self._kept_shown:
            self._kept_shown = text
            self._kept_since.update(Content(text))

    def count(self) -> None:
        """Return no number for the title: it would only grow."""

    def set_open(self, row: CauseRow, opened: bool) -> None:
        if opened:
            self._opened.add(row.cause.number)
        else:
            self._opened.discard(row.cause.number)
        self.rebuild()

    def records_of(self, row: CauseRow) -> Sequence[AnyRecord]:
        """Return the records at the time of the events, whose keys still exist. If a record changed
        since, the store removes nothing, since its revision differs."""
        return self.states.registered(row.records)

    def detail_record(self) -> AnyRecord | None:
        """Return the last record of a row that is gone, too."""
        return None if self.row is None else next(iter(self.row.records), None)

    def detail_event(self) -> Event | None:
        return None if self.row is None else self.row.event

    def detail_text(self) -> Detail | None:
        """Return the detail of a cause with several events."""
        row = self.row
        if row is None or row.event is not None:
            return None
        by = self._rows.replacement(row.cause.events)
        now = self._now(row.cause)
        return cause_detail(
            row.cause,
            now=now,
            replaced_by=by,
            shown_at=self.dashboard.clock.shown_at,
            is_past=self.dashboard.is_past,
        )

    def action_jump(self) -> None:
        """Go to the process, if anything of it is still registered."""
        record = self.detail_record()
        worker = None if self.row is None else self._worker(self.row.cause)
        if record is None or worker is None:
            super().action_jump()
            return
        same = (one for one in worker.records if one.key == record.key)
        self.post_message(self.JumpAsked(next(same, worker.records[0])))

    def _arrange(self, rows: list[CauseRow]) -> None:
        if self.order != NEWEST_FIRST:
            rows.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)

    def _select_moved(self, row: CauseRow) -> None:
        """Put the cursor where the event of a row is now that is no row of its own any more."""
        event = row.cause.number if row.event is None else row.event.number
        cause = self.view.cause_of(event)
        if cause is not None:
            self.select((cause.number, event)) or self.select((cause.number,))

    def _worker(self, cause: EventCause) -> Worker | None:
        """Return the process of a cause as it is registered now. None: nothing of it is."""
        cluster = self.view.cluster
        found = (cluster.worker_of(one) for one in cause.records)
        number = next((one for one in found if one is not None), None)
        return None if number is None else worker_by_id(cluster, number)

    def _now(self, cause: EventCause) -> str:
        """Return what is registered of the process of a cause now."""
        if not cause.records:
            return ""
        worker = self._worker(cause)
        if worker is None:
            return "nothing of it is registered"
        verdict = self.states.worst(worker.records)
        return f"{count(len(worker.records), 'key')} registered, {verdict.value}"

    def _time(self, row: CauseRow) -> str:
        event = row.cause if row.event is None else row.event
        new = NEW * self.dashboard.attention.unseen.is_new(event.number)
        start = self.view.history.start
        time = time_text(
            row.at,
            self.dashboard.clock.shown_at,
            is_untimed=row.is_untimed,
            start=None if start is None else start.at,
        )
        return f"{time}{new}"

    def _why(self, row: CauseRow) -> Cell:
        return Cell(self._rows.why(row), "dim", shorter=self._rows.words(row))


def _what(row: CauseRow) -> Cell:
    if row.is_below and row.event is not None:
        glyph, tone = EVENT_GLYPHS[row.event.type]
        return Cell(f"{glyph} {row.event.type.value}", tone, "· ")
    glyph, tone = CAUSE_GLYPHS[row.cause.kind]
    mark = {True: "▾ ", False: "▸ ", None: "  "}[row.opened]
    return Cell(f"{glyph} {row.cause.kind.value}", tone, mark)


def _kind(row: CauseRow) -> Cell:
    if row.is_below and row.event is not None and (record := row.event.record) is not None:
        return Cell(SHORT_KIND_NAMES[record.kind], "dim")
    return Cell(cause_subject(row.cause), "dim")


def _name(row: CauseRow) -> Cell:
    if row.is_below and row.event is not None and (record := row.event.record) is not None:
        # Its component is in the row above.
        return Cell(name_of(record).removeprefix(f"{cause_name(row.cause)}/"))
    return Cell(cause_name(row.cause))


def _id(row: CauseRow) -> Cell:
    return Cell(row.id_text, "accent")
