"""From lines to acts, and from acts to the workers that were drained. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from backends.removal.audit.operation import Item, Operation, as_text
from backends.store import Entry, PutBack

if TYPE_CHECKING:
    from backends.removal.audit.lines import RemovingLine


class Trail(msgspec.Struct, frozen=True):
    """The contents of the audit."""

    acts: tuple[Operation, ...]
    """Oldest first."""
    unreadable: int
    """Lines left out: cut off by a crash, or of another version."""


def trail_of(lines: Iterable[bytes]) -> Trail:
    """Return the acts in these lines, oldest line first. Counts unreadable lines."""
    from backends.removal.audit.lines import OutcomeLine, RemovingLine, read_line

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
        # The act's own lines may no longer be kept: skip.
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
    """An endpoint instance that was drained and not put back since."""

    entry: Entry
    """The entry as removed."""
    at: float
    """When it was removed, in POSIX seconds."""
    user: str
    host: str
    """The author, and the author's machine."""
    act_id: str
    """The act to pass to `dyntop restore`."""


def drained_in(acts: Iterable[Operation], store: str, address: str) -> list[DrainedInstance]:
    """Return the instances drained by these acts at one store, oldest act first.

    Of a key that was drained several times the last counts. Their workers may have ended since, or
    registered again: the records show it.
    """
    here = (store, as_text(address))
    found: dict[bytes, DrainedInstance] = {}
    for act in acts:
        if (act.store, act.address) != here:
            continue
        for item in act.items:
            if item.label is not None:
                # The entry stayed.
                continue
            key = item.entry.key
            found.pop(key, None)
            if act.kind == "drain" and _is_out(item):
                found[key] = DrainedInstance(item.entry, act.at, act.user, act.host, act.id)
    return list(found.values())


def _is_out(item: Item) -> bool:
    """Return whether the item was removed, or may have been, and is not back."""
    back = item.restored in (PutBack.DONE, PutBack.THERE)
    return item.may_be_removed and not back
