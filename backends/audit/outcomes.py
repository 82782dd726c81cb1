"""How it is put in words what a store answered, or that it did not."""

from __future__ import annotations

from backends.audit.text import as_text
from backends.store import Cause, Outcome, PutBack, StoreError, Unreachable

NOT_DONE = "not done"
"""The store would not, or could not be asked."""
NOT_KNOWN = "not known"
"""The store was asked for it, or for others before it, and did not answer."""


def told(outcome: Outcome | PutBack) -> tuple[str, str]:
    """An outcome as it is written down, and what the store said if it is an error, else nothing."""
    if not isinstance(outcome, StoreError):
        return outcome.value, ""
    lost = isinstance(outcome, Unreachable) and outcome.cause in (Cause.TIMEOUT, Cause.LOST)
    return NOT_KNOWN if lost else NOT_DONE, as_text(str(outcome))
