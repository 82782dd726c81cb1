"""What happened when in a recording, at a glance: the same as step by step."""

from __future__ import annotations

from pathlib import Path

from backends.recording.moment_index import MomentKind, index_frames
from backends.recording.moment_search import MomentSearch
from backends.recording.recording_timeline import RecordingTimeline
from tests.recording.frames import START
from tests.recording.histories import a_history


async def test_each_moment_has_the_most_important_that_happened(tmp_path: Path) -> None:
    timeline = await RecordingTimeline.load(a_history(tmp_path / "it"))
    found = [one async for moments in index_frames(timeline) for one in moments]
    assert [(round((one.at or 0) - START), one.kind) for one in found] == [
        (5, MomentKind.CHANGE),
        (30, MomentKind.DEATH),
        (40, MomentKind.REMOVAL),
        (40, MomentKind.REMOVAL),
        (45, MomentKind.REMOVAL),
        (50, MomentKind.LOST),
        (60, MomentKind.REMOVAL),
        (75, MomentKind.CHANGE),
    ]


async def test_it_has_just_the_changes_and_deaths_that_steps_and_searches_find(
    tmp_path: Path,
) -> None:
    timeline = await RecordingTimeline.load(a_history(tmp_path / "it"))
    found = [one async for moments in index_frames(timeline) for one in moments]
    search, moment, stepped = MomentSearch(timeline), await timeline.first(), []
    while (change := await timeline.change_from(moment, 1)).number != moment.number:
        moment = change
        stepped.append(moment.number)
    assert [one.number for one in found if one.is_change] == stepped
    died = await search.death(await timeline.first(), 1)
    assert died is not None
    assert [one.number for one in found if one.kind is MomentKind.DEATH] == [died.number]
