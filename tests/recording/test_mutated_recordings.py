"""Whatever a file holds, it is a recording or refused: nothing in it ends dyntop."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from backends.dynamo.queries import EVERYTHING
from backends.recording import zstd
from backends.recording.errors import BadRecording
from backends.recording.moment_search import MomentSearch
from backends.recording.recorded_events import recorded_causes, recorded_events
from backends.recording.recording_timeline import RecordingTimeline
from tests.recording.frames import packed, unfinished, written
from tests.recording.histories import a_history
from tests.support.strategies import json_values
from tui.cli.commands.events import _cause_json, _event_cells, _event_json
from tui.cli.shared.recorded_places import changes_between_moments

odd = st.one_of(
    json_values,
    st.sampled_from(
        [1e308, -1.0, 0, 2**64, "", "ff" * 9, "\ud800", {"lease": "1"}, [[]], 253402300799, "gone"]
    ),
)


def content() -> bytes:
    """Return a recording."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(a_history(Path(folder) / "it")).read_bytes()


def lines_of(left: bytes) -> list[dict[str, Any]]:
    """Return the lines of a recording."""
    text = b""
    while left:
        unpacker = zstd.ZstdDecompressor()
        text += unpacker.decompress(left)
        left = unpacker.unused_data
    return [json.loads(line) for line in text.splitlines()]


CONTENT = content()
LINES = lines_of(CONTENT)


async def read_all(packed_lines: bytes) -> None:
    """Read all that a file may be asked for. Raises `BadRecording`."""
    with tempfile.TemporaryDirectory() as folder:
        timeline = await RecordingTimeline.load(written(Path(folder) / "it", [packed_lines]))
        first, last = await timeline.first(), await timeline.last()
        await timeline.between(first, last)
        await timeline.open(last)
        async for one in recorded_events(timeline, None, None):
            _event_cells(one)
            _event_json(one)
        for cause in await recorded_causes(timeline, None, None):
            _cause_json(cause)
        search = MomentSearch(timeline)
        await search.death(first, 1)
        await search.death(last, -1)
        await changes_between_moments(timeline, first, last, EVERYTHING)
        if timeline.has_times:
            await timeline.at_time(1.9e9)


async def refused_or_read(packed_lines: bytes) -> None:
    with suppress(BadRecording):
        await read_all(packed_lines)


@settings(max_examples=150, deadline=None)
@given(st.data())
async def test_any_other_value_in_a_line_is_read_or_refused(data: st.DataObject) -> None:
    lines = json.loads(json.dumps(LINES))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        place: Any = lines[at]
        # Down to a member of one of its readings.
        for _ in range(2):
            names = [*place] if isinstance(place, dict) else [*range(len(place))]
            if not names:
                break
            name = data.draw(st.sampled_from(names))
            below = place[name]
            if not isinstance(below, dict | list) or data.draw(st.booleans()):
                place[name] = data.draw(odd)
                break
            place = below
    if data.draw(st.booleans()):
        first, second = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[first], lines[second] = lines[second], lines[first]
    starts = [at for at, line in enumerate(lines) if line.get("kind") == "dyntop-recording"] or [0]
    parts = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    texts = [[json.dumps(line).encode() + b"\n" for line in part] for part in parts]
    whole_frames = [packed(text) for text in texts[:-1]]
    await refused_or_read(b"".join([*whole_frames, unfinished(texts[-1])]))


@settings(max_examples=100, deadline=None)
@given(
    at=st.integers(0, 5000),
    new=st.binary(max_size=6),
    length=st.integers(0, 6),
)
async def test_any_other_bytes_in_a_file_are_read_or_refused(
    at: int, new: bytes, length: int
) -> None:
    at %= len(CONTENT)
    await refused_or_read(CONTENT[:at] + new + CONTENT[at + length :])
