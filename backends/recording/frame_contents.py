"""Make steps of the lines of a frame. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.recording.entry_lines import (
    delete_of,
    drain_mark_of,
    entry_of,
    lease_ttl_of,
    lost_of,
    probe_result_of,
    seen_of,
    value_seen_of,
)
from backends.recording.frames import Limits
from backends.recording.lines import (
    FORMAT,
    AliveLine,
    AnyLine,
    BadLine,
    Checkpoint,
    DeleteLine,
    DrainsLine,
    EndLine,
    EntryLine,
    GapLine,
    Header,
    LeaseReading,
    LeasesLine,
    LostLine,
    MetricsLine,
    ProbesLine,
    PutLine,
    decode,
)
from backends.recording.recorded_figures import figures_of, times_in
from backends.recording.zstd import ZstdError
from backends.store import Delete, Entry, Heartbeat, Put, Resync, StoreEvent
from backends.timeline import (
    LATEST,
    DrainsRead,
    FiguresRead,
    LeasesRead,
    Moment,
    ProbesMade,
    Step,
    Stepped,
    StoreEvents,
)

_STEP_BITS = 32


class FrameEnd(StrEnum):
    """How a frame ends."""

    WHOLE = "whole"
    """Its state is that of the next frame's checkpoint."""
    ENDED = "ended"
    """The recording ended in order."""
    CUT = "cut"
    """It was cut off, or is damaged from there on, or is still being written."""


class BadFrame(Exception):
    """A frame lacks what all that follows is based on. `problem` is a clause."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class FrameContent(msgspec.Struct, frozen=True):
    """All that a frame says."""

    base: Moment
    entries: Resync
    """At `base`."""
    first_seen: Mapping[bytes, FirstSeen]
    value_seen: Mapping[bytes, FirstSeen]
    """When their present values were first seen, where that was later than the keys."""
    evidence: Sequence[Step]
    """What was known beside the entries at `base`."""
    steps: Sequence[Stepped]
    """All that follows. The step of number n leads to the moment of number `base.number` + n."""
    final: Mapping[bytes, Entry]
    """The entries after the last step."""
    is_lost: bool
    """Whether the store could not be reached after the last step."""
    ending: FrameEnd
    damage: str = ""
    """What is wrong after the last step, as a clause. Empty: nothing."""

    @property
    def last(self) -> Moment:
        """The last moment."""
        return self.steps[-1].moment if self.steps else self.base


def number_of(frame: int, step: int = 0) -> int:
    """Return the number of a moment: of the step of that number in a frame. 0: its checkpoint."""
    return frame << _STEP_BITS | step


def frame_and_step(number: int) -> tuple[int, int]:
    """Return the frame and step of a moment's number."""
    return number >> _STEP_BITS, number & ((1 << _STEP_BITS) - 1)


def changes_entries(step: Step) -> bool:
    """Return whether a step changes what is registered, as far as is known."""
    return isinstance(step, StoreEvents) and any(
        isinstance(event, Put | Delete | Resync) for event in step.events
    )


def head_of(lines: Iterator[bytes]) -> tuple[Header, Checkpoint]:
    """Return the first two lines of a frame. Raises `BadFrame`."""
    header = _next(lines, without_any="it ends before its first line does")
    checkpoint = _next(lines)
    if not isinstance(header, Header):
        raise BadFrame("it is not a recording of dyntop: its first line is another")
    if header.format != FORMAT:
        raise BadFrame(
            f"its format is {header.format}, and this dyntop reads {FORMAT}: update dyntop"
            if header.format > FORMAT
            else f"its format {header.format} is none of dyntop"
        )
    if not isinstance(checkpoint, Checkpoint):
        raise BadFrame("a frame does not begin with what is registered")
    try:
        _check_times(header.at, header.started, checkpoint.at)
    except BadLine as error:
        raise BadFrame(str(error)) from error
    return header, checkpoint


def content_of(
    lines: Iterator[bytes], number: int, limits: Limits, *, is_whole: bool
) -> FrameContent:
    """Return what a frame says, up to where it is cut off or damaged.

    `number`: of the frame. `is_whole`: whether it has an end. Raises `BadFrame` if not even all of
    its checkpoint is there, `BadRecording` from `lines`.
    """
    header, checkpoint = head_of(lines)
    reading = _Reading(lines, number, checkpoint, limits, is_whole=is_whole)
    if header.metrics == ():
        reading.has_no_figures(header.at)
    reading.read_entries()
    reading.read_steps()
    return reading.content()


