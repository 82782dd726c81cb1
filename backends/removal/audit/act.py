"""What a person did: an act, its id, and its items; and how the audit spells what came of them."""

from __future__ import annotations

import secrets
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from backends.removal.outcomes import KeyOutcome, OutcomeType
from backends.store import Entry

ActKind = Literal["unregister", "drain", "clean up"]
"""What the person meant by it: drain is of a worker that lives, clean up of what is stale."""

NOT_DONE = "not done"
"""The store would not, or could not be asked."""
NOT_KNOWN = "not known"
"""The store was asked for it, or for others before it, and did not answer."""


@dataclass(frozen=True, slots=True)
class Item:
    """One key of an act."""

    number: int
    """Counts from 1 within its act."""
    entry: Entry
    """As it was when the person said yes."""
    verdict: str
    """What dyntop thought of it, e.g. `stale`."""
    evidence: tuple[str, ...]
    """Why it thought so."""
    outcome: str | None = None
    """Of an `OutcomeType`, or `NOT_DONE`, `NOT_KNOWN`. None: not recorded, so it may have gone."""
    restored: str | None = None
    """Likewise. Once put back, later attempts change it no more."""
    restored_at: float | None = None
    """POSIX seconds of that."""
    problem: str = ""
    """What the store said, where the last of these two is `NOT_DONE` or `NOT_KNOWN`."""

    @property
    def may_be_removed(self) -> bool:
        """Whether this act removed it, or may have."""
        return self.outcome in (None, OutcomeType.REMOVED, NOT_KNOWN)

    @property
    def can_be_undone(self) -> bool:
        """Whether this act may have removed it, its value is known, and the store never answered
        to putting it back."""
        waits = self.restored in (None, NOT_DONE, NOT_KNOWN)
        return self.may_be_removed and waits and not self.entry.unread

    def with_outcome(self, outcome: str, problem: str) -> Item:
        """As it is after the store answered, as `spell_outcome` has it."""
        return replace(self, outcome=outcome, problem=problem)

    def with_restored(self, outcome: str, problem: str, at: float) -> Item:
        """As it is after it was put back at `at` (POSIX seconds), as `spell_outcome` has it."""
        if self.restored == OutcomeType.PUT_BACK:
            return self
        return replace(self, restored=outcome, restored_at=at, problem=problem)


@dataclass(frozen=True, slots=True)
class Operation:
    """One yes of a person, and the keys that it was about."""

    id: str
    """E.g. `20261121-134501-3f2a`: the second in UTC, and four digits of chance."""
    at: float
    """POSIX seconds at which it was written down."""
    kind: ActKind
    store: str
    """The store's name: `etcd`, `file`, `memory`."""
    address: str
    """The store's address."""
    user: str
    host: str
    """Who did it, and on which machine. Empty where nothing is written down."""
    items: tuple[Item, ...]

    def part(self, wanted: str) -> Operation | None:
        """This act for its own id, one with a single item for `ID.N`. None for any other id."""
        if wanted == self.id:
            return self
        items = tuple(item for item in self.items if wanted == f"{self.id}.{item.number}")
        return replace(self, items=items) if items else None

    def left_to_undo(self) -> Operation | None:
        """This act with the items that can be undone. None: there are none."""
        items = tuple(item for item in self.items if item.can_be_undone)
        return replace(self, items=items) if items else None

    def with_outcomes(self, outcomes: Mapping[bytes, KeyOutcome]) -> Operation:
        """As it is after the store answered, by key; an item that is not among them stays."""
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
        """As it is after items were put back, by key, at `at` (POSIX seconds)."""
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
    """An id for an act at `at` (POSIX seconds) that is not taken."""
    second = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    while True:
        candidate = f"{second}-{secrets.token_hex(2)}"
        if candidate not in taken:
            return candidate


def spell_outcome(outcome: KeyOutcome) -> tuple[str, str]:
    """Return an outcome as the audit has it, and what the store said if it failed, else nothing.

    Earlier builds read the same words, so that a new type needs no new one.
    """
    if outcome.error is None:
        return outcome.type.value, ""
    left_open = outcome.type is OutcomeType.LEFT_OPEN
    return NOT_KNOWN if left_open else NOT_DONE, as_text(str(outcome.error))


def as_text(text: str) -> str:
    """A text that every JSON tool takes: lone surrogates, which none does, as `\\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode()
