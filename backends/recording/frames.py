"""Find the frames of a recording's file, and unpack them bounded.

A file is input from others: it is opened only if it is a regular one, and nothing that it says of
its own sizes is believed.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Iterator
from itertools import islice

import msgspec

from backends.recording.errors import BadRecording
from backends.recording.zstd import (
    DecompressionParameter,
    ZstdDecompressor,
    ZstdError,
    get_frame_size,
)

_MAGIC = b"\x28\xb5\x2f\xfd"
_OTHERS = (
    (b"\x1f\x8b", "it is gzip"),
    (b"\xfd7zXZ", "it is xz"),
    (b"BZh", "it is bzip2"),
    (b"PK\x03\x04", "it is zip"),
    (b"\x04\x22\x4d\x18", "it is lz4"),
    (b"{", "it is plain JSON"),
)
"""How files of others begin."""

_STEPS = (64 * 1024, 256 * 1024)
"""Bytes that are read, and unpacked, at a time."""
_FEW_STEPS = (1024, 4 * 1024)
_FIRST_READ = 1024 * 1024
"""Bytes in which the end of a frame is looked for first."""


class Limits(msgspec.Struct, frozen=True):
    """How much a recording may be. A file with more is not a recording, or a hostile one."""

    packed_frame: int = 64 * 1024 * 1024
    """Bytes of a frame as stored."""
    frame: int = 1024 * 1024 * 1024
    """Bytes of an unpacked frame."""
    ratio: int = 1000
    """Times that a frame may be larger when unpacked, from `ratio_from` bytes on. Workers differ in
    ids and addresses, which alone cost more; one line without end is packed to less."""
    ratio_from: int = 8 * 1024 * 1024
    line: int = 16 * 1024 * 1024
    """Bytes of a line."""
    lines: int = 2_000_000
    """Lines of a frame."""
    steps: int = 100_000
    """Changes and readings of a frame, beside `steps_of_entry`."""
    steps_of_entry: int = 10
    """For each entry of its checkpoint: the writer begins another frame long before."""
    entries: int = 500_000
    """Entries that are registered at a time."""
    frames: int = 100_000
    """Frames of all parts."""
    parts: int = 200
    """Files of one recording."""
    resynced: int = 5_000_000
    """Entries in all that were read again after the gaps of one frame."""
    window_log: int = 24
    """Of the bytes that unpacking keeps, as a power of two."""


LIMITS = Limits()


class Frame(msgspec.Struct, frozen=True):
    """A frame of a file."""

    start: int
    size: int
    """As far as it is there."""
    is_whole: bool
    """Whether it has an end. Else it is cut off, damaged, or still being written."""


class RecordingFile:
    """One opened file of a recording. Closed when it is not used any more."""

    def __init__(self, path: str) -> None:
        """Raises `BadRecording` for what is no regular file, or cannot be opened."""
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise BadRecording(path, _why_not_opened(error)) from error
        self._close = weakref.finalize(self, os.close, self._descriptor)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a socket or a device"
            self._close()
            raise BadRecording(path, f"it is {what}, and no recording")
        self.identity = (status.st_dev, status.st_ino)

    def close(self) -> None:
        """Close it before its time."""
        self._close()

    @property
    def size(self) -> int:
        """Its size now, in bytes."""
        return os.fstat(self._descriptor).st_size

    def frames(self, limits: Limits) -> tuple[list[Frame], str]:
        """Return its frames, and what is wrong after the last of them, as a clause. Empty: nothing.

        They are found by the headers of their blocks alone. Raises `BadRecording` if it does not
        begin with one.
        """
        frames: list[Frame] = []
        at, size = 0, self.size
        if not size:
            raise BadRecording(self.path, "it is empty")
        ahead, step = _Ahead(self), _FIRST_READ
        while at < size:
            packed = ahead.at(at, step)
            if not _begins_frame(packed):
                if not frames:
                    raise BadRecording(self.path, _what_it_is(bytes(packed[:16])))
                # Of the last one hardly anything may be there yet.
                is_begun = _MAGIC.startswith(bytes(packed))
                problem = f"it is damaged at byte {at:,}, and what follows is not read"
                return frames, "" if is_begun else problem
            try:
                frame = Frame(at, get_frame_size(packed), is_whole=True)
            except ZstdError:
                if at + len(packed) < size:
                    ahead.forget()
                    if len(packed) < step:
                        # It goes on behind what was read ahead.
                        continue
                    if step >= limits.packed_frame:
                        problem = "it has a frame that is too large to be one of dyntop"
                        raise BadRecording(self.path, problem) from None
                    step = min(step * 4, limits.packed_frame)
                    continue
                return [*frames, Frame(at, len(packed), is_whole=False)], ""
            frames.append(frame)
            if len(frames) > limits.frames:
                raise BadRecording(self.path, f"it has more than {limits.frames:,} frames")
            at, step = at + frame.size, _FIRST_READ
        return frames, ""

    def lines(self, frame: Frame, limits: Limits, *, few: bool = False) -> Iterator[bytes]:
        """Yield the whole lines of a frame, without their line feeds. `few`: the first are asked
        for alone, so that little is unpacked ahead.

        Raises `BadRecording` for one that is more than it may be, and `ZstdError` where it is
        damaged, after the lines before that.
        """
        steps = _FEW_STEPS if few else _STEPS
        for number, line in enumerate(self._lines(frame, limits, steps), 1):
            if number > limits.lines:
                raise BadRecording(self.path, f"a frame has more than {limits.lines:,} lines")
            yield line

    def _lines(self, frame: Frame, limits: Limits, steps: tuple[int, int]) -> Iterator[bytes]:
        pieces: list[bytes] = []
        """Of a line that goes on."""
        length = 0
        for text in self._unpacked(frame, limits, *steps):
            first, *more = text.split(b"\n")
            pieces.append(first)
            length += len(first)
            if length > limits.line:
                raise BadRecording(self.path, f"a line is longer than {_bytes(limits.line)}")
            if more:
                yield b"".join(pieces)
                yield from islice(more, len(more) - 1)
                pieces, length = [more[-1]], len(more[-1])

    def _unpacked(
        self, frame: Frame, limits: Limits, packed_step: int, step: int
    ) -> Iterator[bytes]:
        options: dict[int, int] = {DecompressionParameter.window_log_max: limits.window_log}
        unpacking = ZstdDecompressor(options=options)
        at, end, unpacked = frame.start, frame.start + frame.size, 0
        while not unpacking.eof:
            packed = b""
            if unpacking.needs_input:
                packed = self.read(min(packed_step, end - at), at)
                at += len(packed)
                if not packed:
                    if frame.is_whole:
                        raise ZstdError("the file is shorter than it was")
                    return
            text = unpacking.decompress(packed, step)
            unpacked += len(text)
            if unpacked > limits.frame:
                raise BadRecording(
                    self.path, f"a frame unpacks to more than {_bytes(limits.frame)}"
                )
            if unpacked > max(limits.ratio_from, limits.ratio * frame.size):
                problem = f"a frame unpacks to more than {limits.ratio:,} times its size"
                raise BadRecording(self.path, problem)
            if text:
                yield text

    def read(self, size: int, at: int) -> bytes:
        """Return bytes of the file: fewer at its end. Raises `BadRecording`."""
        pieces: list[bytes] = []
        try:
            while size and (piece := os.pread(self._descriptor, size, at)):
                pieces.append(piece)
                size -= len(piece)
                at += len(piece)
        except OSError as error:
            raise BadRecording(
                self.path, f"it cannot be read: {os.strerror(error.errno or 0)}"
            ) from error
        return b"".join(pieces)


class _Ahead:
    """Bytes of a file that were read ahead, so that small frames are not read one by one."""

    def __init__(self, file: RecordingFile) -> None:
        self._file = file
        self._start = 0
        self._read = memoryview(b"")

    def at(self, at: int, size: int) -> memoryview:
        """Return bytes from a place on, at most so many: at least what is left of the last read."""
        left = self._start + len(self._read) - at
        if left < len(_MAGIC) or not at - self._start >= 0:
            self._start, self._read = at, memoryview(self._file.read(size, at))
        return self._read[at - self._start :]

    def forget(self) -> None:
        """Read anew at the next call."""
        self._read = memoryview(b"")


def _begins_frame(packed: memoryview) -> bool:
    return bytes(packed[: len(_MAGIC)]) == _MAGIC


def _why_not_opened(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return "no file has such a name"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return "there is no such file"
        case errno.EACCES | errno.EPERM:
            return "this user may not read it"
        case errno.ENXIO:
            return "it is a pipe, a socket or a device, and no recording"
        case number:
            return f"it cannot be opened: {os.strerror(number or 0)}"


def _what_it_is(start: bytes) -> str:
    known = next((f": {what}" for begin, what in _OTHERS if start.startswith(begin)), "")
    return f"it is not a recording of dyntop{known}"


def _bytes(size: int) -> str:
    return f"{size >> 20:,} MiB" if size >= 1 << 20 else f"{size:,} bytes"
