"""Take the last part of a recording out of it, as frames of lines. Blocks: call it in a thread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import asdict, replace

from backends.recording.errors import BadRecording
from backends.recording.frames import LIMITS
from backends.recording.lines import (
    AliveLine,
    AnyLine,
    BadLine,
    Checkpoint,
    DeleteLine,
    DrainsLine,
    EndLine,
    EntryLine,
    FigureReading,
    GapLine,
    Header,
    LeaseReading,
    LeasesLine,
    LostLine,
    MetricsLine,
    ProbeReading,
    ProbesLine,
    PutLine,
    decode,
)
from backends.recording.reader import FrameHead, Recording
from backends.recording.zstd import ZstdError

_ENTRY_MEMBERS = frozenset(EntryLine.__struct_fields__) & frozenset(PutLine.__struct_fields__)


def frames_since(
    recording: Recording, since: float, report: dict[str, Any]
) -> Iterator[Iterable[AnyLine]]:
    """Yield the frames of a recording from a time on, in POSIX seconds. The first begins with all
    that was known then. Each header gets the `report`. Raises `BadRecording`."""
    heads = recording.heads
    first = max((at for at, head in enumerate(heads) if head.header.at <= since), default=0)
    for number, head in enumerate(heads[first:]):
        lines = _lines(head)
        header, checkpoint = next(lines, None), next(lines, None)
        if not isinstance(header, Header) or not isinstance(checkpoint, Checkpoint):
            raise BadRecording(recording.path, "a frame does not begin as it should")
        header = replace(header, report=report)
        if number or header.at > since:
            yield [header, checkpoint, *lines]
        else:
            yield _Known(header, checkpoint).until(since, lines)


def _lines(head: FrameHead) -> Iterator[AnyLine]:
    """Yield the lines of a frame up to where it is cut off or damaged."""
    try:
        for text in head.file.lines(head.frame, LIMITS):
            if (line := decode(text)) is not None:
                yield line
    except (BadLine, ZstdError):
        return


class _Known:
    """All that is known at a moment, by the lines up to it."""

    def __init__(self, header: Header, checkpoint: Checkpoint) -> None:
        self._header = header
        self._checkpoint = checkpoint
        self._entries: dict[tuple[str, str], EntryLine] = {}
        self._leases: dict[tuple[str, str, str], LeaseReading] = {}
        self._probes: dict[tuple[str, str], ProbeReading] = {}
        self._drains: DrainsLine | None = None
        self._figures: dict[tuple[str, ...], FigureReading] = {}
        self._metrics: MetricsLine | None = None
        """The last line of figures. None: there was none."""
        self._lost: LostLine | None = None

    def until(self, since: float, lines: Iterator[AnyLine]) -> list[AnyLine]:
        """Return the lines of a frame that begins at a time, and goes on with those after it."""
        later: list[AnyLine] = []
        for line in lines:
            at = getattr(line, "at", None)
            if later or (at is not None and at > since and not isinstance(line, EntryLine)):
                later.append(line)
            else:
                self._take(line)
        checkpoint = replace(self._checkpoint, at=since, entries=len(self._entries))
        entries = [one for _, one in sorted(self._entries.items())]
        header = replace(self._header, at=since)
        return [header, checkpoint, *entries, *self._evidence(since), *later]

    def _take(self, line: AnyLine) -> None:
        match line:
            case EntryLine():
                self._entries[line.key, line.key_b64] = line
            case PutLine():
                self._put(line)
            case DeleteLine():
                self._entries.pop((line.key, line.key_b64), None)
                self._note(line.revision)
            case GapLine():
                self._lost = None
                self._note(line.revision)
                self._checkpoint = replace(self._checkpoint, unread=line.unread)
            case LostLine():
                self._lost = line
            case LeasesLine():
                for lease in line.leases:
                    self._leases[lease.lease, lease.key, lease.key_b64] = lease
            case ProbesLine():
                for probe in line.probes:
                    self._probes[probe.method, probe.address] = probe
            case DrainsLine():
                self._drains = line
            case MetricsLine():
                self._scraped(line)
            case Header() | Checkpoint() | AliveLine() | EndLine():
                pass

    def _scraped(self, line: MetricsLine) -> None:
        if line.whole:
            self._figures.clear()
        for key in line.gone:
            self._figures.pop(key, None)
        self._figures |= {row.of: row for row in line.rows}
        self._metrics = line

    def _put(self, line: PutLine) -> None:
        before = self._entries.get((line.key, line.key_b64))
        held = {name: value for name, value in asdict(line).items() if name in _ENTRY_MEMBERS}
        entry = EntryLine(**held)
        since = line.at is not None
        if before is None:
            entry = replace(entry, seen=line.at, since=since)
        elif (before.value, before.value_b64) == (line.value, line.value_b64):
            seen = before.value_seen, before.value_since
            entry = replace(entry, value_seen=seen[0], value_since=seen[1])
        else:
            entry = replace(entry, value_seen=line.at, value_since=since)
        if before is not None:
            entry = replace(entry, seen=before.seen, since=before.since)
        self._entries[line.key, line.key_b64] = entry
        self._note(line.revision)

    def _note(self, revision: str) -> None:
        if revision:
            self._checkpoint = replace(self._checkpoint, revision=revision)

    def _evidence(self, at: float) -> Iterator[AnyLine]:
        there = {entry.lease for entry in self._entries.values() if entry.lease}
        leases = [
            one
            for one in self._leases.values()
            if one.lease in there or (one.key, one.key_b64) in self._entries
        ]
        if leases:
            yield LeasesLine(at=at, leases=tuple(leases))
        if self._probes:
            yield ProbesLine(at=at, probes=tuple(self._probes.values()))
        if self._drains is not None:
            yield replace(self._drains, at=at)
        if (last := self._metrics) is not None:
            rows = tuple(self._figures.values())
            yield MetricsLine(at=last.at, rows=rows, silent=last.silent, whole=True)
        if self._lost is not None:
            yield self._lost
