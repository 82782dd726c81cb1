"""A recording in which workers start, stop, die and are drained, and the store is lost."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

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
from backends.recording.lines import (
    AliveLine,
    AnyLine,
    Checkpoint,
    DrainsLine,
    FigureReading,
    GapLine,
    Header,
    LeasesLine,
    MetricsLine,
    SilentServer,
)
from backends.store import Cause, Delete, Entry, Revision, TimeToLive, Unreachable
from tests.recording.frames import START, beginning, packed, written
from tests.support.registered import card, instance

DIES, STOPS, DRAINED, IN_GAP, STAYS, COMES = range(0xA1, 0xA7)
ESCAPE = "\x1b[31m"
FRONTEND = "http://frontend-0:8000"
MODEL = "acme/tiny-llm"


def entries(worker: int) -> list[Entry]:
    """Return what a worker registers."""
    return [Entry(*one, Revision("1"), worker) for one in (instance(worker), card(worker))]


def a_history(path: Path, *, figures: bool = False) -> str:
    """Write the recording, and return its path. `figures`: with those of a frontend, which falls
    silent at last."""
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
    first, second = ([_named(one, figures=figures) for one in some] for some in (first, second))
    if figures:
        # Each before what happened later.
        for at in (3, 18, 33, 48):
            later = (n for n, one in enumerate(first) if _time_of(one) > START + at)
            first.insert(next(later), scraped(at))
        silent = SilentServer(
            server=FRONTEND,
            why=f"refuses connections{ESCAPE}",
            since=START + 90,
            answered=START + 78,
            models=(MODEL,),
        )
        falls_silent = MetricsLine(
            at=START + 90, silent=(silent,), gone=(("model", MODEL), ("worker", f"{STAYS:x}"))
        )
        checkpoint = len(left) + 2
        second = [
            *second[:checkpoint],
            scraped(63, whole=True),
            *second[checkpoint:-1],
        ]
        second += [scraped(78), falls_silent, AliveLine(at=START + 100)]
    return written(path, [packed(first), packed(second)])


def scraped(at: float, *, whole: bool = False) -> MetricsLine:
    """Return what a frontend and a worker told of the fifteen seconds before."""
    per_second = 10.0 + at
    of_model = {
        "requests": per_second,
        "tokens": 20 * per_second,
        "errors": 0.5,
        "first-token-50": 0.12,
        "first-token-99": 0.5,
        "in-flight": 3.0,
        "queued": 1.0,
    }
    of_worker = {"requests": per_second / 2, "kv-use": 0.25}
    rows = (
        FigureReading(
            of=("model", MODEL),
            at=START + at,
            seconds=15.0,
            figures=of_model,
            over=("first-token-99",),
            servers=(FRONTEND,),
        ),
        FigureReading(
            of=("worker", f"{STAYS:x}"),
            at=START + at,
            seconds=15.0,
            figures=of_worker,
            servers=("http://10.0.0.1:8081",),
        ),
    )
    return MetricsLine(at=START + max(at, 70.0 * whole), rows=rows, whole=whole)


def _named(line: AnyLine, *, figures: bool) -> AnyLine:
    servers = (FRONTEND,) if figures else ()
    return replace(line, metrics=servers) if isinstance(line, Header) else line


def _time_of(line: AnyLine) -> float:
    return 0.0 if isinstance(line, Header | Checkpoint) else getattr(line, "at", None) or 0.0


def _read(lease: int, at: float, remaining: float, granted: float | None = 30.0) -> AnyLine:
    ttl = LeaseTtl(TimeToLive(granted, remaining), START + at)
    return LeasesLine(at=START + at, leases=(lease_reading(lease, ttl),))


def _went(worker: int, at: float, revision: int) -> list[AnyLine]:
    name = str(revision) if revision else ""
    return [delete_line(Delete(one.key, name), START + at) for one in entries(worker)]


def _drains(at: float) -> AnyLine:
    mark = DrainMark(START + at, Drained("ada", "there", "20261121-134501-3f2a"))
    return DrainsLine(at=START + at + 0.5, drains=(drain_reading(DRAINED, mark),))
