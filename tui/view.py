"""What the parts of the screen share. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backends.cluster import Cluster, FirstSeen, Scope
from backends.records import AnyRecord
from tui.columns import Cell, Column
from tui.monitor import Monitor
from tui.rows import Row
from tui.words import NOTHING, State, seen, state_of


@dataclass(slots=True)
class View:
    """What all parts of the screen look at: the data, the selected place, and the time."""

    monitor: Monitor
    clock: Callable[[], float]
    has_leases: bool
    read_only: bool = False
    scope: Scope = ()
    """The place that is selected in the tree."""
    complete: bool = False
    """Whether a whole snapshot is on screen; before that no number is shown."""
    models: int = 0
    """How many models there are, wherever they are."""

    @property
    def shown(self) -> Cluster:
        """The records that match the filter."""
        return self.monitor.shown

    def state(self, record: AnyRecord) -> State:
        return state_of(record, leases=self.has_leases)

    def first_seen(self, record: AnyRecord) -> FirstSeen | None:
        """Since when a record is known. None: it went since its row was drawn."""
        cluster = self.monitor.cluster
        return cluster.first_seen(record.key) if record.key in cluster.records else None

    def state_column(self, record_of: Callable[[Row], AnyRecord]) -> Column[Row]:
        """What is to be known of a row's record at a glance."""

        def cell(row: Row) -> Cell:
            state = self.state(record_of(row))
            return Cell(str(state), state.tone)

        return Column("state", "STATE", 11, cell, drop=1)

    def seen_column(self, record_of: Callable[[Row], AnyRecord]) -> Column[Row]:
        """For how long a row's record is known; sorted by it, the newest are first."""

        def cell(row: Row) -> Cell:
            first_seen = self.first_seen(record_of(row))
            return Cell(NOTHING if first_seen is None else seen(first_seen, self.clock()), "dim")

        return Column(
            "seen",
            "SEEN",
            5,
            cell,
            right=True,
            ticks=True,
            sort=lambda row: self._age(record_of(row)),
            drop=2,
        )

    def _age(self, record: AnyRecord) -> tuple[float, bool]:
        first_seen = self.monitor.cluster.first_seen(record.key)
        return (-first_seen.at, first_seen.was_there)
