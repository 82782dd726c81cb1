"""The line of a timeline: whether it plays and how fast, what time it is, and where in the range
that is, with marks where something happened."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, unique

import msgspec

from tui.text.charts.chart_line import ChartLine, ChartPiece, cells_of, line_of, padded
from tui.text.format import duration
from tui.text.timeline.times import has_several_days, time_text
from tui.text.timeline.track import Mark, Track

LEAST_TRACK = 12
"""Cells below which something else is left out for it."""


@unique
class Playing(Enum):
    """Whether it plays: its sign, its word, and its tone."""

    PAUSED = ("❚❚", "paused", "warn")
    PLAYING = ("►", "playing", "good")
    ENDED = ("■", "at the end", "dim")


MARKS = {
    Mark.CHANGE: ("·", ""),
    Mark.GAP: ("╌", "dim"),
    Mark.REMOVAL: ("†", "warn"),
    Mark.DEATH: ("✗", "bad"),
}
"""The sign and the tone of each. Nothing: a line, which is thick as far as it was played."""
POSITION = "◆"


class BarState(msgspec.Struct, frozen=True):
    """All that the line shows."""

    playing: Playing
    speed: float
    now: float
    """The place where it is: POSIX seconds, without times how many changes were before it."""
    start: float
    end: float
    has_times: bool
    change: int
    """How many changes were up to here."""
    changes: int | None
    """How many there are. None: they were not all counted yet."""
    kept_speed: float | None = None
    """How fast it really goes, if reading takes longer. None: as fast as it should."""
    to_change: float | None = None
    """Seconds of the timeline until the next change. None: there is none."""
    knows_next: bool = True
    """Whether that is known."""


MarksOf = Callable[[int], bytes]
"""From a number of cells to the mark of each."""


def bar(state: BarState, cells: int, marks: MarksOf) -> ChartLine:
    """Return the line, in just so many cells. The least important is left out where there is no
    room."""
    for left, right in _layouts(state):
        room = cells - cells_of(left) - cells_of(right)
        if room >= LEAST_TRACK:
            return line_of(*left, *_track(state, room, marks(room)), *right)
    sign = line_of(ChartPiece(state.playing.value[0], state.playing.value[2]))
    return padded(sign, cells) if cells_of(sign) <= cells else ()


def _layouts(state: BarState) -> list[tuple[ChartLine, ChartLine]]:
    """Return what stands before and behind the track, the fullest first."""
    long, short, least = _playing(state, 2), _playing(state, 1), _playing(state, 0)
    counts_long, counts = _changes(state)
    if not state.has_times:
        return [
            ((*long, _gap(2)), (counts_long,)),
            ((*short, _gap(1)), (counts,)),
            ((*least, _gap(1)), ()),
        ]
    dated = has_several_days(state.start, state.end)
    start, now, end = (time_text(at, with_date=dated) for at in (state.start, state.now, state.end))
    time = ChartPiece(now, "title")
    begins, ends = ChartPiece(f"{start} ", "dim"), ChartPiece(f" {end}", "dim")
    next_long, next_short = _next_change(state)
    return [
        ((*long, _gap(2), time, _gap(2), begins), (ends, next_long, counts_long)),
        ((*short, _gap(1), time, _gap(2), begins), (ends, next_short, counts)),
        ((*short, _gap(1), time, _gap(2), begins), (ends, counts)),
        ((*least, _gap(1), time, _gap(2), begins), (ends, counts)),
        ((*least, _gap(1), time, _gap(1)), (counts,)),
        ((*least, _gap(1), time, _gap(1)), ()),
    ]


def _changes(state: BarState) -> tuple[ChartPiece, ChartPiece]:
    """Return which change it is of how many, in words and in brief."""
    if state.changes is None:
        return ChartPiece("  counting changes", "dim"), ChartPiece("")
    number = f"{state.change:,}".rjust(len(f"{state.changes:,}"))
    return (
        ChartPiece(f"  change {number} of {state.changes:,}", "dim"),
        ChartPiece(f" {number}/{state.changes:,}", "dim"),
    )


def _playing(state: BarState, words: int) -> ChartLine:
    """Return how it plays. `words`: 0 to 2, from signs only to words. Always as wide, so that the
    track stays where it is."""
    sign, word, tone = state.playing.value
    speed = f"{state.speed:g}×"
    kept = "" if state.kept_speed is None else f"{_rounded(state.kept_speed):g}×"
    if words == 0:
        return padded(line_of(ChartPiece(f"{sign:<2} {kept or speed}", tone)), len("►  600×"))
    if words == 1:
        text = f"{sign:<2} {speed}" + (f", reads {kept}" if kept else "")
        return padded(line_of(ChartPiece(text, tone)), len("►  600×"))
    text = f"{sign:<2} {word} {speed}" + (f", reads no faster than {kept}" if kept else "")
    return padded(line_of(ChartPiece(text, tone)), len("❚❚ at the end 600×"))


def _rounded(speed: float) -> float:
    """Return a speed that changes all the time as one that can be read."""
    return round(speed, 1 if speed < 10 else 0)


def _next_change(state: BarState) -> tuple[ChartPiece, ChartPiece]:
    """Return in how much of the timeline's time something changes, in words and in brief."""
    if not state.knows_next:
        long = short = ""
    elif state.to_change is None:
        long, short = "no later change", "last"
    else:
        wait = duration(state.to_change)
        long, short = f"next change in {wait}", f"next {wait}"
    return ChartPiece(f"  {long:<18}", "dim"), ChartPiece(f" {short:<8}", "dim")


def _track(state: BarState, cells: int, marks: bytes) -> ChartLine:
    at = Track(state.start, state.end).cell(state.now, cells)
    pieces = []
    for cell, mark in enumerate(marks):
        if cell == at:
            pieces.append(ChartPiece(POSITION, "title"))
        elif mark:
            pieces.append(ChartPiece(*MARKS[Mark(mark)]))
        else:
            pieces.append(ChartPiece("━", "accent") if cell < at else ChartPiece("─", "dim"))
    return line_of(*pieces)


def _gap(cells: int) -> ChartPiece:
    return ChartPiece(" " * cells)
