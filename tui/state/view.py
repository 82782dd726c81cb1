"""What the parts of the screen share. No Textual in here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from backends.discovery.cluster import FirstSeen
from backends.discovery.record_index import RecordIndex, Scope
from backends.dynamo.records import AnyRecord
from backends.liveness.evidence import Assessment
from backends.liveness.judge import FINDINGS, LeaseTtl, Verdict
from backends.liveness.workers import SEVERITY, worst
from backends.services.latest import LatestStats
from tui.actions import Keys
from tui.state.columns import Cell, Column
from tui.state.monitor import Monitor
from tui.state.sorted_rows import Row
from tui.text.format import GONE, NOTHING, STATES, State, duration, seen
from tui.text.host_clock import HostClock

STALE_AFTER = 5.0
"""Seconds of silence after which the age of the data is shown: twice a store's usual beat."""


@dataclass(slots=True)
class View:
    """What all parts of the screen look at: the data, the selected place, and the time."""

    monitor: Monitor
    clock: Callable[[], float]
    """The even time that ages are of: nobody sets it."""
    read_only: bool = False
    scope: Scope = ()
    """The place that is selected in the tree."""
    tree_is_seen: Callable[[], bool] = lambda: True
    """Whether the tree, and so what is selected in it, is on screen."""
    complete: bool = False
    """Whether a whole snapshot is on screen; before that no number is shown."""
    sweep_age: float = 0.0
    """Seconds since the oldest answer about a lease, where they cannot all be followed; else 0."""
    leases_read: tuple[int, int] = (0, 0)
    """How many leases were read at least once, and how many there are."""
    trouble: str = ""
    """Why evidence is missing; empty: nothing is known to be wrong."""
    marked: int = 0
    """Rows of the open tab that are marked."""
    namespace: str | None = None
    """The namespace that is watched, with those nested in it. None: all, so that what is not known
    is not registered."""
    board: LatestStats | None = None
    """What NATS services count. None: no NATS server is set."""
    writes_down: bool = True
    """Whether what is removed is written down, so that another dyntop can put it back."""
    keys: Keys = field(default_factory=Keys)
    """Those that texts name."""
    under_way: list[str] = field(default_factory=list)
    """What is being done to the store and takes a while, in words, oldest first."""
    host: HostClock = field(init=False)
    """What the host's clock showed: for times of day."""

    def __post_init__(self) -> None:
        clock = self.clock
        self.host = clock if isinstance(clock, HostClock) else HostClock(clock, clock)

    @property
    def shown(self) -> RecordIndex:
        """The records that match the filter."""
        return self.monitor.shown

    def as_of(self) -> float | None:
        """When the store last told of what it holds, where that is not now: ages and remaining
        times of what is registered are of then. None: they are of now."""
        heard_at, link = self.monitor.store.heard_at, self.monitor.store.link
        if heard_at is None:
            return None
        is_old = self.clock() - heard_at > STALE_AFTER
        return heard_at if link.is_outdated or is_old else None

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
            return Cell(state.in_column, state.tone)
        verdict = self.worst(records)
        state = STATES[verdict]
        if verdict not in FINDINGS:
            return Cell(state.in_column, state.tone)
        number = sum(self.monitor.verdicts.of(one.key) is verdict for one in records)
        if number == len(records):
            return Cell(state.in_column, state.tone)
        return Cell(f"{state.glyph} {number:,} {state.brief or state.word}", state.tone)

    def life(self, records: Iterable[AnyRecord]) -> LeaseTtl | None:
        """How long the first of some records has whose time to live is known."""
        lives = map(self.monitor.verdicts.life, records)
        return next((life for life in lives if life is not None), None)

    def judgement(self, record: AnyRecord) -> Assessment:
        """The verdict with its evidence."""
        store = self.monitor.store
        judged = self.monitor.verdicts.judgement(record, store.heard_at or store.since)
        if record.expired_at is None:
            return judged
        # A file's times are the host's.
        at = self.host.when_shown(record.expired_at)
        evidence = (replace(e, at=at) if e.at == record.expired_at else e for e in judged.evidence)
        return replace(judged, evidence=tuple(evidence))

    def not_live(self, scope: Scope = ()) -> int:
        """How many instances of a place are shown that are not live."""
        return self._shown_of(self.monitor.verdicts.not_live(scope))

    def findings(self, scope: Scope = ()) -> int:
        """How many records of a place are shown of which something is wrong, of every kind."""
        return self._shown_of(self.monitor.verdicts.wrong(scope))

    def _shown_of(self, found: Collection[bytes]) -> int:
        if not self.monitor.narrowed:
            return len(found)
        return sum(key in self.shown.records for key in found)

    def first_seen(self, record: AnyRecord) -> FirstSeen | None:
        """Since when a record is known. None: it went since its row was drawn."""
        cluster = self.monitor.cluster
        return cluster.first_seen(record.key) if record.key in cluster.records else None

    def state_column(self, record_of: Callable[[Row], AnyRecord]) -> Column[Row]:
        """What is to be known of a row's record at a glance; sorted by it, the worst is first."""

        def cell(row: Row) -> Cell:
            state = self.state(record_of(row))
            return Cell(state.in_column, state.tone)

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
                return Cell(seen(first_seen, self.as_of() or now), "dim")
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
