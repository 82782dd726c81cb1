"""A recording of a busy cluster, as the recorder would have written it. The same size is the same.

Each second so many changes come: workers end, key by key, and others start in their place. A frame
begins where the writer begins one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from backends.discovery.cluster import FirstSeen
from backends.discovery.lease_ttl import LeaseTtl
from backends.recording.entry_lines import delete_line, lease_reading, put_line
from backends.recording.lines import (
    FORMAT,
    AliveLine,
    AnyLine,
    Checkpoint,
    Header,
    LeasesLine,
    encode,
)
from backends.recording.writer import CHANGES_SHARE, LEAST_CHANGES, CheckpointEntry, NewFrame
from backends.recording.zstd import ZstdCompressor
from backends.store import Delete, Entry, Revision, TimeToLive
from bench.load import Load

STARTED = 1_790_000_000.0
FIRST_LEASE = 0x7D7B_A1FD_2395_0000
GRANTED = 30.0
READ_EVERY = 60
"""Seconds between two lines of all leases."""


class RecordedHour:
    """Writes a recording of `seconds` with `changes` a second."""

    def __init__(self, load: Load, seconds: int = 3600, changes: int = 20) -> None:
        self._load = load
        self._seconds = seconds
        self._changes = changes
        self._now: dict[bytes, Entry] = {}
        self._leases = [FIRST_LEASE + worker for worker in range(load.workers)]
        self._next_lease = FIRST_LEASE + load.workers
        self._revision = 1
        self._at = STARTED
        for worker, lease in enumerate(self._leases):
            self._now |= {entry.key: entry for entry in self._entries(worker, lease)}

    def write(self, path: Path) -> None:
        """Write it."""
        packer = ZstdCompressor()
        coming = self._changing()
        with path.open("wb") as file:
            checkpoint = self._begin(packer, file.write)
            written = 0
            for second in range(self._seconds):
                self._at = STARTED + second
                lines = [next(coming) for _ in range(self._changes)]
                lines += self._readings() if not second % READ_EVERY else []
                text = b"".join(map(encode, lines))
                file.write(packer.compress(text) + packer.flush(ZstdCompressor.FLUSH_BLOCK))
                written += len(text)
                if written >= max(LEAST_CHANGES, CHANGES_SHARE * checkpoint):
                    file.write(packer.flush(ZstdCompressor.FLUSH_FRAME))
                    packer = ZstdCompressor()
                    checkpoint, written = self._begin(packer, file.write), 0
            end = encode(AliveLine(at=STARTED + self._seconds))
            file.write(packer.compress(end) + packer.flush(ZstdCompressor.FLUSH_FRAME))

    def _begin(self, packer: ZstdCompressor, write: Callable[[bytes], object]) -> int:
        """Write a frame's beginning. Returns its size, before compression."""
        header = Header(
            format=FORMAT,
            version="0",
            at=self._at,
            started=STARTED,
            host="bench",
            store="etcd",
            address="http://etcd:2379",
            lifetime="leased",
        )
        seen = FirstSeen(STARTED, was_there=True)
        entries = [CheckpointEntry(one, seen, seen) for one in self._now.values()]
        checkpoint = Checkpoint(at=self._at, entries=len(entries), revision=str(self._revision))
        size = 0
        for line in NewFrame(header, checkpoint, entries, self._readings()).lines():
            text = encode(line)
            size += len(text)
            write(packer.compress(text))
        return size

    def _readings(self) -> list[AnyLine]:
        ttl = LeaseTtl(TimeToLive(GRANTED, GRANTED - 5), self._at)
        return [
            LeasesLine(at=self._at, leases=tuple(lease_reading(one, ttl) for one in self._leases))
        ]

    def _changing(self) -> Iterator[AnyLine]:
        """Yield changes without end: one worker after the other ends, and another starts."""
        while True:
            for worker in range(self._load.workers):
                for entry in self._entries(worker, self._leases[worker]):
                    self._revision += 1
                    del self._now[entry.key]
                    yield delete_line(Delete(entry.key, str(self._revision)), self._at)
                self._leases[worker] = self._next_lease
                self._next_lease += 1
                for entry in self._entries(worker, self._leases[worker]):
                    self._revision += 1
                    self._now[entry.key] = entry
                    yield put_line(entry, self._at, str(self._revision))

    def _entries(self, worker: int, lease: int) -> Iterator[Entry]:
        for key, value in self._load.records_of(worker, lease):
            yield Entry(key, value, Revision(str(self._revision)), lease)