class _Reading:
    """Reads one frame, and keeps the entries as they are after each line."""

    def __init__(
        self,
        lines: Iterator[bytes],
        number: int,
        checkpoint: Checkpoint,
        limits: Limits,
        *,
        is_whole: bool,
    ) -> None:
        self._lines = lines
        self._number = number
        self._checkpoint = checkpoint
        self._limits = limits
        self._ending = FrameEnd.WHOLE if is_whole else FrameEnd.CUT
        self._damage = "" if is_whole else "it is cut off, or still being written"
        self._now: dict[bytes, Entry] = {}
        self._entries: tuple[Entry, ...] = ()
        self._first_seen: dict[bytes, FirstSeen] = {}
        self._value_seen: dict[bytes, FirstSeen] = {}
        self._evidence: list[Step] = []
        self._steps: list[Stepped] = []
        self._revision = checkpoint.revision
        self._is_lost = False
        self._resynced = 0
        self._taken = 0
        self._most_steps = limits.steps + limits.steps_of_entry * max(0, checkpoint.entries)
        self._group: list[StoreEvent] = []
        """Changes of one moment."""
        self._group_at: tuple[float | None, str] = (None, "")

    def has_no_figures(self, at: float) -> None:
        """Take in that this recorder scrapes nothing: figures from before are of another recorder,
        and count no more."""
        self._evidence.append(FiguresRead(at=at, is_all=True))

    def read_entries(self) -> None:
        """Read the entries of the checkpoint. Raises `BadFrame`."""
        number = self._checkpoint.entries
        if not 0 <= number <= self._limits.entries:
            raise BadFrame(f"it has more than {self._limits.entries:,} entries")
        for _ in range(number):
            line = _next(self._lines)
            if not isinstance(line, EntryLine):
                raise BadFrame("a frame has fewer entries than it says")
            try:
                self._read_entry(line)
            except BadLine as error:
                raise BadFrame(f"an entry cannot be read: {error}") from error
        self._entries = _sorted(self._now)

    def _read_entry(self, line: EntryLine) -> None:
        _check_times(line.seen, line.value_seen, line.expired_at)
        entry = entry_of(line)
        self._now[entry.key] = entry
        if (seen := seen_of(line)) is not None:
            self._first_seen[entry.key] = seen
            if (value_seen := value_seen_of(line)) is not None and value_seen != seen:
                self._value_seen[entry.key] = value_seen

    def read_steps(self) -> None:
        """Read all that follows the checkpoint, up to where that is not possible any more."""
        try:
            while (line := self._next()) is not None:
                self._take(line)
                if isinstance(line, EndLine):
                    self._ending, self._damage = FrameEnd.ENDED, ""
                    break
        except BadLine as error:
            if self._ending is FrameEnd.WHOLE:
                self._ending, self._damage = FrameEnd.CUT, f"it is damaged: {error}"
        self._end_group()

    def content(self) -> FrameContent:
        """Return what was read."""
        checkpoint = self._checkpoint
        return FrameContent(
            Moment(number_of(self._number), checkpoint.revision, checkpoint.at),
            Resync(self._entries, checkpoint.revision, checkpoint.unread),
            self._first_seen,
            self._value_seen,
            self._evidence,
            self._steps,
            self._now,
            self._is_lost,
            self._ending,
            self._damage,
        )

    def _next(self) -> AnyLine | None:
        """Return the next line of a known kind. None: there is none. Raises `BadLine`."""
        try:
            for text in self._lines:
                if (line := decode(text)) is not None:
                    return line
        except ZstdError as error:
            raise BadLine("it cannot be unpacked") from error
        return None

    def _take(self, line: AnyLine) -> None:
        """Make a step of a line. Raises `BadLine`."""
        self._taken += 1
        if self._taken > self._most_steps:
            raise BadLine(f"it has more than {self._most_steps:,} steps in one frame")
        match line:
            case PutLine() | DeleteLine():
                _check_times(line.at)
                self._change(line, (line.at, line.revision))
            case GapLine():
                _check_times(line.at)
                self._gap(line)
            case LeasesLine() | ProbesLine() | DrainsLine() | MetricsLine():
                self._evidence_came(line.at, _evidence_of(line))
            case LostLine():
                _check_times(line.at)
                self._is_lost = True
                self._evidence_came(line.at, StoreEvents((lost_of(line),)))
            case AliveLine() | EndLine():
                _check_times(line.at)
                events = () if self._is_lost or isinstance(line, EndLine) else (Heartbeat(),)
                self._step(line.at, StoreEvents(events))
            case Header() | Checkpoint() | EntryLine():
                raise BadLine("a checkpoint begins where none may")

    def _change(self, line: PutLine | DeleteLine, at: tuple[float | None, str]) -> None:
        event = self._changed(line)
        if not self._group or at != self._group_at or at == (None, ""):
            self._end_group()
            self._group_at = at
        self._group.append(event)

    def _changed(self, line: PutLine | DeleteLine) -> Put | Delete:
        """Change the entries as a line says."""
        if isinstance(line, DeleteLine):
            gone = delete_of(line)
            self._now.pop(gone.key, None)
            return gone
        _check_times(line.expired_at)
        entry = entry_of(line)
        if len(self._now) >= self._limits.entries and entry.key not in self._now:
            raise BadLine(f"it has more than {self._limits.entries:,} entries")
        self._now[entry.key] = entry
        return Put(entry)

    def _end_group(self) -> None:
        """Make a step of the changes of one moment."""
        if self._group:
            events, self._group = tuple(self._group), []
            at, revision = self._group_at
            self._append(at, StoreEvents(events), revision)

    def _gap(self, gap: GapLine) -> None:
        self._end_group()
        before = dict(self._now) if gap.changes else self._now
        try:
            for _ in range(gap.changes):
                line = self._next()
                if not isinstance(line, PutLine | DeleteLine):
                    raise BadLine("fewer changes follow a gap than it says")
                self._changed(line)
            self._resynced += len(self._now)
            if self._resynced > self._limits.resynced:
                raise BadLine("it has more gaps than can be")
        except BadLine:
            # A part of them was never the state of the store.
            self._now = before
            raise
        self._is_lost = False
        entries = Resync(_sorted(self._now), gap.revision, gap.unread)
        self._append(gap.at, StoreEvents((entries,)), gap.revision)

    def _evidence_came(self, at: float, step: Step) -> None:
        """Make a step of what was learnt, or take it for known at the checkpoint."""
        _check_times(at)
        known = self._checkpoint.at
        if not self._steps and not self._group and (known is None or at <= known):
            self._evidence.append(step)
        else:
            self._step(at, step)

    def _step(self, at: float | None, step: Step) -> None:
        self._end_group()
        self._append(at, step)

    def _append(self, at: float | None, step: Step, revision: str = "") -> None:
        self._revision = revision or self._revision
        number = number_of(self._number, len(self._steps) + 1)
        self._steps.append(Stepped(Moment(number, self._revision, at), step))


