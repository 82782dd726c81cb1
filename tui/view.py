"""What the parts of the screen share. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backends.cluster import Cluster, Scope
from backends.records import AnyRecord
from tui.columns import Cell
from tui.monitor import Monitor
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

    def state_cell(self, record: AnyRecord) -> Cell:
        state = self.state(record)
        return Cell(str(state), state.tone)

    def seen_cell(self, record: AnyRecord) -> Cell:
        return Cell(self.seen(record), "dim")

    def seen(self, record: AnyRecord) -> str:
        """For how long a record is known; what went since its row was drawn is not any more."""
        cluster = self.monitor.cluster
        if record.key not in cluster.records:
            return NOTHING
        return seen(cluster.first_seen(record.key), self.clock())

    def age(self, record: AnyRecord) -> tuple[float, bool]:
        """What sorts records by how long they are known, the newest first."""
        first_seen = self.monitor.cluster.first_seen(record.key)
        return (-first_seen.at, first_seen.was_there)
