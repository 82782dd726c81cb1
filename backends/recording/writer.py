"""Write a recording: lines into zstd frames, in a thread of its own.

The event loop never waits for the disk. What waits to be written is bounded: `room` waits until
there is room for more. What was written is readable up to the last whole line, whenever the process
ends.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.recording.entry_lines import entry_line
from backends.recording.lines import AnyLine, Checkpoint, Header, encode
from backends.recording.masking import masked
from backends.recording.part_files import CannotRecord, PartFiles, RecordingBounds, reason_of
from backends.recording.zstd import CompressionParameter, ZstdCompressor
from backends.store import Entry

FLUSH_INTERVAL = 1.0
"""Seconds for which lines are gathered before they are written."""
MOST_WAITING = 8 * 1024 * 1024
"""Bytes of lines that wait for the disk."""
LEAST_CHANGES = 1024 * 1024
"""Bytes of lines, before compression, after which another frame may begin."""
CHANGES_SHARE = 0.5
"""... and so much of its checkpoint."""
GRACE = 5.0
"""Seconds that the disk has at the end."""
_STEP = 256 * 1024
"""Bytes that are packed before they are written."""
_LEVEL = 3


class Wanted(Enum):
    """What the next lines are to begin with."""

    NOTHING = 0
    FRAME = 1
    PART = 2


class CheckpointEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry of a checkpoint, with when it and its value were first seen."""

    entry: Entry
    seen: FirstSeen
    value_seen: FirstSeen


class NewFrame(msgspec.Struct, frozen=True):
    """All that a frame begins with. Its lines are made where they are written."""

    header: Header
    checkpoint: Checkpoint
    entries: Sequence[CheckpointEntry]
    evidence: Sequence[AnyLine]

    def lines(self) -> Iterator[AnyLine]:
        """Yield its lines, in their order."""
        yield self.header
        yield self.checkpoint
        for one in self.entries:
            entry, was_masked = masked(one.entry)
            yield entry_line(entry, one.seen, one.value_seen, masked=was_masked)
        yield from self.evidence


