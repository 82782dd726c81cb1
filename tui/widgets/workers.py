"""The Workers tab: what each process registered, taken together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from backends import workers
from backends.ids import Kind
from backends.places import own_worker
from backends.records import AnyRecord
from backends.workers import SEVERITY, Worker
from tui.columns import Cell, Column, SortOrder
from tui.monitor import Changes
from tui.view import View
from tui.widgets.sorted_pane import SortedPane
from tui.words import GONE, NOTHING, hex_id


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker that has something registered, or one that is gone."""

    worker: Worker
    """Of one that is gone, what it had."""
    gone: bool

    @property
    def key(self) -> int:
        return self.worker.id


class WorkersPane(SortedPane[WorkerRow]):
    """The workers with anything in the selected place, each with all that it registered."""

    TITLE = "Workers"
    KINDS = frozenset(Kind)

    def __init__(self, view: View) -> None:
        columns = [
            Column("state", "STATE", 13, self._state, drop=1, sort=self._severity),
            Column("id", "WORKER", 16, _id, sort=lambda row: row.worker.id),
            Column("where", "COMPONENT", 14, _where, share=3, most=48, path=True),
            Column("models", "MODEL", 10, _models, share=2, most=40, path=True, drop=7),
            *(
                Column(name, title, len(title), cell, right=True, drop=drop)
                for name, title, cell, drop in _COUNTS
            ),
            Column("lease", "LEASE", 7, self._lease, right=True, ticks=True, drop=2),
            view.seen_column(_first, drop=3),
        ]
        super().__init__(view, columns, order=SortOrder("where"), id="workers")
        self._worker_of: dict[bytes, int] = {}
        """Whose each record was when its row was made: of what went nobody else could say."""

    def rebuild(self) -> None:
        self._worker_of = {}
        there, gone = self._there(), self._gone()
        rows = (self._row(worker_id, there, gone) for worker_id in dict.fromkeys([*there, *gone]))
        self._show_all(row for row in rows if row is not None)

    def amend(self, changes: Changes) -> None:
        keys = changes.keys
        if len(keys) > len(self._sorted):
            self.rebuild()
            return
        there, gone = self._there(), self._gone()
        concerned = self._concerned(keys)
        now = [row for one in concerned if (row := self._row(one, there, gone)) is not None]
        self._show_changes(now, concerned - {row.key for row in now})

    def count(self) -> int:
        return len(self._there())

    def records_of(self, row: WorkerRow) -> Sequence[AnyRecord]:
        return () if row.gone else row.worker.records

    def detail_record(self) -> AnyRecord | None:
        return None if self.row is None else self.row.worker.records[0]

    def detail_worker(self) -> Worker | None:
        return None if self.row is None else self.row.worker

    def _concerned(self, keys: set[bytes]) -> set[int]:
        """The workers that these records belong to, or belonged to."""
        cluster = self.view.monitor.cluster
        found: set[int | None] = set()
        for key in keys:
            found.add(self._worker_of.pop(key, None))
            if (record := cluster.records.get(key)) is not None:
                found.add(cluster.worker_of(record))
            elif (gone := self.view.monitor.is_gone(key)) is not None:
                found.add(own_worker(gone))
        return {worker for worker in found if worker is not None}

    def _row(
        self, worker_id: int, there: Collection[int], gone: Mapping[int, list[AnyRecord]]
    ) -> WorkerRow | None:
        if worker_id in there:
            worker = workers.worker(self.view.monitor.cluster, worker_id)
            assert worker is not None
            self._worker_of.update(dict.fromkeys((one.key for one in worker.records), worker_id))
            return WorkerRow(worker, gone=False)
        if worker_id not in gone:
            return None
        return WorkerRow(Worker(worker_id, tuple(gone[worker_id])), gone=True)

    def _there(self) -> Collection[int]:
        """The workers of which anything is shown."""
        monitor, shown, scope = self.view.monitor, self.view.shown, self.view.scope
        workers = shown.workers(scope)
        if monitor.verdicts.has_leases or not monitor.narrowed:
            return workers
        # A channel without a lease is its source's worker's, and a filter may leave out the source.
        channels = (shown.records[key] for key in shown.keys(Kind.EVENT_CHANNEL, scope))
        joined = {monitor.cluster.worker_of(channel) for channel in channels}
        return {*workers, *(worker for worker in joined if worker is not None)}

    def _gone(self) -> dict[int, list[AnyRecord]]:
        """What is left to be seen of workers of which nothing is registered any more."""
        monitor = self.view.monitor
        there = monitor.cluster.workers()
        found: dict[int, list[AnyRecord]] = {}
        for record in monitor.gone(self.KINDS, self.view.scope):
            worker = own_worker(record)
            if worker is not None and worker not in there:
                found.setdefault(worker, []).append(record)
        return found

    def _state(self, row: WorkerRow) -> Cell:
        return (
            Cell(str(GONE), GONE.tone) if row.gone else self.view.state_of_many(row.worker.records)
        )

    def _severity(self, row: WorkerRow) -> int:
        return 1 if row.gone else -SEVERITY.index(self.view.worst(row.worker.records))

    def _lease(self, row: WorkerRow) -> Cell:
        """Seconds left of those granted."""
        life = None if row.gone else self.view.life(row.worker.records)
        if life is None or life.ttl.granted is None:
            return Cell(NOTHING, "dim")
        left = life.remaining(self.view.clock())
        return Cell(f"{left:.0f}/{life.ttl.granted:.0f}s", "dim")


def _first(row: WorkerRow) -> AnyRecord:
    return row.worker.records[0]


def _id(row: WorkerRow) -> Cell:
    return Cell(hex_id(row.worker.id), "accent")


def _where(row: WorkerRow) -> str:
    return ", ".join(row.worker.components) or NOTHING


def _models(row: WorkerRow) -> Cell:
    return Cell(", ".join(row.worker.models), "dim")


def _number(found: Sequence[AnyRecord]) -> str:
    return f"{len(found):,}" if found else ""


_COUNTS = (
    ("endpoints", "EPS", lambda row: _number(row.worker.instances), 4),
    ("cards", "CARDS", lambda row: _number(row.worker.cards), 5),
    ("loras", "LORAS", lambda row: _number(row.worker.adapters), 5),
    ("channels", "CHANS", lambda row: _number(row.worker.channels), 6),
)
"""Columns of numbers: id, title, text, and how early it goes where there is no room."""
