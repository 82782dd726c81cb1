"""Recordings in tests: lines that are written, and what of a file can be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from backends.discovery.cluster import FirstSeen
from backends.recording.lines import FORMAT, AnyLine, Checkpoint, Header, decode
from backends.recording.writer import CheckpointEntry, NewFrame, RecordingWriter, Wanted
from backends.recording.zstd import ZstdDecompressor, ZstdError
from backends.store import Entry, Revision

STARTED = 1_790_000_000.0
_MOST = 64 * 1024


def entry(number: int, value: bytes = b"{}") -> Entry:
    return Entry(b"v1/instances/ns/c/e/%x" % number, value, Revision(str(number)), number)


def header(
    at: float = STARTED,
    started: float | None = None,
    *,
    version: int = FORMAT,
    store: str = "memory",
    address: str = "memory",
    metrics: tuple[str, ...] | None = None,
) -> Header:
    """`started`: None is `at`. `metrics`: the servers that are scraped."""
    return Header(
        format=version,
        version="1",
        at=at,
        started=at if started is None else started,
        host="here",
        store=store,
        address=address,
        lifetime="leased",
        metrics=metrics,
    )


def frame(
    at: float = STARTED,
    entries: Iterable[Entry] = (),
    evidence: Sequence[AnyLine] = (),
    *,
    started: float = STARTED,
) -> NewFrame:
    seen = FirstSeen(at, was_there=True)
    there = [CheckpointEntry(one, seen, seen) for one in entries]
    return NewFrame(header(at, started), Checkpoint(at=at, entries=len(there)), there, evidence)


def unpacked(packed: bytes) -> bytes:
    """Return all that can be unpacked of a file that may be cut off."""
    found = bytearray()
    while packed:
        unpacker = ZstdDecompressor()
        try:
            found += unpacker.decompress(packed, _MOST)
            while not unpacker.needs_input and not unpacker.eof:
                found += unpacker.decompress(b"", _MOST)
        except ZstdError:
            break
        if not unpacker.eof:
            break
        packed = unpacker.unused_data
    return bytes(found)


def texts_in(packed: bytes) -> list[bytes]:
    """Return the whole lines of a file that may be cut off."""
    return unpacked(packed).split(b"\n")[:-1]


def lines_in(path: Path) -> list[AnyLine]:
    """Return the lines of a file that may be cut off."""
    lines = [decode(text) for text in texts_in(path.read_bytes())]
    return [one for one in lines if one is not None]


async def written(writer: RecordingWriter, *lines: AnyLine) -> None:
    """Put lines, and wait until they are in the file."""
    writer.put(*lines)
    await writer.until_written()


async def begun(writer: RecordingWriter, new: NewFrame) -> None:
    """Begin a frame, and wait until it is in the file."""
    writer.begin(new)
    await writer.until_written()


def wants(writer: RecordingWriter) -> Wanted:
    return writer.wanted
