"""Columns that several tabs have, of the record that a row stands for. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable

from backends.dynamo.records import AnyRecord
from backends.liveness.workers import SEVERITY
from tui.state.column import REASONS, Cell, Column
from tui.state.record_states import NO_REASON, RecordStates
from tui.state.sorted_rows import Row
from tui.text.format import NOTHING, duration, seen
from tui.text.short import SHORTEST


def state_column(states: RecordStates, record_of: Callable[[Row], AnyRecord]) -> Column[Row]:
    """Return the column of states; sorted by it, the worst comes first."""

    def cell(row: Row) -> Cell:
        state = states.of(record_of(row))
        return Cell(state.in_column, state.tone)

    return Column("state", "STATE", 13, cell, drop=1, sort=severity_of(states, record_of))


def why_column(
    states: RecordStates,
    record_of: Callable[[Row], AnyRecord | None],
    severity: Callable[[Row], int],
) -> Column[Row]:
    """Return the column of reasons: why a row is not live, in few words.

    `record_of`: the record that the row's state rests on. `severity` is what it is sorted by: to
    find the reason of each of 10,000 rows would take a second.
    """

    def cell(row: Row) -> Cell:
        record = record_of(row)
        return NO_REASON if record is None else states.why(record)

    return Column("why", "WHY", SHORTEST, cell, ticks=True, sort=severity, drop=2, grow=REASONS)


def severity_of(
    states: RecordStates, record_of: Callable[[Row], AnyRecord]
) -> Callable[[Row], int]:
    """Return the sort key of rows by the state of their record: the worst come first."""

    def severity(row: Row) -> int:
        record = record_of(row)
        if record.key not in states.view.cluster.records:
            return 1
        return -SEVERITY.index(states.view.verdicts.of(record.key))

    return severity


def seen_column(
    states: RecordStates, record_of: Callable[[Row], AnyRecord], *, drop: int = 9
) -> Column[Row]:
    """For how long a row's record is known, or since when it is gone.

    Sorted by it, the newest are first.
    """
    tombstones = states.view.tombstones

    def cell(row: Row) -> Cell:
        record = record_of(row)
        first_seen, now = states.first_seen(record), states.clock()
        if first_seen is not None:
            return Cell(seen(first_seen, states.as_of() or now), "dim")
        stone = tombstones.get(record.key)
        if stone is None:
            return Cell(NOTHING, "dim")
        return Cell("†" if stone.event.is_untimed else f"†{duration(now - stone.at)}", "dim")

    def age(row: Row) -> tuple[float, bool]:
        record = record_of(row)
        first_seen = states.first_seen(record)
        if first_seen is None:
            stone = tombstones.get(record.key)
            return (0.0 if stone is None else -stone.at, False)
        return (-first_seen.at, first_seen.was_there)

    return Column("seen", "SEEN", 5, cell, right=True, ticks=True, sort=age, drop=drop)
