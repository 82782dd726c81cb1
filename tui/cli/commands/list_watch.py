"""`dyntop list --watch`: the table of `list`, then a line for each change."""

from __future__ import annotations

import argparse
import asyncio
import gc
from collections.abc import Iterable, Iterator

from backends.discovery.discovery import Added, Resynced
from backends.discovery.history import Event
from backends.dynamo.queries import Query
from backends.dynamo.records import AnyRecord
from backends.store import Misconfigured, Readiness
from tui.cli.columns import Layout
from tui.cli.commands.watch import follow
from tui.cli.output import query_of
from tui.cli.shared.reading import Clock
from tui.cli.shared.record_columns import COLUMNS, Looked, Unasked
from tui.cli.shared.watched_lines import JsonLines, WatchedLines, why
from tui.cli.tables import GrowingTable
from tui.config.settings import Settings
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message
from tui.text.errors import Exit

OUTPUTS = ("table", "wide", "ndjson")
ADDED, CHANGED, REMOVED = "added", "changed", "removed"
EVENTS = (ADDED, CHANGED, REMOVED, "explained")
"""What happened to a record. Explained: it was removed, and the reason was found later."""
EVENT, WHY = "EVENT", "WHY"
"""Columns before and after those of `list`: what happened, and why a record went."""


def run(settings: Settings, arguments: argparse.Namespace, clock: Clock) -> Exit:
    """List and watch until the reader closes or the user interrupts.

    Raises as `watch.run`, and `Misconfigured` for options that it cannot keep.
    """
    end_at_once_on_interrupt()
    # `list` keeps what it reads to its end; this one goes on.
    gc.enable()
    layout = _layout(arguments)
    wanted = query_of(settings, arguments)
    lines: WatchedLines
    if arguments.output == "ndjson":
        lines = JsonLines(wanted, clock, arguments.names)
    else:
        lines = TableLines(wanted, layout, arguments.names)
    asyncio.run(follow(settings, wanted, lines, clock))
    return Exit.DONE


def _layout(arguments: argparse.Namespace) -> Layout[Looked, AnyRecord]:
    """Return the layout. Raises `Misconfigured` for what a watch does not know."""
    layout = Layout(COLUMNS, arguments)
    if arguments.what == "workers":
        raise Misconfigured("--watch", "follows records: name endpoints instead of workers")
    if arguments.output not in OUTPUTS:
        raise Misconfigured("--watch", f"goes with -o {', '.join(OUTPUTS)} only")
    if arguments.output == "ndjson" and layout.is_sorted:
        raise Misconfigured("--watch", "prints changes as they come: it sorts the table alone")
    # A state is also that of the record by itself.
    asked = [name.lower() for name in layout.needs_evidence if name != "STATE"]
    asked += ["--liveness"] * arguments.liveness
    if asked:
        raise Misconfigured(
            "--watch", f"checks no leases, as {asked[0]} does: the dashboard shows verdicts"
        )
    return layout


class TableLines(WatchedLines):
    """The rows of a table: first those of all records, then one for each change."""

    def __init__(
        self, wanted: Query, layout: Layout[Looked, AnyRecord], names: Iterable[str] = ()
    ) -> None:
        super().__init__(wanted, names)
        self._layout = layout
        self._look = Unasked(self._publishers)
        chosen = layout.header if layout.chosen else ()
        self._table = GrowingTable(
            (EVENT, *layout.header, WHY),
            always={EVENT, WHY, *chosen},
            first=max(map(len, EVENTS)),
            headers=layout.headers,
        )
        self._begun = False

    def _read(self, event: Resynced, gone: Iterable[Event], new: Iterable[Added]) -> Iterator[str]:
        if self._begun:
            for one in gone:
                yield from self._gone(one, REMOVED)
            for added in new:
                yield from self._new(added)
            print_message("read all again after a gap: the changes in it are printed")
            return
        self._begun = True
        records = self._layout.in_order(self._look, [added.record for added in new])
        yield from self._rows("", records)
        if not records:
            print_message("nothing found: watching")
        if event.unread:
            print_message(f"not all is listed: {event.unread}")

    def _is_new(self, event: Added) -> bool:
        if super()._is_new(event):
            return True
        # On Kubernetes a pod becomes ready without any change of what it registered.
        return (
            "READINESS" in self._layout.header
            and event.previous is not None
            and _readiness(event.record) is not _readiness(event.previous)
            and self._is_wanted(event.record)
        )

    def _new(self, event: Added) -> Iterator[str]:
        what = ADDED if event.previous is None else CHANGED
        return self._rows(what, [event.record])

    def _gone(self, gone: Event, event: str) -> Iterator[str]:
        assert gone.record is not None
        return self._rows(event, [gone.record], why(gone) or "")

    def _rows(self, event: str, records: Iterable[AnyRecord], why: str = "") -> Iterator[str]:
        cells = self._layout.cells(self._look, records)
        return self._table.lines([event, *row, why] for row in cells)


def _readiness(record: AnyRecord) -> Readiness | None:
    return None if record.entry.owner is None else record.entry.owner.readiness