def figures_in(lines: Iterator[bytes]) -> list[FiguresRead]:
    """Return what was scraped, as the lines of a frame say up to where that can be read."""
    found: list[FiguresRead] = []
    try:
        for text in lines:
            # All others need not be read.
            if b'"metrics"' in text and isinstance(line := decode(text), MetricsLine):
                _check_times(*times_in(line))
                found.append(figures_of(line))
    except (BadLine, ZstdError):
        pass
    return found


def _evidence_of(line: LeasesLine | ProbesLine | DrainsLine | MetricsLine) -> Step:
    match line:
        case LeasesLine():
            for reading in line.leases:
                _check_reading(reading)
                if (earlier := reading.earlier) is not None:
                    _check_reading(earlier)
                    if earlier.earlier is not None:
                        raise BadLine("a reading is earlier than the earlier one")
            return LeasesRead(dict(map(lease_ttl_of, line.leases)))
        case ProbesLine():
            _check_times(*(reading.at for reading in line.probes))
            return ProbesMade(tuple(map(probe_result_of, line.probes)))
        case DrainsLine():
            _check_times(*(reading.at for reading in line.drains))
            return DrainsRead(dict(map(drain_mark_of, line.drains)))
        case MetricsLine():
            _check_times(*times_in(line))
            return figures_of(line)


def _next(lines: Iterator[bytes], without_any: str = "") -> AnyLine | None:
    """Return the next line of a known kind. None: there is none. Raises `BadFrame`: also with
    `without_any`, if there is no line of any kind."""
    try:
        for text in lines:
            without_any = ""
            if (line := decode(text)) is not None:
                return line
    except ZstdError as error:
        raise BadFrame("it is damaged: it cannot be unpacked") from error
    except BadLine as error:
        raise BadFrame(f"it is damaged: {error}") from error
    if without_any:
        raise BadFrame(without_any)
    return None


def _check_times(*times: float | None) -> None:
    """Raise `BadLine` for what no calendar has."""
    for at in times:
        if at is not None and not 0.0 <= at <= LATEST:
            raise BadLine("a time is none")


def _check_reading(reading: LeaseReading) -> None:
    """Raise `BadLine` for seconds that are longer than all of time."""
    _check_times(reading.at)
    for number in (reading.remaining, reading.granted, reading.reset_ago):
        if number is not None and not (math.isfinite(number) and abs(number) <= LATEST):
            raise BadLine("a number of seconds is none")


def _sorted(entries: Mapping[bytes, Entry]) -> tuple[Entry, ...]:
    return tuple(entries[key] for key in sorted(entries))
