"""What the parts of the screen share. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from backends.cluster import FirstSeen
from backends.ids import Kind
from backends.liveness import FINDINGS, Judgement, Life, Verdict
from backends.places import Places, Scope
from backends.records import AnyRecord
from backends.services.board import Board
from backends.workers import SEVERITY, worst
from tui.columns import Cell, Column
from tui.monitor import Monitor
from tui.rows import Row
from tui.words import GONE, NOTHING, STATES, State, duration, seen


@dataclass(slots=True)
class View:
    """What all parts of the screen look at: the data, the selected place, and the time."""

    monitor: Monitor
    clock: Callable[[], float]
    read_only: bool = False
    scope: Scope = ()
    """The place that is selected in the tree."""
    complete: bool = False
    """Whether a whole snapshot is on screen; before that no number is shown."""
    sweep_age: float = 0.0
    """Seconds since the oldest answer about a lease, where they cannot all be followed; else 0."""
    trouble: str = ""
    """Why evidence is missing; empty: nothing is known to be wrong."""
    marked: int = 0
    """Rows of the open tab that are marked."""
    namespace: str | None = None
    """The namespace that is watched, with those nested in it. None: all, so that what is not known
    is not registered."""
    board: Board | None = None
    """What NATS services count. None: no NATS server is set."""
    under_way: list[str] = field(default_factory=list)
    """What is being done to the store and takes a while, in words, oldest first."""

    @property
    def shown(self) -> Places:
        """The records that match the filter."""
        return self.monitor.shown

    def state(self, record: AnyRecord) -> State:
        """Its verdict; of what is not registered any more, that it is gone."""
        if record.key not in self.monitor.cluster.records:
            return GONE
        return STATES[self.monitor.verdicts.of(record.key)]

    def worst(self, records: Iterable[AnyRecord]) -> Verdict:
        """Of those that are registered."""
        return worst(self.monitor.verdicts.of(one.key) for one in self.registered(records))

    def registered(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        """Those that are not gone."""
        return [one for one in records if one.key in self.monitor.cluster.records]

    def state_of_many(self, records: Sequence[AnyRecord]) -> Cell:
        """The worst state of records that a row stands for, and how many share it if not all do."""
        if not records:
            return Cell(NOTHING, "dim")
        records = self.registered(records)
        if len(records) <= 1:
            state = self.state(records[0]) if records else GONE
            return Cell(str(state), state.tone)
        verdict = self.worst(records)
        state = STATES[verdict]
        if verdict not in FINDINGS:
            return Cell(str(state), state.tone)
        number = sum(self.monitor.verdicts.of(one.key) is verdict for one in records)
        if number == len(records):
            return Cell(str(state), state.tone)
        return Cell(f"{state.glyph} {number:,} {state.word}", state.tone)

    def life(self, records: Iterable[AnyRecord]) -> Life | None:
        """How long the first of some records has whose time to live is known."""
        lives = map(self.monitor.verdicts.life, records)
        return next((life for life in lives if life is not None), None)

    def judgement(self, record: AnyRecord) -> Judgement:
        """The verdict with its evidence."""
        store = self.monitor.store
        return self.monitor.verdicts.judgement(record, store.heard_at or store.since)

    def not_live(self, scope: Scope = ()) -> int:
        """How many instances of a place are shown that are not live."""
        found = self.monitor.verdicts.not_live(scope)
        if not self.monitor.narrowed:
            return len(found)
        shown = self.shown.keys(Kind.ENDPOINT, scope)
        return sum(key in shown for key in found)

    def first_seen(self, record: AnyRecord) -> FirstSeen | None:
        """Since when a record is known. None: it went since its row was drawn."""
        cluster = self.monitor.cluster
        return cluster.first_seen(record.key) if record.key in cluster.records else None

    def state_column(self, record_of: Callable[[Row], AnyRecord]) -> Column[Row]:
        """What is to be known of a row's record at a glance; sorted by it, the worst is first."""

        def cell(row: Row) -> Cell:
            state = self.state(record_of(row))
            return Cell(str(state), state.tone)

        def severity(row: Row) -> int:
            record = record_of(row)
            if record.key not in self.monitor.cluster.records:
                return 1
            return -SEVERITY.index(self.monitor.verdicts.of(record.key))

        return Column("state", "STATE", 13, cell, drop=1, sort=severity)

    def seen_column(self, record_of: Callable[[Row], AnyRecord], *, drop: int = 2) -> Column[Row]:
        """For how long a row's record is known, or since when it is gone.

        Sorted by it, the newest are first.
        """

        def cell(row: Row) -> Cell:
            record = record_of(row)
            first_seen, now = self.first_seen(record), self.clock()
            if first_seen is not None:
                return Cell(seen(first_seen, now), "dim")
            stone = self.monitor.tombstones.get(record.key)
            return Cell(NOTHING if stone is None else f"†{duration(now - stone.at)}", "dim")

        return Column(
            "seen",
            "SEEN",
            5,
            cell,
            right=True,
            ticks=True,
            sort=lambda row: self._age(record_of(row)),
            drop=drop,
        )

    def _age(self, record: AnyRecord) -> tuple[float, bool]:
        first_seen = self.first_seen(record)
        if first_seen is None:
            stone = self.monitor.tombstones.get(record.key)
            return (0.0 if stone is None else -stone.at, False)
        return (-first_seen.at, first_seen.was_there)
