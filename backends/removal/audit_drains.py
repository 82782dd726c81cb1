"""Read drains from this machine's audit: which worker, when, and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from backends.discovery.record_index import own_worker
from backends.dynamo.parse import read
from backends.dynamo.records import EndpointInstance
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained as DrainedBy
from backends.removal.audit.audit import Audit
from backends.removal.audit.disk import AuditFailed
from backends.removal.audit.trail import DrainedInstance, drained_in


def marks_of(drained: Iterable[DrainedInstance]) -> dict[int, DrainMark]:
    """Return the drained workers with the author of the last drain.

    Under the instance id and under the lease (u64): they differ for programs other than Dynamo.
    """
    found: dict[int, DrainMark] = {}
    for one in sorted(drained, key=lambda one: one.at):
        record = read(one.entry)
        if isinstance(record, EndpointInstance):
            mark = DrainMark(
                one.at, DrainedBy(one.user or None, one.host or None, one.act_id or None)
            )
            ids = {own_worker(record), record.id.instance_id}
            found |= {number: mark for number in ids if number is not None}
    return found


class AuditDrains:
    """Follows the audit of a store, which other processes on this machine also write."""

    def __init__(self, audit: Audit | None, store: str, address: str) -> None:
        self._audit = audit
        self._where = (store, address)
        self._stamp: tuple[int, int] | None = None

    async def changed(self) -> Mapping[int, DrainMark] | None:
        """Return the drained workers with their authors. None: no news since the last call, or the
        audit cannot be read. Without news it costs a `stat`."""
        if self._audit is None:
            return None
        stamp = await asyncio.to_thread(_stamp_of, self._audit)
        if stamp == self._stamp:
            return None
        try:
            acts = await asyncio.to_thread(self._audit.acts)
        except AuditFailed:
            return None
        self._stamp = stamp
        return marks_of(drained_in(acts, *self._where))


def _stamp_of(audit: Audit) -> tuple[int, int] | None:
    """Return a value that changes with each write. None: there is no audit."""
    try:
        found = audit.path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


async def read_marks(audit: Audit | None, store: str, address: str) -> Mapping[int, DrainMark]:
    """Return this machine's drain marks of a store. Empty: the audit cannot be read."""
    if audit is None:
        return {}
    try:
        acts = await asyncio.to_thread(audit.acts)
    except AuditFailed:
        return {}
    return marks_of(drained_in(acts, store, address))
