"""The rows of the tab Overview, and how many of each part there is room for. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum

import msgspec

from tui.state.column import Cell


class OverviewPart(StrEnum):
    """The parts, in their order."""

    WRONG = "wrong"
    MODELS = "models"
    EVENTS = "events"


class RowKind(StrEnum):
    """What a row is, besides the part that it is in."""

    LINE = "line"
    TITLE = "title"
    """The titles of a part's columns."""
    REMARK = "remark"
    """A sentence over all columns."""
    BLANK = "blank"


class OverviewRow(msgspec.Struct, frozen=True):
    """A line of a part, or a title above it."""

    key: Hashable
    part: OverviewPart
    kind: RowKind
    cells: Mapping[str, Cell] = msgspec.field(default_factory=dict)
    """By column. Of a remark: one, `text`."""

    @property
    def can_be_selected(self) -> bool:
        return self.kind in (RowKind.LINE, RowKind.REMARK)


def divide(room: int, wrong: int, models: int, events: int) -> tuple[int, int, int]:
    """Return how many lines each part gets of `room`: what is wrong first, then models, then
    events. The arguments are the lines that each would have; with too little room a part gets
    fewer, of which the last one tells how many are left out."""
    # Beside many findings the others keep a few lines.
    kept_models = min(models, 3, max(1, room // 4))
    kept_events = min(events, 2, max(1, room // 6))
    for_wrong = min(wrong, max(1, room - kept_models - kept_events))
    for_models = min(models, max(0, room - for_wrong - kept_events))
    for_events = min(events, max(0, room - for_wrong - for_models))
    return for_wrong, for_models, for_events


def cut(lines: Sequence[OverviewRow], room: int, number: int, more: str) -> list[OverviewRow]:
    """Return the lines that there is room for; of too many, the last says how many there are more.
    `number`: of lines in all, of which the first are given. `more`: what follows that number."""
    if number <= room or not lines:
        return list(lines)
    kept = lines[: max(0, room - 1)]
    part = lines[0].part
    return [*kept, remark(part, f"… and {number - len(kept):,} more{more}", ("more", part))]


def remark(
    part: OverviewPart, text: str, key: Hashable, tone: str = "dim", lead: str = ""
) -> OverviewRow:
    """Return a row with a sentence."""
    return OverviewRow(key, part, RowKind.REMARK, {"text": Cell(text, tone, lead)})


def title_of(part: OverviewPart) -> OverviewRow:
    return OverviewRow(("title", part), part, RowKind.TITLE)


def blank_above(part: OverviewPart) -> OverviewRow:
    return OverviewRow(("blank", part), part, RowKind.BLANK)
