"""From lines to acts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backends.removal.audit.act import Item, Operation
from backends.removal.audit.lines import OutcomeLine, RemovingLine, read_line


@dataclass(frozen=True, slots=True)
class Trail:
    """All that the audit holds."""

    acts: tuple[Operation, ...]
    """Oldest first."""
    unreadable: int
    """Lines left out: cut off by a crash, or of another version."""


def trail_of(lines: Iterable[bytes]) -> Trail:
    """The acts that lines tell of, oldest line first. A line that cannot be read is counted."""
    heads: dict[str, RemovingLine] = {}
    items: dict[str, dict[int, Item]] = {}
    unreadable = 0
    for content in lines:
        try:
            line = read_line(content)
            if isinstance(line, RemovingLine):
                items.setdefault(line.id, {})[line.item] = line.as_item()
                heads.setdefault(line.id, line)
                continue
        except ValueError:
            unreadable += 1
            continue
        # Of an act whose own lines are no longer kept there is nothing to say.
        of_act = items.get(line.id, {})
        for result in line.outcomes:
            if (item := of_act.get(result.item)) is None:
                continue
            of_act[result.item] = (
                item.with_outcome(result.outcome, result.problem)
                if isinstance(line, OutcomeLine)
                else item.with_restored(result.outcome, result.problem, line.at)
            )
    acts = (_act(head, tuple(items[act_id].values())) for act_id, head in heads.items())
    return Trail(tuple(acts), unreadable)


def _act(head: RemovingLine, items: tuple[Item, ...]) -> Operation:
    return Operation(
        head.id, head.at, head.kind, head.store, head.address, head.user, head.host, items
    )
