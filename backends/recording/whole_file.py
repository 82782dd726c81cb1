"""Write a whole recording at once, into a new file. Blocks: call it in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from backends.recording.lines import AnyLine, encode
from backends.recording.part_files import CannotRecord, reason_of
from backends.recording.zstd import ZstdCompressor
from backends.removal.audit.disk import sync_folder, write

_STEP = 256 * 1024


def write_whole(path: Path, frames: Iterable[Iterable[AnyLine]]) -> int:
    """Write frames into a new file for this user alone, and return its size. Never replaces a file,
    nor writes through a symlink. Raises `CannotRecord`, and what the frames raise; then there is no
    file."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise CannotRecord(path, "it is there already: name another file") from error
    except OSError as error:
        raise CannotRecord(path, reason_of(error)) from error
    try:
        os.fchmod(descriptor, 0o600)
        for lines in frames:
            _write_frame(descriptor, lines)
        os.fsync(descriptor)
        sync_folder(path.parent)
        return os.fstat(descriptor).st_size
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise CannotRecord(path, reason_of(error)) from error
        raise
    finally:
        os.close(descriptor)


def _write_frame(descriptor: int, lines: Iterable[AnyLine]) -> None:
    packer = ZstdCompressor()
    packed = bytearray()
    for line in lines:
        packed += packer.compress(encode(line))
        if len(packed) >= _STEP:
            write(descriptor, bytes(packed))
            packed.clear()
    write(descriptor, bytes(packed) + packer.flush())
