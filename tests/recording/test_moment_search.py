"""The next removal, death or name in a recording."""

from __future__ import annotations

from pathlib import Path

import msgspec

from backends.discovery.lease_ttl import LeaseTtl
from backends.dynamo.records import AnyRecord
from backends.recording.entry_lines import delete_line, lease_reading, put_line
from backends.recording.lines import AliveLine, AnyLine, GapLine, LeasesLine
from backends.recording.moment_search import MomentSearch
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Delete, TimeToLive
from backends.timeline import Moment
from tests.recording.frames import START, beginning, entry, packed, written


def key(worker: int) -> bytes:
    return b"v1/instances/ns/comp/gen/%x" % worker


def read_lease(lease: int, at: float, remaining: float, granted: float | None = 30.0) -> AnyLine:
    ttl = LeaseTtl(TimeToLive(granted, remaining), START + at)
    return LeasesLine(at=START + at, leases=(lease_reading(lease, ttl),))


def gone(worker: int, at: float, revision: int, overdue: float | None = None) -> AnyLine:
    return delete_line(Delete(key(worker), str(revision), overdue), START + at)


async def load(path: Path, *frames: list[AnyLine]) -> RecordingTimeline:
    return await RecordingTimeline.load(written(path / "it", [packed(one) for one in frames]))


def after(moment: Moment | None) -> float | None:
    assert moment is not None
    return None if moment.at is None else moment.at - START


async def test_removals_are_found_both_ways_over_frames(tmp_path: Path) -> None:
    there = [entry(key(one), lease=one) for one in (1, 2)]
    timeline = await load(
        tmp_path,
        [*beginning(there), gone(9, 1, 2), gone(1, 2, 3), AliveLine(at=START + 3)],
        [*beginning(there[1:], START + 4), put_line(entry(key(3)), START + 5)],
        [
            *beginning([there[1], entry(key(3))], START + 6),
            GapLine(at=START + 8, changes=1),
            gone(3, 8, 5),
        ],
    )
    search, first, last = MomentSearch(timeline), await timeline.first(), await timeline.last()
    one = await search.removal(first, 1)
    # Of a key that was not known nothing went.
    assert after(one) == 2
    assert one is not None
    other = await search.removal(one, 1)
    assert after(other) == 8
    assert other is not None
    assert await search.removal(other, 1) is None
    assert await search.removal(other, -1) == one
    assert await search.removal(one, -1) is None
    assert await search.removal(last, 1) is None


async def test_a_death_is_a_lease_that_ran_out_and_not_one_that_was_revoked(
    tmp_path: Path,
) -> None:
    there = [entry(key(one), lease=one) for one in (1, 2, 3)]
    timeline = await load(
        tmp_path,
        [
            *beginning(there),
            *(read_lease(one, 0, 29.0) for one in (1, 2, 3)),
            gone(1, 10, 2),
            read_lease(1, 10, -1.0, None),
            read_lease(2, 20, 9.0),
            gone(2, 30, 3),
        ],
        [
            *beginning(there[2:], START + 40),
            read_lease(3, 40, 29.0),
            read_lease(3, 50, -1.0, None),
            AliveLine(at=START + 60),
        ],
    )
    search, first, last = MomentSearch(timeline), await timeline.first(), await timeline.last()
    died = await search.death(first, 1)
    assert after(died) == 30
    assert died is not None
    lost = await search.death(died, 1)
    assert after(lost) == 50
    assert await search.death(last, -1) == lost


async def test_a_file_whose_time_ended_is_a_death(tmp_path: Path) -> None:
    there = [entry(key(one)) for one in (1, 2, 3)]
    expired = msgspec.structs.replace(there[0], expired_at=START + 9)
    timeline = await load(
        tmp_path,
        [
            *beginning(there),
            gone(3, 5, 0, overdue=-6.0),
            put_line(expired, START + 10),
            gone(1, 12, 0, overdue=3.0),
            gone(2, 14, 0, overdue=0.5),
        ],
    )
    search, moment = MomentSearch(timeline), await timeline.first()
    found = []
    while (died := await search.death(moment, 1)) is not None:
        moment = died
        found.append(after(died))
    # Of the one that had expired the removal is no second death.
    assert found == [10, 14]


async def test_a_record_is_found_where_it_came_changed_or_went(tmp_path: Path) -> None:
    there = [entry(key(one)) for one in (1, 2)]
    timeline = await load(
        tmp_path,
        [
            *beginning(there),
            put_line(entry(key(2), b"[]"), START + 1),
            put_line(entry(key(1), b"[]"), START + 2),
        ],
        [*beginning(there, START + 3), gone(2, 4, 9), gone(1, 5, 9)],
    )

    def is_first(record: AnyRecord) -> bool:
        return record.id.instance_id == 1

    search, moment = MomentSearch(timeline), await timeline.first()
    found = []
    while (next_one := await search.record(moment, 1, is_first)) is not None:
        moment = next_one
        found.append(after(next_one))
    assert found == [2, 5]
    assert after(await search.record(moment, -1, is_first)) == 2
