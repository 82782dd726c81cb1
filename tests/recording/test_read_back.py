"""What the recorder wrote is read back: at every minute as `list -o json` had it then."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from backends.discovery.discovery import Discovery
from backends.dynamo.parse import read
from backends.dynamo.queries import EVERYTHING
from backends.memory import Keyspace, MemoryStore
from backends.recording.errors import BadRecording
from backends.recording.folding import entry_changes
from backends.recording.part_files import RecordingBounds
from backends.recording.recorder import RecordedBy, Recorder
from backends.recording.recording_timeline import RecordingTimeline
from backends.recording.writer import RecordingWriter
from backends.store import Cause, Entry, Unreachable
from backends.timeline import Opening
from tests.liveness.test_collector import Probes
from tests.recording.test_recorder import GRANTED, STARTED, TIMES
from tests.support import registered
from tui.cli.shared.reading import Publishers
from tui.text.json_export import record_json

DEADLINE = 60.0
MINUTES = 12


def listed(entries: list[Entry]) -> list[str]:
    """Return what `list -o json` prints of entries."""
    records = list(map(read, entries))
    publishers = Publishers(records)
    return [record_json(record, publishers.worker_of(record)) for record in records]


def at_end(opening: Opening) -> list[Entry]:
    known = {one.key: one for one in opening.entries.entries}
    for _ in entry_changes(known, opening.steps):
        pass
    return [known[key] for key in sorted(known)]


class Cluster:
    """Workers that come, go, move and are cut off, by the hour hand of a test."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = STARTED
        self.keyspace = Keyspace(lambda: self.now)
        self.workers: list[int] = []
        self.broken = False
        for _ in range(6):
            self._start()

    def _start(self) -> None:
        worker = self.random.getrandbits(60)
        self.workers.append(worker)
        self.keyspace.grant(worker, GRANTED)
        for key, value in (
            registered.instance(worker),
            registered.card(worker),
            registered.channel(worker + 1),
            registered.source(worker + 1, worker),
        ):
            self.keyspace.put(key, value, worker)

    def pass_a_minute(self) -> None:
        for act in self.random.choices(("start", "stop", "move", "odd", "none"), k=4):
            self.now += 5
            match act:
                case "start":
                    self._start()
                case "stop" if len(self.workers) > 2:
                    self.keyspace.end_lease(self.workers.pop(0))
                case "move":
                    key, value = registered.instance(self.workers[-1], address="10.9.9.9:1")
                    self.keyspace.put(key, value, self.workers[-1])
                case "odd":
                    odd = self.random.choice((b"\xff\x1b[31m", b'{"a":1e999}', b"{}"))
                    self.keyspace.put(b"v1/instances/\xff\x1b/c/e/1", odd, None)
                case _:
                    pass
        for worker in self.workers:
            self.keyspace.renew(worker)
        self.now += 40

    def all(self) -> list[Entry]:
        return list(self.keyspace.read([b""]).entries)


@pytest.mark.parametrize("seed", range(2))
async def test_every_minute_is_as_list_printed_it_then(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "it"
    cluster = Cluster(seed)
    # Small files, so that what is read are several parts.
    bounds = RecordingBounds(max_age=1200.0)
    writer = RecordingWriter(
        path, bounds, clock=lambda: cluster.now, notify=lambda _: None, flush_interval=0.0
    )
    recorder = Recorder(
        Discovery(MemoryStore(cluster.keyspace)),
        EVERYTHING,
        writer,
        Probes(),
        RecordedBy("1.2.3", "here"),
        clock=lambda: cluster.now,
        mask=str,
        times=TIMES,
    )
    recording = asyncio.create_task(recorder.run())
    then: list[tuple[float, list[str]]] = []
    try:
        for minute in range(MINUTES):
            if minute == 7:
                cluster.keyspace.break_off(Unreachable("memory", Cause.LOST))
                cluster.pass_a_minute()
                cluster.keyspace.mend()
            cluster.pass_a_minute()
            async with asyncio.timeout(DEADLINE):
                while not await is_written(path, cluster):
                    pass
            then.append((cluster.now, listed(cluster.all())))
        await writer.until_written()
    finally:
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
        await recorder.end("the test is over")
    assert len(os.listdir(tmp_path)) > 1
    timeline = await RecordingTimeline.load(os.fspath(path))
    assert timeline.damage == ""
    for at, expected in then:
        opening = await timeline.open(await timeline.at_time(at))
        assert listed(at_end(opening)) == expected
    first, last = await timeline.first(), await timeline.last()
    steps = await timeline.between(first, last)
    if steps is not None:
        known = {one.key: one for one in (await timeline.open(first)).entries.entries}
        for _ in entry_changes(known, steps):
            pass
        assert listed([known[key] for key in sorted(known)]) == then[-1][1]


async def is_written(path: Path, cluster: Cluster) -> bool:
    """Return whether the recording has come to what is registered."""
    try:
        timeline = await RecordingTimeline.load(os.fspath(path))
    except BadRecording:
        # It has no name before its first checkpoint is whole.
        return False
    return at_end(await timeline.open(await timeline.last())) == cluster.all()
