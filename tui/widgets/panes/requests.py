"""The Requests tab: counts of NATS services, for components, their endpoints and instances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import msgspec
from rich.text import Text
from textual.widgets import Static

from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.services.overview import Answering, Total, Usage, total
from tui.state.cluster_view import Changes
from tui.state.column import Cell, Column, SortOrder
from tui.state.dashboard import Dashboard
from tui.state.empty import NO_FIGURES_THEN
from tui.state.sorted_rows import ListedRows
from tui.state.tabs import TabId
from tui.text.detail import Detail
from tui.text.format import NOTHING, duration, hex_id
from tui.text.sanitize import clip
from tui.text.services import (
    ANSWERS,
    answer,
    counted,
    detail_of_instance,
    detail_of_total,
    empty_text,
    figure,
    line,
)
from tui.widgets.panes.tree_pane import TreePane

LEVEL_OF_INSTANCES = 2
"""Below components and endpoints."""
MOST_AT_ONCE = 500
"""Instances up to which every change is shown at once: that takes 20 ms; beyond, with the figures,
every few seconds."""


class RequestRow(msgspec.Struct, frozen=True):
    """A component, one of its endpoints, or one instance of that."""

    key: tuple[Hashable, ...]
    """From the component down."""
    name: str
    usages: tuple[Usage, ...]
    whole: Total
    opened: bool | None
    """Whether it is expanded. None: there is nothing below it."""

    @property
    def level(self) -> int:
        """How far it is below its component."""
        return len(self.key) - 1


class RequestsPane(TreePane[RequestRow]):
    """Shows the counts in the selected scope, and a line with their age."""

    TAB = TabId.REQUESTS
    TITLE = "Requests"
    SHORT_TITLES = ("Requests", "Reqs")
    KINDS = frozenset({Kind.ENDPOINT})

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column(
                "name",
                "COMPONENT",
                22,
                _name,
                grow=((0, 40),),
                path=True,
                sort=lambda row: row.name,
            ),
            Column("answer", "ANSWER", 14, self._answer, drop=3, sort=_trouble),
            _number("requests", "REQUESTS", 9, lambda whole: whole.requests),
            _number("errors", "ERRORS", 6, lambda whole: whole.errors, tone="bad"),
            _number("rate", "REQ/S", 6, lambda whole: whole.rate, measured=True),
            _number("mean", "ACCEPT MS", 9, lambda whole: whole.mean_ms, measured=True, drop=4),
            Column("error", "LAST ERROR", 10, _last_error, drop=6),
            Column(
                "started", "STARTED", 7, self._started, right=True, ticks=True, drop=5, sort=_newest
            ),
        ]
        self.line = Static(id="requests-line")
        super().__init__(dashboard, columns, order=SortOrder("name"), below=(self.line,))
        self._told_of_store = ""
        self._line_text: tuple[str, str] = ("", "")
        # Components are open by themselves, endpoints are not.
        self._turned: set[Hashable] = set()
        """Rows that are not as they are by themselves."""
        self._whole = total(())
        """Of all that is shown."""

    def rebuild(self) -> None:
        usages = self._shown_usages()
        self._whole = total(usages)
        rows = list(self._tree(usages, ()))
        listed, before = ListedRows(rows), self.rows
        self.table.empty_text = self._empty_text()
        if [row.key for row in before] == [row.key for row in rows]:
            changed: set[Hashable] = {
                new.key for old, new in zip(before, rows, strict=True) if old != new
            }
            self.show(listed, changed)
        else:
            self.show(listed)
        self._update_line()

    def amend(self, changes: Changes) -> None:
        """Wait for the next figures, a few seconds later: joining thousands of records anew takes
        time."""
        if sum(self._whole.numbers.values()) <= MOST_AT_ONCE:
            self.rebuild()

    def show_figures(self) -> None:
        """Show new figures of the services."""
        self.rebuild()

    def tick(self) -> None:
        super().tick()
        self._update_line()

    def set_empty_text(self, text: str) -> None:
        self._told_of_store = text
        self.table.empty_text = self._empty_text()

    def count(self) -> None:
        """Return no number for the title: services are polled only while the tab is open."""

    def records_of(self, row: RequestRow) -> Sequence[AnyRecord]:
        records = {one.key: one for usage in row.usages for one in usage.records}
        return self.states.registered(records.values())

    def detail_record(self) -> AnyRecord | None:
        """Return the record of an instance; a row of several has none."""
        if self.row is None or self.row.opened is not None:
            return None
        return next(iter(self.records_of(self.row)), None)

    def is_faded(self, row: RequestRow) -> bool:
        return False

    def with_pane_fields(self, detail: Detail | None) -> Detail | None:
        row, board, now = self.row, self.dashboard.figures.stats, self.dashboard.clock()
        shown_at = self.dashboard.clock.shown_at
        if row is None or board is None:
            return detail
        if row.opened is None:
            return detail_of_instance(row.usages[0], board, detail, now, shown_at)
        name = _path(row.usages[0], row.level)
        return detail_of_total(name, row.usages, board, now, shown_at)

    def set_open(self, row: RequestRow, opened: bool) -> None:
        if opened != bool(row.opened):
            self._turned ^= {row.key}
        self.rebuild()

    def _shown_usages(self) -> list[Usage]:
        """Return the rows in the selected scope that match the filter."""
        board, cluster = self.dashboard.figures.stats, self.view.cluster
        if board is None:
            return []
        known = [
            (namespace, component)
            for namespace in cluster.children(())
            for component in cluster.children((namespace,))
        ]
        instances, complete = cluster.of_type(EndpointInstance), self.view.complete
        found = board.usages(instances, known, complete=complete, since=self._since)
        shown = self.dashboard.shown.keys(Kind.ENDPOINT, self.dashboard.scope)
        return [one for one in found if self._is_shown(one, shown)]

    def _since(self, record: EndpointInstance) -> float | None:
        first_seen = self.states.first_seen(record)
        return None if first_seen is None or first_seen.was_there else first_seen.at

    def _is_shown(self, usage: Usage, shown: Any) -> bool:
        if usage.records:
            return any(record.key in shown for record in usage.records)
        view, scope = self.view, self.dashboard.scope
        # With only one namespace looked at, who else is registered is not known.
        nowhere = not usage.namespace and self.dashboard.settings.namespace
        place = (usage.namespace, usage.component, usage.endpoint)
        if view.only_findings or nowhere or place[: len(scope)] != scope:
            return False
        number = hex_id(usage.instance_id)
        return not view.filter or view.finds(f"{'/'.join(place)} {usage.subject} {number}".lower())

    def _tree(self, usages: Sequence[Usage], above: tuple[Hashable, ...]) -> Iterator[RequestRow]:
        """Return the rows of these usages, which have all of `above` in common."""
        groups: dict[Hashable, list[Usage]] = {}
        alike: Counter[str] = Counter()
        for usage in usages:
            alike[usage.subject] += 1
            part = _part(usage, len(above), alike[usage.subject])
            groups.setdefault(part, []).append(usage)
        rows = [self._row((*above, part), group) for part, group in groups.items()]
        rows.sort(key=lambda row: row.name)
        rows.sort(key=self.sort_column.sort_value, reverse=self.order.reverse)
        for row in rows:
            yield row
            if row.opened:
                yield from self._tree(row.usages, row.key)

    def _row(self, key: tuple[Hashable, ...], usages: Sequence[Usage]) -> RequestRow:
        first, level = usages[0], len(key) - 1
        name = _path(first, 0) if level == 0 else first.endpoint
        opened: bool | None = None
        if level == LEVEL_OF_INSTANCES:
            static = bool(first.records) and first.instance_id is None
            name = "static" if static else hex_id(first.instance_id)
        else:
            # What a filter finds is not to be looked for.
            opened = (level == 0) != (key in self._turned) or self.view.narrowed
        return RequestRow(key, name, tuple(usages), total(usages), opened)

    def _empty_text(self) -> str:
        if self.dashboard.is_past:
            return NO_FIGURES_THEN
        stats, shown_at = self.dashboard.figures.stats, self.dashboard.clock.shown_at
        return empty_text(stats, self._told_of_store, shown_at)

    def on_resize(self) -> None:
        """Fit the line into the new width: it may have been made before there was one."""
        self._line_text = ("", "")
        self._update_line()

    def _update_line(self) -> None:
        """Show the age of the figures, and mute them while NATS or the store is disconnected."""
        board = self.dashboard.figures.stats
        lost = self.view.store.link.is_outdated
        self.table.set_class(lost or (board is not None and board.trouble is not None), "-stale")
        line_text = line(board, self._whole, self.dashboard.clock(), self.dashboard.clock.shown_at)
        if line_text == self._line_text:
            return
        text, tone = self._line_text = line_text
        self.line.display = bool(text)
        self.line.set_class(tone == "bad", "-bad")
        self.line.update(Text(clip(text, max(20, self.table.size.width - 2))), layout=False)

    def _answer(self, row: RequestRow) -> Cell:
        state = answer(row.whole)
        return Cell(str(state), state.tone)

    def _started(self, row: RequestRow) -> Cell:
        started = row.whole.started
        if started is None:
            return Cell(NOTHING, "dim")
        clock = self.dashboard.clock
        return Cell(duration(clock.shown_at(clock()) - started), "dim")


def _part(usage: Usage, level: int, number: int) -> Hashable:
    """Tells a row from its siblings; `number` counts those of its subject."""
    if level == 0:
        return (usage.namespace, usage.component)
    if level == 1:
        return usage.endpoint
    # Mostly one process has a subject. Its service's id is not part of it: it comes and goes.
    return (usage.subject, number)


def _path(usage: Usage, level: int) -> str:
    names = (usage.namespace, usage.component, usage.endpoint)[: level + 2]
    return "/".join(filter(None, names)) or NOTHING


def _name(row: RequestRow) -> Cell:
    state = answer(row.whole)
    good = ANSWERS[Answering.ANSWERS]
    # In a narrow terminal there is no other column that tells who is silent.
    mark = {True: "▾", False: "▸", None: "·" if state is good else state.glyph}[row.opened]
    tone = "accent" if row.opened is None else ""
    lead = f"{'  ' * row.level}{mark} "
    return Cell(row.name, tone if state is good else state.tone, lead)


def _trouble(row: RequestRow) -> tuple[int, int]:
    """Return the sort key of a state: services that do not answer come first."""
    numbers = row.whole.numbers
    return (-numbers[Answering.SILENT], -numbers[Answering.UNREGISTERED])


def _last_error(row: RequestRow) -> Cell:
    if row.opened is None and row.usages[0].stats is not None and row.usages[0].stats.problem:
        return Cell(row.usages[0].stats.problem, "warn")
    return Cell(row.whole.last_error, "dim")


def _newest(row: RequestRow) -> float:
    return -(row.whole.started or 0.0)


def _number(
    id: str,
    title: str,
    width: int,
    of: Callable[[Total], float | None],
    *,
    measured: bool = False,
    tone: str = "",
    drop: int = 0,
) -> Column[RequestRow]:
    """Return a column of numbers; sorted by it, the highest is first."""

    def cell(row: RequestRow) -> Cell:
        number = of(row.whole)
        if number is None:
            return Cell(NOTHING, "dim")
        return Cell(figure(number) if measured else counted(number), tone if number else "dim")

    def sort(row: RequestRow) -> float:
        number = of(row.whole)
        return 1 if number is None else -number

    return Column(id, title, width, cell, right=True, drop=drop, sort=sort)
