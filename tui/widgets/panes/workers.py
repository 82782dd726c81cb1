"""The Workers tab: all records of each process in one row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from backends.discovery.record_index import own_worker
from backends.dynamo.ids import Kind
from backends.dynamo.records import AnyRecord, EndpointInstance, ModelCard
from backends.dynamo.roles import Role
from backends.liveness import workers
from backends.liveness.judge import Verdict
from backends.liveness.routing import ServingReason
from backends.liveness.workers import SEVERITY, Worker
from backends.store import Lifetime, Owner
from tui.state.cluster_view import Changes
from tui.state.column import NAMES, Cell, Column, SortOrder
from tui.state.columns.of_owners import pod_columns
from tui.state.columns.of_processes import process_columns
from tui.state.columns.of_records import seen_column, why_column
from tui.state.dashboard import Dashboard
from tui.state.shared_addresses import SharedAddresses
from tui.state.sorted_rows import SortedRows
from tui.state.tabs import TabId
from tui.text.consequences import no_worker
from tui.text.detail import Detail
from tui.text.format import GONE, LEFT_BEHIND, NOTHING, STATES, count, worker_ids
from tui.text.sanitize import plain
from tui.widgets.panes.pane import Pane

MOST_NEIGHBOURS = 8
"""Workers at one address that the detail names."""


class WorkerRow(msgspec.Struct, frozen=True):
    """A worker that has something registered, or one that is gone."""

    worker: Worker
    """The records of a worker that is gone."""
    gone: bool

    @property
    def key(self) -> int:
        return self.worker.id


class WorkersPane(Pane[WorkerRow]):
    """The workers with anything in the selected place, each with all that it registered."""

    TAB = TabId.WORKERS
    TITLE = "Workers"
    SHORT_TITLES = ("Workers", "Workers", "Work")
    KINDS = frozenset(Kind)

    def __init__(self, dashboard: Dashboard) -> None:
        columns = [
            Column("state", "STATE", 13, self._state, drop=1, sort=self._severity),
            Column("id", "WORKER", 16, self._worker_id, sort=lambda row: row.worker.id, drop=2),
            Column(
                "where",
                "COMPONENT",
                16,
                _where,
                grow=NAMES,
                path=True,
                # Frontends and the like stand with what they serve.
                sort=lambda row: row.worker.components,
            ),
            Column("models", "MODEL", 12, _models, path=True, drop=5),
            *process_columns(dashboard.processes, _instance_or_first, ticks=False),
            Column("serving", "SERVING", 11, self._serving, drop=9, sort=self._not_serving),
            *(
                Column(name, title, len(title), cell, right=True, drop=drop)
                for name, title, cell, drop in _COUNTS
            ),
            *self._life_columns(dashboard.store.lifetime),
            seen_column(dashboard.states, _first, drop=10),
            # After the id: without ids the workers of a component cannot be told apart.
            replace(why_column(dashboard.states, self._worst, self._severity), drop=3),
        ]
        super().__init__(dashboard, columns, order=SortOrder("where"))
        self._sorted: SortedRows[WorkerRow] = SortedRows()
        self._shared = SharedAddresses(dashboard.view)
        self._worker_of: dict[bytes, int] = {}
        """The worker of each record when its row was made: for a removed record nothing else shows
        it."""

    def _life_columns(self, lifetime: Lifetime) -> list[Column[WorkerRow]]:
        """Return the columns on what keeps a worker registered: its pod, or its lease."""
        if lifetime is Lifetime.OWNED:
            return pod_columns(_owner, drop=8)
        return [Column("lease", "LEASE", 7, self._lease, right=True, ticks=True, drop=9)]

    def rebuild(self) -> None:
        self._worker_of = {}
        self._shared.rebuild()
        there, gone = self._there(), self._gone()
        rows = (self._row(worker_id, there, gone) for worker_id in dict.fromkeys([*there, *gone]))
        shown = [row for row in rows if row is not None]
        column, reverse = self.sort_column, self.order.reverse
        self._sorted.rebuild(shown, column.sort_value, reverse, lasting=column.lasting)
        self.show(self._sorted)

    def amend(self, changes: Changes) -> None:
        keys = changes.keys
        if len(keys) > len(self._sorted):
            self.rebuild()
            return
        there, gone = self._there(), self._gone()
        concerned = self._concerned(keys) | self._shared.amend(keys)
        now = [row for one in concerned if (row := self._row(one, there, gone)) is not None]
        changed = self._sorted.amend(now, concerned - {row.key for row in now})
        if changed is None or changed:
            self.show(self._sorted, changed)

    def count(self) -> int:
        """Return the number of workers. Frontends, routers and the like have rows, but do not
        count; nor does a process of which only leftovers are registered."""
        there = self._there()
        return len(there) - self.view.verdicts.count_no_workers(there)

    def records_of(self, row: WorkerRow) -> Sequence[AnyRecord]:
        return () if row.gone else row.worker.records

    def detail_record(self) -> AnyRecord | None:
        return None if self.row is None else self.row.worker.records[0]

    def detail_worker(self) -> Worker | None:
        return None if self.row is None else self.row.worker

    def action_unregister(self) -> None:
        """Ask, but for processes that are no workers and may live: a drain is none of theirs."""
        marked = [row for row in self.rows if row.key in self.table.marked]
        rows = marked or ([] if self.row is None else [self.row])
        refused = [row.worker for row in rows if self._is_not_drained(row)]
        if not refused:
            super().action_unregister()
            return
        more = f" And {count(len(refused) - 1, 'process')} more." if len(refused) > 1 else ""
        key = self.dashboard.keys.shown("unregister")
        text = f"{no_worker(refused[0])}. {key} on a row of one of its keys removes that key.{more}"
        self.notify(plain(text), severity="warning", markup=False)
        kept = [row for row in rows if not self._is_not_drained(row)]
        if records := [record for row in kept for record in self.records_of(row)]:
            self.post_message(self.RemovalAsked(records))

    def _is_not_drained(self, row: WorkerRow) -> bool:
        may_live = self.view.verdicts.may_live
        return row.worker.role is not Role.WORKER and any(map(may_live, self.records_of(row)))

    def _concerned(self, keys: set[bytes]) -> set[int]:
        """The workers that these records belong to, or belonged to."""
        cluster = self.view.cluster
        found: set[int | None] = set()
        for key in keys:
            found.add(self._worker_of.pop(key, None))
            if (record := cluster.records.get(key)) is not None:
                # What went under an id of its own may be of this process.
                found.update((cluster.worker_of(record), _gone_worker(record)))
            elif (gone := self.view.is_gone(key)) is not None:
                found.add(_gone_worker(gone))
        return {worker for worker in found if worker is not None}

    def _row(
        self, worker_id: int, there: Collection[int], gone: Mapping[int, list[AnyRecord]]
    ) -> WorkerRow | None:
        if worker_id in there:
            worker = workers.worker(self.view.cluster, worker_id)
            assert worker is not None
            self._worker_of.update(dict.fromkeys((one.key for one in worker.records), worker_id))
            return WorkerRow(worker, gone=False)
        if worker_id not in gone:
            return None
        return WorkerRow(Worker(worker_id, tuple(gone[worker_id])), gone=True)

    def _there(self) -> Collection[int]:
        """The workers of which anything is shown."""
        view, shown, scope = self.view, self.dashboard.shown, self.dashboard.scope
        workers: Collection[int] = shown.workers(scope)
        if shown is not view.cluster:
            workers = {view.cluster.worker_id(one) for one in workers}
        by_itself = view.verdicts.lifetime in (Lifetime.LEASED, Lifetime.OWNED)
        if by_itself or not view.narrowed:
            return workers
        # A channel without a lease or object is its source's worker's, and a filter may leave out
        # the source.
        channels = (shown.records[key] for key in shown.keys(Kind.EVENT_CHANNEL, scope))
        joined = {view.cluster.worker_of(channel) for channel in channels}
        return {*workers, *(worker for worker in joined if worker is not None)}

    def _gone(self) -> dict[int, list[AnyRecord]]:
        """Return the tombstones of workers without any registered record."""
        view = self.view
        there, process = view.cluster.workers(), view.cluster.worker_id
        found: dict[int, list[AnyRecord]] = {}
        for record in view.gone(self.KINDS, self.dashboard.scope):
            worker, holder = _gone_worker(record), own_worker(record)
            if worker is None or holder is None:
                continue
            # One of several ids on a lease may go while the process has others.
            if not any(one in there for one in (worker, process(worker), process(holder))):
                found.setdefault(worker, []).append(record)
        return found

    def _worker_id(self, row: WorkerRow) -> Cell:
        """Its instance id; where it has several, how many; and how many workers are at its
        address, if several are."""
        text = worker_ids(row.worker.id, row.worker.instance_ids)
        _, workers = self._at_its_address(row)
        return Cell(f"{text} ≡{len(workers)}" if workers else text, "accent")

    def _at_its_address(self, row: WorkerRow) -> tuple[str, Collection[int]]:
        return ("", ()) if row.gone else self._shared.of(row.worker.instances)

    def with_pane_fields(self, detail: Detail | None) -> Detail | None:
        """Add the workers at the same address, after the state."""
        row = self.row
        if detail is None or row is None:
            return detail
        address, workers = self._at_its_address(row)
        if not workers:
            return detail
        ids = ", ".join(f"{one:x}" for one in sorted(workers)[:MOST_NEIGHBOURS])
        more = f", … {len(workers):,} in all" if len(workers) > MOST_NEIGHBOURS else ""
        text = f"{count(len(workers), 'worker')} at {address}, as a rule one process: {ids}{more}"
        labels = [label for label, _ in detail.fields]
        behind = labels.index("state") + 1
        fields = (*detail.fields[:behind], ("process", text), *detail.fields[behind:])
        return replace(detail, fields=fields)

    def _state(self, row: WorkerRow) -> Cell:
        """The worst of its records; where all are orphaned, that there is no process."""
        if row.gone:
            return Cell(str(GONE), GONE.tone)
        if row.key in self.view.verdicts.left_behind:
            orphaned = STATES[Verdict.ORPHANED]
            return Cell(f"{orphaned.glyph} {LEFT_BEHIND}", orphaned.tone)
        return self.states.of_many(row.worker.records)

    def _worst(self, row: WorkerRow) -> AnyRecord | None:
        """Return the record that its state rests on."""
        return self.states.worst_of(row.worker.records)

    def _severity(self, row: WorkerRow) -> int:
        return 1 if row.gone else -SEVERITY.index(self.states.worst(row.worker.records))

    def _serving(self, row: WorkerRow) -> Cell:
        """Whether a request reaches it, where it has cards of models or adapters."""
        cards = () if row.gone else (*row.worker.cards, *row.worker.adapters)
        if not cards:
            return Cell("", "dim")
        serving = self.view.verdicts.serving
        found = [one for card in cards if (one := serving.routing(card.key)) is not None]
        routable = sum(one.routable for one in found)
        if not found:
            return Cell(NOTHING, "dim")
        if routable == len(found):
            return Cell("serving", "dim")
        if any(one.reason is ServingReason.CONFLICT for one in found):
            return Cell("in conflict", "warn")
        if routable:
            return Cell(f"{routable:,} of {len(found):,}", "warn")
        return Cell("not serving", "bad")

    def _not_serving(self, row: WorkerRow) -> str:
        return self._serving(row).text

    def _lease(self, row: WorkerRow) -> Cell:
        """Seconds left of those granted."""
        lease_ttl = None if row.gone else self.states.lease_ttl(row.worker.records)
        if lease_ttl is None or lease_ttl.ttl.granted is None:
            return Cell(NOTHING, "dim")
        now = self.states.as_of() or self.dashboard.clock()
        if not lease_ttl.is_current(now):
            # It may have been renewed since.
            return Cell(NOTHING, "dim")
        left = lease_ttl.remaining(now)
        return Cell(f"{left:.0f}/{lease_ttl.ttl.granted:.0f}s", "dim")


def _owner(row: WorkerRow) -> Owner | None:
    return _first(row).entry.owner


def _first(row: WorkerRow) -> AnyRecord:
    return row.worker.records[0]


def _instance_or_first(row: WorkerRow) -> AnyRecord:
    """Return a record that shows most of its process, also if that is gone."""
    return next(iter(row.worker.instances), row.worker.records[0])


def _gone_worker(record: AnyRecord) -> int | None:
    """Return the worker of a record that is gone: its lease may no longer show the instance id."""
    number = record.id.instance_id
    named = isinstance(record, EndpointInstance | ModelCard) and number is not None
    return number if named else own_worker(record)


def _where(row: WorkerRow) -> Cell:
    """Return its name, behind its role if it is no worker."""
    role = row.worker.role
    lead = "" if role is Role.WORKER else f"({role.value}) "
    return Cell(", ".join(row.worker.components) or NOTHING, lead=lead)


def _models(row: WorkerRow) -> Cell:
    return Cell(", ".join(row.worker.models), "dim")


def _number(found: Sequence[AnyRecord]) -> str:
    return f"{len(found):,}" if found else ""


_COUNTS = (
    ("endpoints", "EPS", lambda row: _number(row.worker.served), 13),
    ("cards", "CARDS", lambda row: _number(row.worker.cards), 14),
    ("loras", "LORAS", lambda row: _number(row.worker.adapters), 14),
    ("channels", "CHANS", lambda row: _number(row.worker.channels), 15),
)
"""Columns of numbers: id, title, text, and how early it goes where there is no room."""
