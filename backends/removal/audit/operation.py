"""An operation (an act of removing), its id and its items, and how the audit spells outcomes."""

from __future__ import annotations

import secrets
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.store import Entry, PodLabel

OperationKind = Literal["unregister", "drain", "clean up", "lasting drain", "put back"]
"""The purpose: a drain takes a live worker out of routing, a clean up removes stale keys. A lasting
drain takes a label off a pod; `put back` puts a label back that no act in this audit took off."""

NOT_DONE = "not done"
"""The store refused, or could not be reached."""
NOT_KNOWN = "not known"
"""The store was called for this key, or for others before it, and did not answer."""


class Item(msgspec.Struct, frozen=True):
    """One key of an act."""

    number: int
    """Counts from 1 within its act."""
    entry: Entry
    """The entry as confirmed."""
    verdict: str
    """Its verdict then, e.g. `stale`."""
    evidence: tuple[str, ...]
    """The reasons for its verdict."""
    outcome: str | None = None
    """An `OutcomeType`, `NOT_DONE` or `NOT_KNOWN`. None: not recorded, so it may be removed."""
    restored: str | None = None
    """The outcome of putting it back, likewise. Once put back, later attempts do not change it."""
    restored_at: float | None = None
    """When that was, in POSIX seconds."""
    label: PodLabel | None = None
    """The label of a pod that was taken off or put back in place of the entry, which stayed. The
    entry is one that clients then discover no more, or again. None: the entry itself was removed.
    """
    problem: str = ""
    """The store's error, if the last of these two is `NOT_DONE` or `NOT_KNOWN`."""

    @property
    def may_be_removed(self) -> bool:
        """Return whether this act removed it (with a label: took that off), or may have."""
        return self.outcome in (None, OutcomeType.REMOVED, OutcomeType.LABEL_OFF, NOT_KNOWN)

    @property
    def can_be_undone(self) -> bool:
        """Return whether this act may have removed it, its value is known, and the store has not
        answered to putting it back."""
        waits = self.restored in (None, NOT_DONE, NOT_KNOWN)
        return self.may_be_removed and waits and (self.label is not None or not self.entry.unread)

    def with_outcome(self, outcome: str, problem: str) -> Item:
        """Return the item with an outcome of `spell_outcome`."""
        return replace(self, outcome=outcome, problem=problem)

    def with_restored(self, outcome: str, problem: str, at: float) -> Item:
        """Return the item after putting it back at `at` (POSIX seconds), with an outcome of
        `spell_outcome`."""
        if self.restored == OutcomeType.PUT_BACK:
            return self
        return replace(self, restored=outcome, restored_at=at, problem=problem)


class Operation(msgspec.Struct, frozen=True):
    """One confirmed removal and its keys: an act, in the audit and in the commands."""

    id: str
    """E.g. `20261121-134501-3f2a`: the second in UTC, and four random digits."""
    at: float
    """When it was written down, in POSIX seconds."""
    kind: OperationKind
    store: str
    """The kind of store: `etcd`, `file`, `memory`."""
    address: str
    """The store's address."""
    user: str
    host: str
    """The author, and the author's machine. Empty: no audit was written."""
    items: tuple[Item, ...]

    def part(self, wanted: str) -> Operation | None:
        """Return this act for its own id, or with a single item for `ID.N`. None: another id."""
        if wanted == self.id:
            return self
        items = tuple(item for item in self.items if wanted == f"{self.id}.{item.number}")
        return replace(self, items=items) if items else None

    def left_to_undo(self) -> Operation | None:
        """Return this act with the items that can be undone. None: there are none."""
        items = tuple(item for item in self.items if item.can_be_undone)
        return replace(self, items=items) if items else None

    def with_outcomes(self, outcomes: Mapping[bytes, KeyOutcome]) -> Operation:
        """Return the act with outcomes, by key. Other items stay."""
        return replace(
            self,
            items=tuple(
                item.with_outcome(*spell_outcome(outcomes[item.entry.key]))
                if item.entry.key in outcomes
                else item
                for item in self.items
            ),
        )

    def with_restored(self, outcomes: Mapping[bytes, KeyOutcome], at: float) -> Operation:
        """Return the act after items were put back at `at` (POSIX seconds), by key."""
        return replace(
            self,
            items=tuple(
                item.with_restored(*spell_outcome(outcomes[item.entry.key]), at)
                if item.entry.key in outcomes
                else item
                for item in self.items
            ),
        )


def new_id(at: float, taken: Container[str]) -> str:
    """Return an unused id for an act at `at` (POSIX seconds)."""
    second = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    while True:
        candidate = f"{second}-{secrets.token_hex(2)}"
        if candidate not in taken:
            return candidate


def spell_outcome(outcome: KeyOutcome) -> tuple[str, str]:
    """Return an outcome in the audit's words, and the store's error. Empty: no error.

    Earlier builds read the same words, so a new type must use them.
    """
    if outcome.error is None:
        return outcome.type.value, ""
    left_open = outcome.type is OutcomeType.LEFT_OPEN
    return NOT_KNOWN if left_open else NOT_DONE, as_text(str(outcome.error))


def as_text(text: str) -> str:
    """Return a text that every JSON tool reads: lone surrogates become `\\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode()
