"""Columns on the process that registered a row's record: host, role, ranks, release. No Textual.

What its records do not show is `–`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from backends.dynamo.records import AnyRecord
from backends.liveness.workers import ProcessHosts, Worker
from tui.state.cluster_view import ClusterView
from tui.state.column import Cell, Column
from tui.state.sorted_rows import Row
from tui.text.format import NOTHING


class Processes:
    """The process of each record, looked up once until anything that is registered changes."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self._known: dict[int, _Shown] = {}
        self._hosts = ProcessHosts(view.cluster)
        self._as_of = -1

    def of_record(self, record: AnyRecord) -> _Shown:
        """Return what the records of a record's process show; of one that is gone its own."""
        self._follow()
        cluster = self._view.cluster
        worker = cluster.worker_of(record) if record.key in cluster.records else None
        if worker is None:
            return _Shown(Worker(0, (record,)))
        if (known := self._known.get(worker)) is None:
            records = cluster.registered_by(worker)
            known = self._known[worker] = _Shown(Worker(worker, tuple(records)))
        return known

    def host_of(self, record: AnyRecord) -> str:
        """Return the host of a record's process, as `ProcessHosts`."""
        self._follow()
        return self._hosts.of(record)

    def _follow(self) -> None:
        """Forget what was looked up if anything changed since."""
        if self._as_of != (updates := self._view.verdicts.updates):
            self._known.clear()
            self._hosts = ProcessHosts(self._view.cluster)
            self._as_of = updates


class _Shown:
    """What the records of one process show, in words; each found out when it is first needed."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    @cached_property
    def role(self) -> str:
        return ", ".join(self._worker.roles)

    @cached_property
    def ranks(self) -> int | None:
        return self._worker.ranks_shown

    @cached_property
    def release(self) -> str:
        return str(self._worker.releases or "")


def process_columns(
    processes: Processes,
    record_of: Callable[[Row], AnyRecord | None],
    *,
    ticks: bool,
) -> list[Column[Row]]:
    """Return the columns of host, role, ranks and release.

    `record_of`: any record of a row's process. None: the row stands for several. `ticks`: whether
    other records than the row's own can change them.
    """

    def shown(row: Row) -> _Shown | None:
        record = record_of(row)
        return None if record is None else processes.of_record(record)

    def host(row: Row) -> str:
        record = record_of(row)
        if record is None:
            return ""
        return processes.host_of(record)

    def role(row: Row) -> str:
        found = shown(row)
        return "" if found is None else found.role

    def ranks(row: Row) -> int:
        found = shown(row)
        return 0 if found is None or found.ranks is None else found.ranks

    def release(row: Row) -> str:
        found = shown(row)
        return "" if found is None else found.release

    def text(of: Callable[[Row], object]) -> Callable[[Row], Cell]:
        def cell(row: Row) -> Cell:
            nothing = "" if record_of(row) is None else NOTHING
            return Cell(str(of(row) or nothing), "dim")

        return cell

    return [
        Column("host", "HOST", 12, text(host), host=True, ticks=ticks, sort=host, drop=6),
        Column("role", "ROLE", 10, text(role), ticks=ticks, sort=role, drop=8),
        Column("ranks", "RANKS", 5, text(ranks), right=True, ticks=ticks, sort=ranks, drop=10),
        Column("release", "RELEASE", 7, text(release), ticks=ticks, sort=release, drop=11),
    ]
