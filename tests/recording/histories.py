"""A recording in which workers start, stop, die and are drained, and the store is lost."""

from __future__ import annotations

from pathlib import Path

from backends.discovery.lease_ttl import LeaseTtl
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.recording.entry_lines import (
    delete_line,
    drain_reading,
    lease_reading,
    lost_line,
    put_line,
)
from backends.recording.lines import AliveLine, AnyLine, DrainsLine, GapLine, LeasesLine
from backends.store import Cause, Delete, Entry, Revision, TimeToLive, Unreachable
from tests.recording.frames import START, beginning, packed, written
from tests.support.registered import card, instance

DIES, STOPS, DRAINED, IN_GAP, STAYS, COMES = range(0xA1, 0xA7)
ESCAPE = "\x1b[31m"


def entries(worker: int) -> list[Entry]:
    """Return what a worker registers."""
    return [Entry(*one, Revision("1"), worker) for one in (instance(worker), card(worker))]


def a_history(path: Path) -> str:
    """Write the recording, and return its path."""
    there = [one for worker in range(DIES, COMES) for one in entries(worker)]
    left = [one for worker in (DRAINED, STAYS, COMES) for one in entries(worker)]
    (drained, *_) = [one for one in left if one.lease == DRAINED]
    left.remove(drained)
    first = [
        *beginning(there),
        *(_read(worker, 0, 29.0) for worker in range(DIES, COMES)),
        *(put_line(one, START + 5, "2") for one in entries(COMES)),
        _read(DIES, 20, 8.0),
        *_went(DIES, 30, 3),
        _read(DIES, 30.1, -1.0, None),
        # As the recorder does: the last reading before a key goes.
        _read(STOPS, 38, 24.0),
        *_went(STOPS, 40, 4)[:1],
        *_went(STOPS, 40.1, 5)[1:],
        _read(STOPS, 40.2, -1.0, None),
        delete_line(Delete(drained.key, "6"), START + 45),
        _read(DRAINED, 45.1, 22.0),
        _drains(45),
        lost_line(Unreachable(f"http://etcd:2379{ESCAPE}", Cause.LOST), START + 50),
        GapLine(at=START + 60, changes=2, revision="9"),
        *_went(IN_GAP, 60, 0),
        _read(IN_GAP, 60.1, -1.0, None),
    ]
    odd = Entry(f"v1/instances/a{ESCAPE}/b/c/1".encode(), b"x", Revision("10"))
    second = [
        *beginning(left, START + 70, revision="9"),
        put_line(odd, START + 75, "10"),
        AliveLine(at=START + 100),
    ]
    return written(path, [packed(first), packed(second)])


def _read(lease: int, at: float, remaining: float, granted: float | None = 30.0) -> AnyLine:
    ttl = LeaseTtl(TimeToLive(granted, remaining), START + at)
    return LeasesLine(at=START + at, leases=(lease_reading(lease, ttl),))


def _went(worker: int, at: float, revision: int) -> list[AnyLine]:
    name = str(revision) if revision else ""
    return [delete_line(Delete(one.key, name), START + at) for one in entries(worker)]


def _drains(at: float) -> AnyLine:
    mark = DrainMark(START + at, Drained("ada", "there", "20261121-134501-3f2a"))
    return DrainsLine(at=START + at + 0.5, drains=(drain_reading(DRAINED, mark),))
