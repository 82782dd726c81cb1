"""The reason of a removal does not hang on what of its evidence was recorded first."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.discovery.lease_ttl import LeaseTtl
from backends.discovery.reasons import ReasonKind
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained
from backends.recording.entry_lines import delete_line, drain_reading, lease_reading
from backends.recording.lines import AnyLine, DrainsLine, LeasesLine
from backends.recording.recorded_events import recorded_events
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Delete, TimeToLive
from tests.recording.frames import START, beginning, packed, written
from tests.recording.histories import DRAINED, entries


def lease(at: float, remaining: float) -> AnyLine:
    ttl = LeaseTtl(TimeToLive(30.0, remaining), START + at)
    return LeasesLine(at=START + at, leases=(lease_reading(DRAINED, ttl),))


def audit(at: float) -> AnyLine:
    mark = DrainMark(START + at, Drained("ada", "there", "a1"))
    return DrainsLine(at=START + at, drains=(drain_reading(DRAINED, mark),))


@pytest.mark.parametrize("first", ["lease", "audit"])
async def test_a_drain_is_named_whether_its_lease_or_the_audit_was_read_first(
    first: str, tmp_path: Path
) -> None:
    there = entries(DRAINED)
    gone = delete_line(Delete(there[0].key, "6"), START + 45)
    read = [lease(46, 22.0), audit(46)]
    lines = [*beginning(there), lease(0, 29.0), gone, *read[:: 1 if first == "lease" else -1]]
    timeline = await RecordingTimeline.load(written(tmp_path / "it", [packed(lines)]))
    why = [one.event.why async for one in recorded_events(timeline, None, None)][-1]
    assert why is not None
    assert (why.kind, why.user) == (ReasonKind.ANOTHER_DYNTOP, "ada")
