"""The typed outcome of removing or putting back a key.

A store answers with `Removal`, `PutBack`, `LabelOutcome` or a `StoreError`. Only this module
decides what an answer means for the key: above all, whether an error leaves the outcome open.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backends.store import Cause, LabelOutcome, Outcome, PutBack, StoreError, Unreachable


class OutcomeType(StrEnum):
    """The outcome for one key."""

    # Outcomes of removing.
    REMOVED = "removed"
    CHANGED = "changed"
    """The key's revision differs from the one shown, so it was not removed."""
    GONE = "gone"
    """The key was gone already."""
    NOT_WRITTEN_DOWN = "not written down"
    """The audit could not be written, so the store was not called."""

    # Outcomes of putting back.
    PUT_BACK = "put back"
    THERE = "there"
    """The key exists, and nothing is ever overwritten."""
    LEASE_GONE = "lease gone"
    """The key's lease has ended."""
    UNREAD = "value not known"
    """The key's value was unknown when it was removed."""

    # Outcomes of a lasting drain and of its undo, named as `LabelOutcome`.
    LABEL_OFF = "label off"
    LABEL_OFF_ALREADY = "label off already"
    LABEL_THERE = "label there"
    LABEL_CHANGED = "label changed"
    LABEL_NOT_KEPT = "label not kept"
    POD_GONE = "pod gone"

    # Outcomes of all. The reason is in `KeyOutcome.error`.
    REFUSED = "refused"
    """The store refused."""
    NOT_REACHED = "not reached"
    """The store could not be reached."""
    LEFT_OPEN = "left open"
    """The store was called and did not answer: it may have been done."""
    NOT_TRIED = "not tried"
    """The store was not called, since it did not answer for other keys before."""


FAILED = frozenset(
    {
        OutcomeType.REFUSED,
        OutcomeType.NOT_REACHED,
        OutcomeType.LEFT_OPEN,
        OutcomeType.NOT_TRIED,
    }
)
"""Types that have an error."""


class KeyOutcome(msgspec.Struct, frozen=True):
    """The outcome for one key, and its reason."""

    type: OutcomeType
    error: StoreError | None = None
    """The reason, for the types in `FAILED`."""
    unread: str = ""
    """For `UNREAD`: why the value was unknown, if recorded."""


def outcome_of(answer: Outcome | PutBack | LabelOutcome, *, unread: str = "") -> KeyOutcome:
    """Return the outcome that a store's answer means. `unread`: as in `Entry.unread`."""
    if not isinstance(answer, StoreError):
        found = OutcomeType(answer.value)
        return KeyOutcome(found, unread=unread if found is OutcomeType.UNREAD else "")
    return KeyOutcome(_of_error(answer), answer)


def not_tried(error: StoreError) -> KeyOutcome:
    """Return the outcome of a key for which the store was not called, after this error for
    others."""
    return KeyOutcome(OutcomeType.NOT_TRIED, error)


def _of_error(error: StoreError) -> OutcomeType:
    if not isinstance(error, Unreachable):
        return OutcomeType.REFUSED
    if error.cause in (Cause.TIMEOUT, Cause.LOST):
        return OutcomeType.LEFT_OPEN
    return OutcomeType.NOT_REACHED
