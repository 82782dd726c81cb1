"""What it costs to go to any moment of a recording: an hour with 20 changes a second."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import ClassVar

from backends.recording.moment_search import MomentSearch
from backends.recording.recording_timeline import RecordingTimeline
from bench.figures.figure import SMOKE, Pace
from bench.load import Load
from bench.place import Place
from bench.recorded_hour import RecordedHour
from bench.results import Line, Target, Unit

INSTANCES = 2_000
"""Of 1,000 workers."""
SECONDS = 3_600
MOST = 1.0
"""Seconds."""


class Recorded:
    name: ClassVar = "recorded"
    at_every_size: ClassVar = False

    def measure(self, place: Place, pace: Pace) -> Iterator[Line]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "hour"
            RecordedHour(Load(INSTANCES), 60 if pace == SMOKE else SECONDS).write(path)
            seeks, searches = asyncio.run(_measured(str(path), pace.runs))
        of = f"a recording of {SECONDS // 60} minutes, 20 changes a second"
        for what, runs in (
            (f"{of}: to open it and go to a random moment", seeks),
            ("... to search all of it for a name that is not there", searches),
        ):
            target = Target(MOST) if runs is seeks else None
            yield Line(self.name, what, INSTANCES, Unit.CPU_SECONDS, tuple(runs), target=target)


async def _measured(path: str, runs: int) -> tuple[list[float], list[float]]:
    random_moments = random.Random(1)

    async def seek() -> None:
        timeline = await RecordingTimeline.load(path)
        first, last = await timeline.first(), await timeline.last()
        assert first.at is not None
        assert last.at is not None
        moment = await timeline.at_time(random_moments.uniform(first.at, last.at))
        opening = await timeline.open(moment)
        assert len(opening.entries.entries) > INSTANCES

    async def search() -> None:
        timeline = await RecordingTimeline.load(path)
        moments = MomentSearch(timeline)
        assert await moments.record(await timeline.first(), 1, lambda _: False) is None

    return [await _cpu(seek) for _ in range(runs)], [await _cpu(search) for _ in range(runs)]


async def _cpu(do: Callable[[], Coroutine[None, None, None]]) -> float:
    start = time.process_time()
    await do()
    return time.process_time() - start
