"""Which workers the audit says were drained, so that another process shows it, too. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from backends.removal.audit.act import Item, Operation
from backends.removal.audit.text import as_text
from backends.store import Entry, PutBack


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
