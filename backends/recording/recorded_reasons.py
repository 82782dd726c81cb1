"""Why records went, as far as a recording tells: by the leases as they were read then.

By the same explanations as the dashboard's: what it asks a store is taken from the readings that
were recorded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec

from backends.discovery.cluster import Cluster
from backends.discovery.history import KEPT, Event, History
from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import Reason, ReasonKind
from backends.discovery.record_index import own_worker
from backends.dynamo.records import AnyRecord
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.removal.explainer import Explainer
from backends.store import Lifetime, TimeToLive

SETTLE = 15.0
"""Seconds after an event within which its reason may become known, or another one."""
DRAINED_WITHIN = 5.0
"""Seconds between a drain, as the audit has it, and the removal that was seen."""


class _RecordedStore(msgspec.Struct, frozen=True):
    lifetime: Lifetime


class _Readings:
    """The last recorded reading of each lease, asked as a store is."""

    def __init__(self, lifetime: Lifetime) -> None:
        self.store = _RecordedStore(lifetime)
        self.ttls: dict[LeaseOrKey, LeaseTtl] = {}

    def of(self, record: AnyRecord) -> LeaseTtl | None:
        """Return the last reading of a record's lease, or of its key. None: there is none."""
        return self.ttls.get(record.key if record.lease is None else record.lease)

    async def time_to_live(self, records: Iterable[AnyRecord]) -> dict[bytes, TimeToLive]:
        """Return what was read last. Ask only for what was read since it went."""
        return {
            record.key: self.ttls[record.lease].ttl
            for record in records
            if record.lease is not None and record.lease in self.ttls
        }


class RecordedReasons:
    """Finds the reasons of events as the lines of a recording come."""

    def __init__(
        self,
        lifetime: Lifetime,
        cluster: Cluster,
        history: History,
        *,
        clock: Callable[[], float],
        kept: int = KEPT,
    ) -> None:
        """`cluster`: the records of the moment. `clock`: its time. `kept`: removals that are
        remembered."""
        self._history = history
        self._clock = clock
        self._has_leases = lifetime.has_leases
        self._readings = _Readings(lifetime)
        self._explainer = Explainer(self._readings, cluster, clock=clock, kept=kept)
        self._open: defaultdict[int, list[Event]] = defaultdict(list)
        """Removals by lease whose reason is not known, or may turn out to be another."""
        self._marks: Mapping[int, DrainMark] = {}
        """The drains of the audit, as they were read last."""

    def reading_of(self, record: AnyRecord) -> LeaseTtl | None:
        """Return the last reading of a record's lease, or of its key. None: there is none."""
        return self._readings.of(record)

    async def note(self, noted: Iterable[Event]) -> None:
        """Explain what no lease has to be asked for, and remember the rest."""
        now = []
        for one in noted:
            self._explainer.note(one)
            if one.removal is None or one.record is None or one.why is not None:
                continue
            if one.record.lease is None or not self._has_leases:
                now.append(one)
            else:
                self._open[one.record.lease].append(one)
        if now:
            await self._explainer.explain(now)
            self._name_drains()

    async def read(self, ttls: Mapping[LeaseOrKey, LeaseTtl]) -> None:
        """Take in readings, and explain the removals that they are about."""
        for of, ttl in ttls.items():
            self._readings.ttls[of] = ttl.after(self._readings.ttls.get(of))
        for of, ttl in ttls.items():
            if not isinstance(of, int) or of not in self._open:
                continue
            went = self._open.pop(of)
            # The last reading from before it went tells nothing about its end.
            left = [one for one in went if one.at >= ttl.at]
            left += await self._explainer.explain(
                [one for one in went if one.at < ttl.at], again=True
            )
            if left:
                self._open[of] = left
            # The audit may have been read first.
            self._name_drains()

    def drained(self, marks: Mapping[int, DrainMark]) -> None:
        """Say of removals by hand that they were drains, as the audit of then has it."""
        self._marks = marks
        self._name_drains()

    def _name_drains(self) -> None:
        if not self._marks:
            return
        for one in reversed(self._history):
            if one.at < self._clock() - SETTLE:
                break
            if one.record is None or one.why is None or one.why.kind is not ReasonKind.DELETED:
                continue
            worker = own_worker(one.record)
            mark = None if worker is None else self._marks.get(worker)
            if mark is None or not isinstance(by := mark.by, Drained) or by.user is None:
                continue
            if abs(mark.at - one.at) <= DRAINED_WITHIN:
                one.why = Reason(
                    ReasonKind.ANOTHER_DYNTOP,
                    user=by.user,
                    host=by.host or "",
                    act=by.act or "",
                    act_kind="drain",
                    after_gap=one.why.after_gap,
                )
