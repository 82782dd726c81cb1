"""The typed outcome of each key that was to be removed or put back.

A store answers with `Removal`, `PutBack` or a `StoreError`. Here, and nowhere else, it is decided
what such an answer means for the key: above all whether an error leaves open what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backends.store import Cause, Outcome, PutBack, StoreError, Unreachable


class OutcomeType(StrEnum):
    """What came of one key."""

    # Of removing.
    REMOVED = "removed"
    CHANGED = "changed"
    """The key holds something else than what was shown, so it was not removed."""
    GONE = "gone"
    """The key was not there any more."""
    NOT_WRITTEN_DOWN = "not written down"
    """The audit could not take it, so the store was not asked."""

    # Of putting back.
    PUT_BACK = "put back"
    THERE = "there"
    """A key of that name is there, and nothing is ever overwritten."""
    LEASE_GONE = "lease gone"
    """The lease that it hung on has ended."""
    UNREAD = "value not known"
    """Its value was not known when it was removed."""

    # Of both. `KeyOutcome.error` has the reason.
    REFUSED = "refused"
    """The store answered that it would not."""
    NOT_REACHED = "not reached"
    """The store could not be asked."""
    LEFT_OPEN = "left open"
    """The store was asked and did not answer, so it may have been done."""
    NOT_TRIED = "not tried"
    """The store was not asked, since it did not answer for other keys before."""


FAILED = frozenset(
    {
        OutcomeType.REFUSED,
        OutcomeType.NOT_REACHED,
        OutcomeType.LEFT_OPEN,
        OutcomeType.NOT_TRIED,
    }
)
"""Types that have an error."""


@dataclass(frozen=True, slots=True)
class KeyOutcome:
    """What came of one key, and why."""

    type: OutcomeType
    error: StoreError | None = None
    """Why, of the types in `FAILED`."""
    unread: str = ""
    """Of `UNREAD`: why the value was not known, where that was written down."""


def outcome_of(answer: Outcome | PutBack, *, unread: str = "") -> KeyOutcome:
    """Return what a store's answer means for its key. `unread`: as `Entry.unread` has it."""
    if not isinstance(answer, StoreError):
        found = OutcomeType(answer.value)
        return KeyOutcome(found, unread=unread if found is OutcomeType.UNREAD else "")
    return KeyOutcome(_of_error(answer), answer)


def not_tried(error: StoreError) -> KeyOutcome:
    """Return the outcome of a key that the store was not asked for, after this error for others."""
    return KeyOutcome(OutcomeType.NOT_TRIED, error)


def _of_error(error: StoreError) -> OutcomeType:
    if not isinstance(error, Unreachable):
        return OutcomeType.REFUSED
    if error.cause in (Cause.TIMEOUT, Cause.LOST):
        return OutcomeType.LEFT_OPEN
    return OutcomeType.NOT_REACHED
