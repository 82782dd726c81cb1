"""From lines to acts, and from acts to the workers that were drained. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from backends.removal.audit.act import Item, Operation, as_text
from backends.removal.audit.lines import OutcomeLine, RemovingLine, read_line
from backends.store import Entry, PutBack


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


class DrainedInstance(NamedTuple):
    """One endpoint instance that was taken out of routing and not put back since."""

    entry: Entry
    """As it was."""
    at: float
    """When, in POSIX seconds."""
    user: str
    host: str
    """By whom, and on which machine."""
    act_id: str
    """What `dyntop restore` puts back."""


def drained_in(acts: Iterable[Operation], store: str, address: str) -> list[DrainedInstance]:
    """Return what these acts drained at the store of a name and address, oldest act first.

    Of a key that was drained several times the last counts. Their workers may have ended since, or
    registered again: the records tell.
    """
    here = (store, as_text(address))
    found: dict[bytes, DrainedInstance] = {}
    for act in acts:
        if (act.store, act.address) != here:
            continue
        for item in act.items:
            key = item.entry.key
            found.pop(key, None)
            if act.kind == "drain" and _is_out(item):
                found[key] = DrainedInstance(item.entry, act.at, act.user, act.host, act.id)
    return list(found.values())


def _is_out(item: Item) -> bool:
    """Whether it was removed, as far as is known, and is not back."""
    back = item.restored in (PutBack.DONE, PutBack.THERE)
    return item.may_be_removed and not back