class RecordingWriter:
    """Appends lines to a recording."""

    def __init__(
        self,
        path: Path,
        bounds: RecordingBounds,
        *,
        clock: Callable[[], float],
        notify: Callable[[str], None],
        files: PartFiles | None = None,
        flush_interval: float = FLUSH_INTERVAL,
        most_waiting: int = MOST_WAITING,
        grace: float = GRACE,
    ) -> None:
        """`clock`: POSIX seconds. `notify`: called with sentences, from any thread. `files`: writes
        to these instead of those at `path`."""
        self.files = files or PartFiles(path, bounds, clock=clock, notify=notify)
        self._notify = notify
        self._flush_interval = flush_interval
        self._most_waiting = most_waiting
        self._grace = grace
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._failed = asyncio.Event()
        self._hurry = threading.Event()
        """Set where lines are to be written at once."""
        self._news = threading.Condition()
        """Guards all that follows up to the next blank line."""
        self._waiting: deque[bytes | tuple[NewFrame, Wanted]] = deque()
        self._weight = 0
        """Bytes of lines that wait."""
        self._is_writing = False
        self._is_closed = False
        self._wanted = Wanted.PART
        self._asked = False
        """Whether what is wanted was put already."""

        self.failure: CannotRecord | None = None
        """Why nothing is written any more. None: it is."""
        self._packer = _packer()
        self._checkpoint = 0
        """Bytes of the lines of the last checkpoint."""
        self._changes = 0
        """Bytes of the lines since then."""
        self._thread: threading.Thread | None = None

    async def check(self) -> None:
        """Raise `CannotRecord` if it is known already that nothing can be written."""
        await asyncio.to_thread(self._checked)

    def _checked(self) -> None:
        try:
            self.files.check()
        except OSError as error:
            raise CannotRecord(self.files.path, reason_of(error)) from error

    @property
    def wanted(self) -> Wanted:
        """Return what the next lines are to begin with: put it with `begin`."""
        with self._news:
            return Wanted.NOTHING if self._asked else self._wanted

    def begin(self, frame: NewFrame) -> None:
        """Begin a frame, in a new file if that is wanted. The lines put before come before it."""
        with self._news:
            self._waiting.append((frame, self._wanted))
            self._asked = True
            self._news.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="dyntop-record", daemon=True)
            self._thread.start()

    def put(self, *lines: AnyLine) -> None:
        """Append lines. Never waits."""
        text = b"".join(map(encode, lines))
        with self._news:
            is_first = not self._waiting
            self._waiting.append(text)
            self._weight += len(text)
            if self._weight >= self._most_waiting:
                self._room.clear()
                self._hurry.set()
            if is_first:
                self._news.notify_all()

    @property
    def has_room(self) -> bool:
        """Return whether there is room for more lines."""
        return self._room.is_set()

    async def room(self) -> None:
        """Wait until there is room for more lines. Raises `CannotRecord` if nothing is written any
        more."""
        await self._room.wait()
        if self.failure is not None:
            raise self.failure

    async def until_written(self) -> None:
        """Wait until all that was put is in the file, or cannot be written."""
        await asyncio.to_thread(self._wait_until_written)

    def _wait_until_written(self) -> None:
        with self._news:
            self._news.wait_for(lambda: self.failure or not (self._waiting or self._is_writing))

    async def until_failed(self) -> CannotRecord:
        """Wait until nothing can be written any more, and return why."""
        await self._failed.wait()
        assert self.failure is not None
        return self.failure

    async def close(self, *last: AnyLine) -> None:
        """Append the last lines, and end the frame. Raises `CannotRecord` if not all was
        written."""
        if self._thread is None:
            return
        if last:
            self.put(*last)
        with self._news:
            self._is_closed = True
            self._hurry.set()
            self._news.notify_all()
        await asyncio.to_thread(self._thread.join, self._grace)
        if self.failure is not None:
            raise self.failure
        if self._thread.is_alive():
            reason = "the disk did not take the last lines in time"
            raise CannotRecord(self.files.path, reason)

    # --- in the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._write_some():
                pass
            self._write(self._packer.flush(ZstdCompressor.FLUSH_FRAME))
            self.files.sync()
        except CannotRecord as failure:
            self._fail(failure)
        except OSError as error:
            self._fail(CannotRecord(self.files.path, reason_of(error)))
        except Exception as error:
            # A fault in here must not end it silently.
            problem = f"an error in dyntop itself, {type(error).__name__}"
            self._fail(CannotRecord(self.files.path, problem))
            raise
        finally:
            with suppress(OSError):
                self.files.close()

    def _write_some(self) -> bool:
        """Write what waits. Returns whether more may come."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._is_closed)
        # Not with the condition: each line that comes would wake this thread.
        self._hurry.wait(self._flush_interval)
        with self._news:
            some, self._waiting = self._waiting, deque()
            self._is_writing = True
            closed = self._is_closed
            if not closed:
                self._hurry.clear()
        weight = 0
        packed = bytearray()
        while some:
            one = some.popleft()
            if isinstance(one, bytes):
                packed += self._packer.compress(one)
                self._changes += len(one)
                weight += len(one)
            else:
                self._write(bytes(packed))
                packed.clear()
                self._begin(*one)
        self._write(bytes(packed) + self._packer.flush(ZstdCompressor.FLUSH_BLOCK))
        self.files.drop_old()
        self._take_stock(weight)
        return not closed

    def _begin(self, frame: NewFrame, wanted: Wanted) -> None:
        files = self.files
        if files.size:
            self._write(self._packer.flush(ZstdCompressor.FLUSH_FRAME))
            files.sync()
        if wanted is Wanted.PART:
            if files.lost_its_name:
                self._notify(f"{files.path} was moved or removed: another is begun")
            files.begin()
        start = files.size
        self._packer = _packer()
        self._checkpoint = self._changes = 0
        packed = bytearray()
        try:
            for line in frame.lines():
                text = encode(line)
                self._checkpoint += len(text)
                packed += self._packer.compress(text)
                if len(packed) >= _STEP:
                    self._write(bytes(packed))
                    packed.clear()
            self._write(bytes(packed) + self._packer.flush(ZstdCompressor.FLUSH_BLOCK))
        except (CannotRecord, OSError):
            # Half of a checkpoint is of no use. What was written before ends with a whole frame.
            files.cut(start)
            raise
        files.name_it()
        with self._news:
            self._wanted, self._asked = Wanted.NOTHING, False

    def _write(self, packed: bytes) -> None:
        self.files.write(packed)

    def _take_stock(self, weight: int) -> None:
        """Take in that lines of so many bytes were written."""
        wanted = Wanted.NOTHING
        if self._changes >= max(LEAST_CHANGES, CHANGES_SHARE * self._checkpoint):
            wanted = Wanted.FRAME
        if self.files.is_full:
            wanted = Wanted.PART
        with self._news:
            self._wanted = wanted
            self._weight -= weight
            self._is_writing = False
            self._news.notify_all()
            has_room = self._weight < self._most_waiting
        if has_room and not self._room.is_set():
            self._call(self._room.set)

    def _fail(self, failure: CannotRecord) -> None:
        with self._news:
            self.failure = failure
            self._news.notify_all()

        def wake() -> None:
            self._failed.set()
            self._room.set()

        self._call(wake)

    def _call(self, call: Callable[[], None]) -> None:
        # The loop may be closed by now.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)


def _packer() -> ZstdCompressor:
    # The sum tells damage of the disk from what dyntop wrote.
    return ZstdCompressor(
        options={
            CompressionParameter.compression_level: _LEVEL,
            CompressionParameter.checksum_flag: 1,
        }
    )
