"""Open a recording with all its parts, and read its frames when they are asked for.

Of what was not asked for only where it is and when it begins is kept. Blocks: call it in a thread.
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

import msgspec
from msgspec.structs import replace

from backends.recording.errors import BadRecording, NotRecorded
from backends.recording.frame_contents import (
    BadFrame,
    FrameContent,
    FrameEnd,
    content_of,
    figures_in,
    head_of,
)
from backends.recording.frames import LIMITS, Frame, Limits, RecordingFile
from backends.recording.lines import Checkpoint, Header
from backends.store import Lifetime, Lost
from backends.timeline import FiguresRead, Moment, Stepped, StoreEvents

_KEPT = 3
"""Read frames that are kept: that of a view, its neighbours."""
_CUT_END = "its end is cut off, or still being written"


class FrameHead(msgspec.Struct, frozen=True):
    """Where a frame is, and how it begins."""

    file: RecordingFile
    frame: Frame
    header: Header
    checkpoint: Checkpoint
    is_broken_after: bool = False
    """Whether what follows it in its file cannot be read."""


class Recording:
    """A recording: frames in the order of their times."""

    def __init__(self, path: str, limits: Limits = LIMITS) -> None:
        """Raises `BadRecording`."""
        self.path = path
        self._limits = limits
        self._read: OrderedDict[int, FrameContent] = OrderedDict()
        self.heads, self.damage = _heads(path, limits)
        """`damage`: what is wrong with the file, as a clause. Empty: nothing is known to be."""
        header = self.header
        try:
            self.lifetime = Lifetime(header.lifetime)
        except ValueError as error:
            problem = "keys of its store live by rules that this dyntop does not know"
            raise BadRecording(path, problem) from error
        self._without_bad_end()
        self.has_figures = self._has_figures()
        """Whether servers were scraped. Of a recording whose headers do not say so: whether its
        first or its last frame has figures."""

    @property
    def header(self) -> Header:
        """The header of its first frame."""
        return self.heads[0].header

    def content(self, number: int, *, keep: bool = True) -> FrameContent:
        """Return what a frame says. `keep`: it will be asked for again. Raises `BadRecording`."""
        if (found := self._read.get(number)) is not None:
            self._read.move_to_end(number)
            return found
        try:
            content = self._content(number)
        except BadFrame as error:
            raise BadRecording(self.heads[number].file.path, error.problem) from error
        if keep:
            self._read[number] = content
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return content

    def figures(self, number: int) -> list[FiguresRead]:
        """Return what was scraped, as a frame says. Its entries are not read."""
        head = self.heads[number]
        if head.header.metrics == ():
            return [FiguresRead(at=head.header.at, is_all=True)]
        try:
            return figures_in(head.file.lines(head.frame, self._limits))
        except BadRecording:
            # Whoever reads all of the frame is told.
            return []

    def _has_figures(self) -> bool:
        said = [one.header.metrics for one in self.heads]
        if any(said) or None not in said:
            return any(said)
        return any(
            head.header.metrics is None and any(one.rows for one in self.figures(number))
            for number, head in enumerate(self.heads)
            if number in (0, len(self.heads) - 1)
        )

    def crossing(self, number: int) -> list[Stepped]:
        """Return the steps that lead from the end of the frame before to the begin of a frame: none
        of entries if both have the same. Raises `BadRecording`."""
        before, content = self.content(number - 1), self.content(number)
        steps: list[Stepped] = []
        is_lost = any(is_loss(step) for step in content.evidence)
        if (
            before.is_lost != is_lost
            or before.ending is not FrameEnd.WHOLE
            or dict(before.final) != {entry.key: entry for entry in content.entries.entries}
        ):
            steps.append(Stepped(content.base, StoreEvents((content.entries,))))
        steps += (Stepped(content.base, step) for step in content.evidence)
        return steps

    def follows_gap(self, number: int) -> bool:
        """Return whether nothing was recorded for a while before a frame."""
        return number > 0 and self.content(number - 1).ending is not FrameEnd.WHOLE

    def _content(self, number: int) -> FrameContent:
        head = self.heads[number]
        lines = head.file.lines(head.frame, self._limits)
        content = content_of(lines, number, self._limits, is_whole=head.frame.is_whole)
        if number + 1 == len(self.heads):
            return content
        is_same_run = self.heads[number + 1].header.started == head.header.started
        if content.ending is FrameEnd.WHOLE and is_same_run and not head.is_broken_after:
            return content
        return _ended(content)

    def _without_bad_end(self) -> None:
        """Drop the last frame if not even its checkpoint is whole."""
        last = len(self.heads) - 1
        try:
            content = self._content(last)
        except BadFrame as error:
            if not last:
                raise BadRecording(self.heads[0].file.path, error.problem) from error
            self.heads.pop()
            self.damage = self.damage or _CUT_END
        else:
            self._read[last] = content
            self.damage = self.damage or content.damage


def _ended(content: FrameContent) -> FrameContent:
    """Return a frame after which nothing was recorded for a while: the store is lost to it."""
    last = content.last
    step = StoreEvents((Lost(NotRecorded()),))
    lost = Stepped(Moment(last.number + 1, last.revision, last.at), step)
    ending = FrameEnd.CUT if content.ending is FrameEnd.WHOLE else content.ending
    return replace(content, steps=[*content.steps, lost], is_lost=True, ending=ending)


def is_loss(step: object) -> bool:
    """Return whether the store cannot be reached from a step on, or nothing is recorded."""
    return isinstance(step, StoreEvents) and any(isinstance(one, Lost) for one in step.events)


def _heads(path: str, limits: Limits) -> tuple[list[FrameHead], str]:
    """Return the frames of a recording and its parts, in their order, and what is wrong at their
    end."""
    first = _heads_of(RecordingFile(path), limits)
    parts, known = [first], {first[0][0].file.identity}
    for other in _paths_of_parts(path, limits):
        # Another file of that name is no part of it, and a part may be renamed at any time.
        with suppress(BadRecording):
            file = RecordingFile(other)
            if file.identity in known:
                file.close()
                continue
            known.add(file.identity)
            part = _heads_of(file, limits)
            if _is_of(part[0][0].header) == _is_of(first[0][0].header):
                parts.append(part)
    parts.sort(key=lambda part: (part[0][0].header.started, part[0][0].header.at))
    found = [head for part, _ in parts for head in part]
    if len(found) > limits.frames:
        raise BadRecording(path, f"it has more than {limits.frames:,} frames")
    return found, parts[-1][1]


def _is_of(header: Header) -> tuple[object, ...]:
    """Return what the parts of one recording have alike. The recorder may have been started
    again."""
    return (header.store, header.address, header.lifetime, header.namespace)


def _paths_of_parts(path: str, limits: Limits) -> Iterator[str]:
    """Yield the paths `FILE.1`, `FILE.2` and so on that there are."""
    folder, name = os.path.split(path)
    pattern = re.compile(re.escape(name) + r"\.[1-9][0-9]{0,8}")
    found = []
    try:
        with os.scandir(folder or os.curdir) as there:
            found = [one.name for one in there if pattern.fullmatch(one.name)]
    except OSError:
        return
    found.sort(key=lambda one: int(one.rpartition(".")[2]))
    for one in found[: limits.parts]:
        yield os.path.join(folder, one)


def _heads_of(file: RecordingFile, limits: Limits) -> tuple[list[FrameHead], str]:
    """Return the frames of a file up to the first bad one, and what is wrong."""
    frames, damage = file.frames(limits)
    heads: list[FrameHead] = []
    for frame in frames:
        lines = file.lines(frame, limits, few=True)
        try:
            header, checkpoint = head_of(lines)
        except BadFrame as error:
            if not heads:
                raise BadRecording(file.path, error.problem) from error
            damage = error.problem if frame.is_whole else _CUT_END
            break
        heads.append(FrameHead(file, frame, header, checkpoint))
    if damage:
        heads[-1] = replace(heads[-1], is_broken_after=True)
    return heads, damage
