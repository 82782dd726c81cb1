"""Recordings made of lines, without the writer: also what it would never write."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from backends.recording import zstd
from backends.recording.entry_lines import entry_line
from backends.recording.lines import FORMAT, AnyLine, Checkpoint, Header, encode
from backends.store import Entry, Revision
from tests.support import recordings as support

START = 1_900_000_000.0
"""When recordings of tests begin."""


def entry(key: bytes, value: bytes = b"{}", lease: int | None = None, revision: int = 1) -> Entry:
    return Entry(key, value, Revision(str(revision)), lease)


def header(at: float = START, started: float = START, *, version: int = FORMAT) -> Header:
    """Return that of a frame which an etcd is recorded in."""
    return support.header(at, started, version=version, store="etcd", address="http://etcd:2379")


def beginning(
    entries: Iterable[Entry] = (),
    at: float | None = START,
    started: float = START,
    revision: str = "1",
) -> list[AnyLine]:
    """Return the lines with which a frame begins."""
    there = [entry_line(one) for one in entries]
    checkpoint = Checkpoint(at=at, entries=len(there), revision=revision)
    return [header(START if at is None else at, started), checkpoint, *there]


def text_of(lines: Iterable[AnyLine | bytes]) -> bytes:
    return b"".join(one if isinstance(one, bytes) else encode(one) for one in lines)


def packed(lines: Iterable[AnyLine | bytes]) -> bytes:
    """Return a whole frame."""
    packer = zstd.ZstdCompressor()
    return packer.compress(text_of(lines), mode=packer.FLUSH_FRAME)


def packed_by_line(lines: Iterable[AnyLine | bytes]) -> bytes:
    """Return a whole frame that can be cut after any line."""
    packer = zstd.ZstdCompressor()
    parts = [packer.compress(text_of([one]), mode=packer.FLUSH_BLOCK) for one in lines]
    return b"".join([*parts, packer.flush()])


def unfinished(lines: Iterable[AnyLine | bytes]) -> bytes:
    """Return a frame that is still being written."""
    packer = zstd.ZstdCompressor()
    return packer.compress(text_of(lines), mode=packer.FLUSH_BLOCK)


def written(path: Path, frames: Sequence[bytes]) -> str:
    path.write_bytes(b"".join(frames))
    return os.fspath(path)
