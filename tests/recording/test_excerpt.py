"""The last part of a recording begins with all that was known then, and goes on as it went."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from backends.recording.entry_lines import delete_line, put_line
from backends.recording.excerpt import frames_since
from backends.recording.lines import (
    AliveLine,
    AnyLine,
    Checkpoint,
    DrainReading,
    DrainsLine,
    EndLine,
    EntryLine,
    FigureReading,
    GapLine,
    Header,
    LeaseReading,
    LeasesLine,
    LostLine,
    MetricsLine,
    ProbeReading,
    ProbesLine,
)
from backends.recording.part_files import CannotRecord
from backends.recording.reader import Recording
from backends.recording.whole_file import write_whole
from backends.store import Delete
from tests.support.recordings import STARTED, entry, frame, lines_in

REPORT = {"dyntop": "1"}
LATE = STARTED + 100
LEASE = LeaseReading(remaining=9, at=STARTED, granted=10, lease="1")
LAST_LEASE = LeaseReading(remaining=8, at=STARTED + 20, granted=10, lease="1")
PROBE = ProbeReading(method="tcp", address="a:1", answer="answers", text="answers", at=STARTED)
DRAINS = DrainsLine(at=STARTED + 10, drains=(DrainReading(worker="1", at=STARTED),))

FIRST: list[AnyLine] = [
    *frame(
        STARTED, [entry(1), entry(2), entry(3)], [LeasesLine(at=STARTED, leases=(LEASE,))]
    ).lines(),
    put_line(entry(4), STARTED + 10, "10"),
    delete_line(Delete(entry(2).key, "11"), STARTED + 11),
    put_line(entry(3, b"changed"), STARTED + 12, "12"),
    ProbesLine(at=STARTED + 13, probes=(PROBE,)),
    DRAINS,
    LeasesLine(at=STARTED + 20, leases=(LAST_LEASE,)),
]
SECOND: list[AnyLine] = [
    *frame(LATE, [entry(1)]).lines(),
    AliveLine(at=LATE + 1),
    EndLine(at=LATE + 2, why="done"),
]


def recorded(path: Path, *frames: list[AnyLine]) -> Recording:
    write_whole(path, frames)
    return Recording(str(path))


def excerpt(path: Path, since: float, *frames: list[AnyLine]) -> list[list[AnyLine]]:
    found = frames_since(recorded(path / "night", *frames), since, REPORT)
    return [list(one) for one in found]


def test_it_begins_with_all_that_was_known_then(tmp_path: Path) -> None:
    changes: list[AnyLine] = [AliveLine(at=STARTED + 31), put_line(entry(5), STARTED + 32, "13")]
    first, second = excerpt(tmp_path, STARTED + 30, [*FIRST, *changes], SECOND)

    header, checkpoint, *rest = first
    assert isinstance(header, Header)
    assert (header.at, header.started, header.report) == (STARTED + 30, STARTED, REPORT)
    assert checkpoint == Checkpoint(at=STARTED + 30, entries=3, revision="12")
    one, three, four = rest[:3]
    assert isinstance(one, EntryLine)
    assert (one.key, one.seen, one.since) == (entry(1).key.decode(), STARTED, False)
    assert isinstance(three, EntryLine)
    assert (three.value, three.seen, three.since) == ("changed", STARTED, False)
    assert (three.value_seen, three.value_since) == (STARTED + 12, True)
    assert isinstance(four, EntryLine)
    assert (four.seen, four.since) == (STARTED + 10, True)
    assert rest[3:6] == [
        LeasesLine(at=STARTED + 30, leases=(LAST_LEASE,)),
        ProbesLine(at=STARTED + 30, probes=(PROBE,)),
        DrainsLine(at=STARTED + 30, drains=DRAINS.drains),
    ]
    assert rest[6:] == changes
    assert second[1:] == SECOND[1:]


def test_figures_that_were_known_then_are_kept(tmp_path: Path) -> None:
    def scraped(at: float, *of: str, gone: tuple[str, ...] = ()) -> MetricsLine:
        rows = tuple(FigureReading(of=("model", name), at=STARTED + at) for name in of)
        left = tuple(("model", name) for name in gone)
        return MetricsLine(at=STARTED + at, rows=rows, silent=("s",), gone=left)

    (first,) = excerpt(
        tmp_path,
        STARTED + 30,
        [*FIRST, scraped(21, "a", "b"), scraped(22, "c", gone=("b",)), scraped(31, "a")],
    )
    whole, later = (one for one in first if isinstance(one, MetricsLine))
    assert (whole.whole, whole.silent, whole.at) == (True, ("s",), STARTED + 22)
    assert [(one.of[1], one.at) for one in whole.rows] == [("a", STARTED + 21), ("c", STARTED + 22)]
    assert later == scraped(31, "a")


def test_a_store_that_was_lost_then_is_lost_until_its_gap(tmp_path: Path) -> None:
    lost = LostLine(at=STARTED + 25, error="away")
    gap = GapLine(at=STARTED + 60, changes=1, revision="20")
    after: list[AnyLine] = [gap, delete_line(Delete(entry(1).key), STARTED + 60)]
    (first,) = excerpt(tmp_path, STARTED + 30, [*FIRST, lost, *after])
    assert first[-3:] == [lost, *after]

    path = tmp_path / "later"
    path.mkdir()
    (first,) = excerpt(path, STARTED + 70, [*FIRST, lost, *after, AliveLine(at=STARTED + 80)])
    assert lost not in first
    assert [one.key for one in first if isinstance(one, EntryLine)] == [
        entry(3).key.decode(),
        entry(4).key.decode(),
    ]


@pytest.mark.parametrize("since", [0.0, STARTED - 1])
def test_a_time_before_it_takes_all_of_it(tmp_path: Path, since: float) -> None:
    first, second = excerpt(tmp_path, since, FIRST, SECOND)
    assert (first[1:], second[1:]) == (FIRST[1:], SECOND[1:])


def test_frames_before_the_time_are_left_out(tmp_path: Path) -> None:
    (only,) = excerpt(tmp_path, LATE + 1.5, FIRST, SECOND)
    assert only[-1] == SECOND[-1]
    assert only[1] == Checkpoint(at=LATE + 1.5, entries=1)


def test_a_whole_file_is_for_this_user_alone_and_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "bug"
    mask = os.umask(0)
    try:
        assert write_whole(path, [FIRST]) == path.stat().st_size
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert lines_in(path) == FIRST
    with pytest.raises(CannotRecord, match="there already"):
        write_whole(path, [SECOND])
    assert lines_in(path) == FIRST
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotRecord):
        write_whole(link, [FIRST])
    assert not (tmp_path / "elsewhere").exists()
    with pytest.raises(CannotRecord):
        write_whole(tmp_path / "nowhere" / "bug", [FIRST])


def test_a_file_that_cannot_be_finished_is_taken_away(tmp_path: Path) -> None:
    def fails() -> list[AnyLine]:
        raise ValueError("no lines")

    with pytest.raises(ValueError, match="no lines"):
        write_whole(tmp_path / "bug", (fails() for _ in range(1)))
    assert not (tmp_path / "bug").exists()
